//! What every daemon does with bundles, tried with gate-audit: it enforces nothing, so that nothing else is in the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, helpers included"
)]

#[path = "../../authz/tests/harness/mod.rs"]
mod harness;

use gate_bundle::Bundle;
use gate_host::Role;
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_record::{Entry, Event};
use gate_statements::BundleDigest;
use harness::{Daemon, Host, Wire, shop, until};
use std::os::fd::AsFd;
use std::path::PathBuf;

const GATE_AUDIT: &str = env!("CARGO_BIN_EXE_gate-audit");

fn running() -> (Host, Daemon, Bundle) {
    let host = Host::new();
    let daemon = host.start(Role::Audit, GATE_AUDIT);
    let bundle = host.people.bundle(&shop(), None, |_| {});
    (host, daemon, bundle)
}

fn confirmed(host: &Host, bundle: &Bundle) -> AdminReply {
    host.stage(Role::Audit, bundle, Some(Host::confirmation(bundle, &Host::key(Role::Authz))))
}

fn activate(host: &Host, bundle: &Bundle) -> AdminReply {
    host.operate(Role::Audit, &AdminRequest::Activate { bundle: BundleDigest(*bundle.digest().as_bytes()) })
}

fn refused(reply: AdminReply) -> String {
    match reply {
        AdminReply::Refused(refused) => refused.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// What a daemon says that must not start.
fn gives_up(mut command: std::process::Command) -> String {
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let status = until("the daemon gives up", || child.try_wait().unwrap());
    assert!(!status.success());
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

fn version(host: &Host) -> u64 {
    host.status(Role::Audit)["version"].as_u64().unwrap()
}

/// The bundle events of the log with this step, as soon as there is one.
fn steps(host: &Host, step: &str) -> Vec<Entry> {
    until(step, || {
        let AdminReply::Entries { entries, .. } =
            host.operate(Role::Audit, &AdminRequest::Read { from: 0, count: 256 })
        else {
            panic!()
        };
        let entries = entries.iter().map(|entry| gate_record::decode(entry).unwrap());
        let found: Vec<Entry> =
            entries.filter(|entry| matches!(&entry.report.event, Event::Bundle { step: s, .. } if s == step)).collect();
        (!found.is_empty()).then_some(found)
    })
}

fn reasons(entry: &Entry) -> String {
    match &entry.report.event {
        Event::Bundle { reasons, .. } => reasons.join("; "),
        _ => unreachable!(),
    }
}

#[test]
fn a_confirmed_bundle_is_staged_activated_recorded_and_there_after_a_restart() {
    let (host, daemon, bundle) = running();
    assert!(matches!(confirmed(&host, &bundle), AdminReply::Staged { version: 1, confirmation: None, .. }));
    assert_eq!(version(&host), 0, "staged is not in force");
    assert_eq!(activate(&host, &bundle), AdminReply::Activated { version: 1 });
    assert_eq!(version(&host), 1);
    let activated = steps(&host, "activated").remove(0);
    let Event::Bundle { author, approvers, candidate, .. } = activated.report.event else { panic!() };
    assert_eq!((author.as_deref(), approvers), (Some("alice"), vec!["bob".to_owned()]));
    assert_eq!(candidate, bundle.digest().to_string());

    daemon.kill();
    let _daemon = host.start(Role::Audit, GATE_AUDIT);
    assert_eq!(version(&host), 1);
    let restored = steps(&host, "restored").remove(0);
    assert_eq!((restored.report.version, restored.report.bundle), (1, bundle.digest().to_string()));
    assert_eq!(host.status(Role::Audit)["bundle"].as_str(), Some(bundle.digest().to_string().as_str()));
}

#[test]
fn the_next_bundle_follows_and_an_older_one_does_not() {
    let (host, _daemon, first) = running();
    confirmed(&host, &first);
    activate(&host, &first);
    let second = host.people.bundle(&shop(), Some(&first), |_| {});
    assert!(matches!(confirmed(&host, &second), AdminReply::Staged { version: 2, .. }));
    assert_eq!(activate(&host, &second), AdminReply::Activated { version: 2 });
    let older = refused(confirmed(&host, &first));
    assert!(older.starts_with("gate-audit: ") && older.contains("version 2"), "{older}");
    assert_eq!(version(&host), 2);
    assert!(reasons(&steps(&host, "refused")[0]).contains("version 2"));
    // Again the one in force: nothing changes, and nothing is wrong.
    assert!(matches!(confirmed(&host, &second), AdminReply::Staged { version: 2, .. }));
    assert_eq!(activate(&host, &second), AdminReply::Activated { version: 2 });
}

#[test]
fn without_gate_authz_s_word_for_exactly_this_bundle_nothing_is_staged() {
    let (host, _daemon, bundle) = running();
    let other = host.people.bundle(&shop().with_more_rules("// another\n"), None, |_| {});
    let authz = Host::key(Role::Authz);
    for (confirmation, expected) in [
        (None, "gate-authz has not confirmed bundle"),
        (Some(Host::confirmation(&bundle, &Host::key(Role::Authn))), "not by the enrolled key"),
        (Some(Host::confirmation(&bundle, &Host::key(Role::Audit))), "not by the enrolled key"),
        (Some(Host::confirmation(&other, &authz)), "its confirmation is for"),
    ] {
        let found = refused(host.stage(Role::Audit, &bundle, confirmation));
        assert!(found.contains(expected), "{found}");
        let nothing = refused(activate(&host, &bundle));
        assert!(nothing.contains("is not staged, none is"), "{nothing}");
    }
    assert_eq!(version(&host), 0);
    until("four refusals", || (steps(&host, "refused").len() == 4).then_some(()));
}

#[test]
fn only_what_was_staged_last_is_activated() {
    let (host, _daemon, bundle) = running();
    let other = host.people.bundle(&shop().with_more_rules("// another\n"), None, |_| {});
    confirmed(&host, &bundle);
    let wrong = refused(activate(&host, &other));
    assert!(wrong.contains(&format!("is not staged, {} is", bundle.digest())), "{wrong}");
    // A bundle that is refused takes the place of one that waited.
    refused(host.stage(Role::Audit, &other, None));
    assert!(refused(activate(&host, &bundle)).contains("none is"));
    assert_eq!(version(&host), 0);
}

#[test]
fn what_arrives_is_not_believed_to_be_a_bundle() {
    let (host, _daemon, _) = running();
    let admin = || Wire::connect(&host.path("run/admin/audit.sock")).unwrap();
    let stage = AdminRequest::Stage { confirmation: None };
    let (pipe, _writer) = std::io::pipe().unwrap();
    let found = refused(admin().call(&stage, &[pipe.as_fd()]));
    assert!(found.contains("no regular file"), "{found}");
    let garbage = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &garbage, &[7; 4096]).unwrap();
    let found = refused(admin().call(&stage, &[garbage.as_fd()]));
    assert!(found.contains("bundle"), "{found}");
    // None, two, and one beside another request: nobody's client does that.
    for (request, descriptors) in
        [(&stage, vec![]), (&stage, vec![garbage.as_fd(); 2]), (&AdminRequest::Status, vec![garbage.as_fd()])]
    {
        let wire = admin();
        wire.send(request, &descriptors);
        assert!(wire.is_closed());
    }
    assert!(matches!(admin().call(&AdminRequest::Status, &[]), AdminReply::Json(_)));
}

fn chain(host: &Host) -> PathBuf {
    host.path("state/audit/bundles/chain/1.tar")
}

#[test]
fn a_changed_byte_in_the_stored_bundle_keeps_the_daemon_from_starting() {
    let (host, daemon, bundle) = running();
    confirmed(&host, &bundle);
    activate(&host, &bundle);
    daemon.kill();
    let mut bytes = std::fs::read(chain(&host)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(chain(&host), bytes).unwrap();
    let message = gives_up(host.run(Role::Audit, GATE_AUDIT, &[]));
    assert!(message.contains("chain/1.tar"), "{message}");
}

#[test]
fn a_stored_bundle_without_its_confirmation_is_not_put_into_force_and_can_be_loaded_again() {
    let (host, daemon, bundle) = running();
    confirmed(&host, &bundle);
    activate(&host, &bundle);
    daemon.kill();
    let kept = host.path("state/audit").join(format!("{}.confirmation", bundle.digest()));
    let mut bytes = std::fs::read(&kept).unwrap();
    bytes[5] ^= 1;
    std::fs::write(&kept, bytes).unwrap();
    let daemon = host.start(Role::Audit, GATE_AUDIT);
    assert_eq!(version(&host), 0);
    assert!(reasons(&steps(&host, "refused")[0]).contains("gate-authz has not confirmed"));
    confirmed(&host, &bundle);
    assert_eq!(activate(&host, &bundle), AdminReply::Activated { version: 1 });
    daemon.kill();
    let _daemon = host.start(Role::Audit, GATE_AUDIT);
    assert_eq!(version(&host), 1);
}

#[test]
fn a_daemon_that_is_not_who_or_where_it_must_be_does_not_start() {
    let host = Host::new();
    // As another role's user and cgroup.
    let elsewhere = gives_up(host.run(Role::Net, GATE_AUDIT, &[]));
    assert!(elsewhere.contains(&format!("uid {} in cgroup \"net\"", Host::uid(Role::Net))), "{elsewhere}");
    assert!(elsewhere.contains(&format!("uid {} in cgroup \"audit\"", Host::uid(Role::Audit))), "{elsewhere}");
    // With another key than the enrolled one.
    let enrolled = host.path("keys/audit.pub");
    let line = gate_host::public_key_line(&ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key());
    std::fs::write(enrolled, line).unwrap();
    let other = gives_up(host.run(Role::Audit, GATE_AUDIT, &[]));
    assert!(other.contains("is not the key that is enrolled"), "{other}");
}

#[test]
fn operators_are_operators_and_nobody_else() {
    let (host, _daemon, _) = running();
    let admin = host.path("run/admin/audit.sock");
    let found = std::fs::metadata(&admin).unwrap();
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    assert_eq!((found.permissions().mode() & 0o777, found.gid()), (0o660, 61_900));
    // For a role even the file's mode does not let it in; give it one that does.
    std::fs::set_permissions(&admin, std::fs::Permissions::from_mode(0o666)).unwrap();
    let myself = host.install(&std::env::current_exe().unwrap());
    let (uid, cgroup) = (Host::uid(Role::Proxy), host.cgroup(Role::Proxy));
    let (socket, keeper) = harness::stand_in::socket_of(uid, &cgroup, &myself, "connect", &admin);
    let proxy = Wire::from_socket(socket, Some(Box::new(keeper)));
    assert!(proxy.is_closed());
}
