//! gate-audit as it runs: its own user, cgroup and sandbox, real Unix sockets, a real log.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, helpers included"
)]

#[path = "../../authz/tests/harness/mod.rs"]
mod harness;

use gate_audit_log::{Report as Verified, VerifierKey, verify};
use gate_host::Role;
use gate_ipc::messages::{AdminReply, AdminRequest, AuditReply, AuditRequest};
use gate_record::{Entry, Event, Outcome, Report};
use harness::{Daemon, Host, Wire, until};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use std::path::PathBuf;

const GATE_AUDIT: &str = env!("CARGO_BIN_EXE_gate-audit");

fn running() -> (Host, Daemon) {
    let host = Host::new();
    let daemon = host.start(Role::Audit, GATE_AUDIT);
    (host, daemon)
}

/// A connection as that role makes it.
fn reporter(host: &Host, role: Role) -> Wire {
    host.connect_as(role, role, Role::Audit)
}

fn encoded(event: Event) -> Vec<u8> {
    serde_json::to_vec(&Report { time_ms: 1, version: 0, bundle: String::new(), event }).unwrap()
}

fn send(wire: &Wire, reports: Vec<Vec<u8>>, durable: bool) -> AuditReply {
    wire.call(&AuditRequest { reports, durable }, &[])
}

fn recorded(reply: &AuditReply) -> u64 {
    match reply {
        AuditReply::Recorded { size } => *size,
        AuditReply::Refused(refused) => panic!("{refused}"),
    }
}

fn flow(source: &str, number: u16) -> Event {
    Event::Flow {
        outcome: Outcome::Deny,
        hook: "connect".into(),
        why: "no rule".into(),
        source: source.into(),
        destination: "ledger".into(),
        from: None,
        to: ([127, 0, 0, 1], number).into(),
        uid: None,
        rule: None,
    }
}

fn decision(number: u8, outcome: Outcome) -> Event {
    Event::Decision {
        decision: format!("{number:032x}"),
        session: "5".repeat(32),
        source: "web".into(),
        destination: "orders".into(),
        action: "orders.getOrder".into(),
        request: "GET /orders/1".into(),
        outcome,
        rules: Vec::new(),
        why: String::new(),
        grant_until_ms: None,
    }
}

fn enforcement(number: u8, source: &str) -> Event {
    Event::Enforcement {
        request_id: format!("r{number}"),
        decision: Some(format!("{number:032x}")),
        session: Some("5".repeat(32)),
        source: source.into(),
        destination: "orders".into(),
        request: "GET /orders/1".into(),
        status: 200,
        outcome: Outcome::Allow,
        why: String::new(),
    }
}

/// The log as an operator reads it, from this index on.
fn read(host: &Host, from: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let next = from + entries.len() as u64;
        let reply = host.operate(Role::Audit, &AdminRequest::Read { from: next, count: 256 });
        let AdminReply::Entries { from, entries: more, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(from, next);
        if more.is_empty() {
            return entries;
        }
        entries.extend(more.iter().map(|entry| gate_record::decode(entry).unwrap()));
    }
}

/// The first entry that fits, as soon as there is one.
fn find(host: &Host, what: &str, fits: impl Fn(&Event) -> bool) -> Entry {
    until(what, || read(host, 0).into_iter().find(|entry| fits(&entry.report.event)))
}

fn mismatch(host: &Host, text: &str) -> Entry {
    find(host, text, |event| matches!(event, Event::Mismatch { found } if found.contains(text)))
}

fn rejection(host: &Host, text: &str) -> String {
    let fits = |event: &Event| matches!(event, Event::Rejected { found, .. } if found.contains(text));
    match find(host, text, fits).report.event {
        Event::Rejected { socket, peer, found } => format!("{socket}: {peer}: {found}"),
        _ => unreachable!(),
    }
}

/// What a daemon says that must not start.
fn gives_up(mut command: std::process::Command) -> String {
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let status = until("the daemon gives up", || child.try_wait().unwrap());
    assert!(!status.success());
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

fn directory(host: &Host) -> PathBuf {
    host.path("state/audit/log")
}

fn verifier(host: &Host) -> VerifierKey {
    host.status(Role::Audit)["duty"]["verifier_key"].as_str().unwrap().parse().unwrap()
}

fn verified(host: &Host, key: &VerifierKey) -> Verified {
    verify(&directory(host), key, None).unwrap()
}

#[test]
fn reports_become_entries_that_anybody_verifies() {
    let (host, _daemon) = running();
    let net = reporter(&host, Role::Net);
    let size = recorded(&send(&net, vec![encoded(flow("batch", 1)), encoded(flow("batch", 2))], false));
    assert!(size >= 2);
    let entry = find(&host, "the flow", |event| *event == flow("batch", 2));
    assert_eq!((entry.role.as_str(), entry.host.as_str(), entry.environment.as_str()), ("net", "h1", "demo"));
    assert!(entry.received_ms > 1_700_000_000_000);
    let start = find(&host, "its own start", |event| matches!(event, Event::Start { .. }));
    let Event::Start { binary, sandbox, .. } = start.report.event else { panic!() };
    assert_eq!((binary.len(), start.role.as_str()), (64, "audit"));
    assert!(sandbox.contains("no capabilities") && sandbox.contains("seccomp"), "{sandbox}");
    // Reading is an act of somebody.
    find(
        &host,
        "the reading",
        |event| matches!(event, Event::Administration { uid: 0, act } if act.contains("read 256")),
    );
    let key = verifier(&host);
    assert!(key.name().starts_with("gate/demo/h1/"), "{}", key.name());
    assert!(verified(&host, &key).entries >= size);
}

#[test]
fn an_acknowledged_report_survives_a_crash() {
    let (host, daemon) = running();
    let key = verifier(&host);
    let net = reporter(&host, Role::Net);
    let mut size = 0;
    for number in 0..20 {
        size = recorded(&send(&net, vec![encoded(flow("batch", number))], number % 2 == 0));
    }
    daemon.kill();
    assert!(verified(&host, &key).checkpoint.size >= size);
    let _daemon = host.start(Role::Audit, GATE_AUDIT);
    let flows = read(&host, 0).into_iter().filter(|entry| matches!(entry.report.event, Event::Flow { .. }));
    let flows: Vec<Event> = flows.map(|entry| entry.report.event).collect();
    assert_eq!(flows, (0..20).map(|number| flow("batch", number)).collect::<Vec<_>>());
    assert_eq!(verifier(&host), key);
}

#[test]
fn a_role_cannot_speak_for_another() {
    let (host, _daemon) = running();
    let proxy = reporter(&host, Role::Proxy);
    let reports = vec![encoded(decision(1, Outcome::Allow)), encoded(enforcement(1, "web"))];
    recorded(&send(&proxy, reports, false));
    let found = rejection(&host, "which is not its to report");
    assert!(found.contains("gate-proxy reported a decision"), "{found}");
    // Its own report is there, and is not explained by what it made up.
    find(&host, "the enforcement", |event| *event == enforcement(1, "web"));
    mismatch(&host, "which gate-authz has not reported");
    assert!(!read(&host, 0).iter().any(|entry| matches!(entry.report.event, Event::Decision { .. })));
}

#[test]
fn what_is_no_report_is_recorded_as_that_and_nothing_else_is_lost() {
    let (host, _daemon) = running();
    let net = reporter(&host, Role::Net);
    let bad = br#"{"time_ms":1,"version":0,"bundle":"","role":"authz","event":{"type":"stop"}}"#.to_vec();
    recorded(&send(&net, vec![bad, b"\xff".to_vec(), encoded(flow("web", 7))], false));
    let found = rejection(&host, "2 of 3 reports were refused");
    assert!(found.starts_with("audit.sock: gate-net, uid "), "{found}");
    find(&host, "the good one", |event| *event == flow("web", 7));
}

#[test]
fn malformed_frames_close_their_connection_and_nothing_else() {
    let (host, _daemon) = running();
    let good = reporter(&host, Role::Net);
    let empty = AuditRequest { reports: Vec::new(), durable: false };
    let many = AuditRequest { reports: vec![encoded(Event::Heartbeat {}); 257], durable: false };
    for (bytes, text) in [
        (vec![0xff; 32], "malformed frame"),
        (postcard::to_allocvec(&empty).unwrap(), "0 reports in one frame"),
        (postcard::to_allocvec(&many).unwrap(), "257 reports in one frame"),
    ] {
        let bad = reporter(&host, Role::Authn);
        bad.send_bytes(&bytes, &[]).unwrap();
        assert!(bad.is_closed(), "{text}");
        rejection(&host, text);
    }
    recorded(&send(&good, vec![encoded(flow("web", 8))], true));
}

#[test]
fn only_roles_report_each_from_its_own_cgroup() {
    let (host, _daemon) = running();
    let stranger = host.connect_as(Role::Net, Role::Proxy, Role::Audit);
    assert!(stranger.is_closed());
    let found = rejection(&host, "its cgroup is \"net\"");
    assert!(found.contains("the cgroup is \"proxy\""), "{found}");
    // An operator is no role.
    let root = Wire::connect(&host.socket(Role::Audit)).unwrap();
    assert!(root.is_closed());
    rejection(&host, "uid 0 is no role's");
}

#[test]
fn what_was_done_is_compared_with_what_was_decided_also_across_a_restart() {
    let (host, daemon) = running();
    let (authz, proxy) = (reporter(&host, Role::Authz), reporter(&host, Role::Proxy));
    let decisions = vec![encoded(decision(1, Outcome::Allow)), encoded(decision(2, Outcome::Deny))];
    recorded(&send(&authz, decisions, false));
    daemon.kill();
    let _daemon = host.start(Role::Audit, GATE_AUDIT);
    drop(proxy);
    let proxy = reporter(&host, Role::Proxy);
    let acts = vec![encoded(enforcement(1, "web")), encoded(enforcement(2, "web")), encoded(enforcement(1, "batch"))];
    recorded(&send(&proxy, acts, false));
    let entry = mismatch(&host, "which denied it");
    assert_eq!(entry.role, "audit");
    mismatch(&host, "the decision was made for");
    let count = read(&host, 0).iter().filter(|entry| matches!(entry.report.event, Event::Mismatch { .. })).count();
    assert_eq!(count, 2, "the decision before the restart explains the first");
}

#[test]
fn a_stop_is_the_last_entry() {
    let (host, daemon) = running();
    let key = verifier(&host);
    assert!(daemon.stop());
    let mut reader = gate_audit_log::Reader::open(&directory(&host), &key).unwrap();
    let (_, last) = reader.entries(0).last().unwrap().unwrap();
    assert_eq!(gate_record::decode(&last).unwrap().report.event, Event::Stop {});
}

#[test]
fn a_damaged_log_is_not_written_to() {
    let (host, daemon) = running();
    daemon.kill();
    let checkpoint = directory(&host).join("checkpoint");
    let text = std::fs::read_to_string(&checkpoint).unwrap();
    std::fs::write(&checkpoint, text.replacen("gate/demo", "gate/demi", 1)).unwrap();
    let message = gives_up(host.run(Role::Audit, GATE_AUDIT, &[]));
    assert!(message.contains("the log is damaged: checkpoint"), "{message}");
}

/// A file system of this size for the log.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(path: PathBuf, kilobytes: u32) -> Self {
        let uid = Host::uid(Role::Audit);
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={kilobytes}k,mode=700,uid={uid},gid={uid}");
        mount(
            "gate-test",
            &path,
            "tmpfs",
            MountFlags::empty(),
            Some(std::ffi::CString::new(options).unwrap().as_c_str()),
        )
        .unwrap();
        Self(path)
    }

    fn grow(&self, kilobytes: u32) {
        mount_remount(&self.0, MountFlags::empty(), format!("size={kilobytes}k")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

#[test]
fn a_full_disk_refuses_reports_until_there_is_room_and_the_gap_is_recorded() {
    let host = Host::new();
    let disk = SmallDisk::at(directory(&host), 256);
    let _daemon = host.start(Role::Audit, GATE_AUDIT);
    let key = verifier(&host);
    let net = reporter(&host, Role::Net);
    let mut acknowledged = Vec::new();
    let mut number = 0;
    let refused = loop {
        number += 1;
        assert!(number < 2_000, "the disk does not fill");
        match send(&net, vec![encoded(flow("batch", number))], false) {
            AuditReply::Recorded { .. } => acknowledged.push(number),
            AuditReply::Refused(refused) => break refused,
        }
    };
    assert!(refused.to_string().starts_with("gate-audit: the log cannot be written: "), "{refused}");
    assert!(host.status(Role::Audit)["duty"]["failed"].as_str().unwrap().contains("cannot be written"));
    // It stays refused, and the daemon stays.
    assert!(matches!(send(&net, vec![encoded(flow("batch", number))], true), AuditReply::Refused(_)));
    disk.grow(16 * 1024);
    until("the log can be written again", || match send(&net, vec![encoded(flow("batch", number))], false) {
        AuditReply::Recorded { .. } => Some(()),
        AuditReply::Refused(_) => None,
    });
    acknowledged.push(number);
    let gap = find(&host, "the gap", |event| matches!(event, Event::Loss { what, .. } if what.starts_with("log for ")));
    let Event::Loss { count, .. } = gap.report.event else { panic!() };
    assert!(count >= 2, "{count}");
    let numbers: Vec<u16> = read(&host, 0)
        .into_iter()
        .filter_map(|entry| match entry.report.event {
            Event::Flow { to, .. } => Some(to.port()),
            _ => None,
        })
        .collect();
    assert!(acknowledged.iter().all(|number| numbers.contains(number)), "an acknowledged report is missing");
    verified(&host, &key);
    assert!(host.status(Role::Audit)["duty"]["failed"].is_null());
}
