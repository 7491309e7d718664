//! Bad input on every socket of every role: the connection is closed, that is recorded, and nothing stops.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_ipc::messages::{AdminRequest, AuditRequest, AuthzRequest, NetRequest};
use gate_record::{Event, Report};
use gate_tests::{Host, OUTSIDE, Output, Stand, attacker::Outcome, left_out, record::words, shared};
use std::path::{Path, PathBuf};

/// A socket, a role that may call it, and a right frame of that role.
struct Door {
    role: Role,
    caller: Role,
    right: Vec<u8>,
}

fn doors() -> anyhow::Result<Vec<Door>> {
    let register = postcard::to_allocvec(&NetRequest::RegisterListener)?;
    let ask = postcard::to_allocvec(&AuthzRequest { version: 1, questions: vec![] })?;
    let heartbeat = Report { time_ms: 1, version: 0, bundle: String::new(), event: Event::Heartbeat {} };
    let report = postcard::to_allocvec(&AuditRequest::new(&[heartbeat], false)?)?;
    Ok(vec![
        Door { role: Role::Net, caller: Role::Proxy, right: register },
        Door { role: Role::Authz, caller: Role::Proxy, right: ask },
        Door { role: Role::Audit, caller: Role::Authn, right: report },
    ])
}

fn socket(host: &Host, role: Role) -> PathBuf {
    host.path("run").join(format!("{role}.sock"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    if let [first, rest @ ..] = bytes
        && rest.len() > 1000
        && rest.iter().all(|byte| byte == first)
    {
        return format!("{first:02x}*{}", bytes.len());
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One frame, from a place.
fn frame(host: &Host, stand: &Stand, at: &Path, bytes: &[u8], with: &[&str]) -> anyhow::Result<Outcome> {
    let mut stand = stand.clone();
    // Callers are known by user and cgroup; the network is no part of it.
    stand.private_network = false;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let mut words = vec!["frame".to_owned(), at.display().to_string(), hexadecimal(bytes)];
    words.extend(with.iter().flat_map(|kind| ["--with".to_owned(), (*kind).to_owned()]));
    let output = Output::of(&mut stand.command(attacker, &words)?)?;
    Outcome::from_json(&output.out).with_context(|| format!("gate-attacker said {:?}", output.text()))
}

fn closed(came: &Outcome) -> bool {
    matches!(came, Outcome::Refused { call, .. } if call == "read" || call == "send")
}

/// It was recorded, and the role still answers.
fn recorded(host: &Host, from: gate_tests::record::Mark, role: Role, what: &str) -> anyhow::Result<()> {
    let entry = host.entry_after(from, |entry| {
        matches!(&entry.report.event, Event::Rejected { socket, .. }
            if entry.role == role.name() && socket.contains(role.name()))
    })?;
    ensure!(entry.is_some(), "{what}: {}", words(entry.as_ref()));
    host.operator().status(role).with_context(|| format!("gate-{role} after {what}"))?;
    Ok(())
}

#[test]
fn a_right_frame_of_the_right_caller_is_answered() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for door in doors()? {
        let came = frame(host, &host.stand(door.caller), &socket(host, door.role), &door.right, &[])?;
        ensure!(came.worked_with("an answer"), "gate-{} at gate-{}: {came}", door.caller, door.role);
    }
    Ok(())
}

#[test]
fn garbage_closes_the_connection() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut doors = doors()?;
    doors.push(Door { role: Role::Authn, caller: Role::Proxy, right: vec![0] });
    for door in doors {
        let longer = [door.right.as_slice(), b"more"].concat();
        for bytes in [b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), &[0x7f; 100_000], &longer] {
            let mark = host.mark()?;
            let came = frame(host, &host.stand(door.caller), &socket(host, door.role), bytes, &[])?;
            ensure!(closed(&came), "{} bytes of garbage at gate-{}: {came}", bytes.len(), door.role);
            recorded(host, mark, door.role, "garbage")?;
        }
    }
    Ok(())
}

#[test]
fn descriptors_that_do_not_belong_there() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for door in doors()?.into_iter().filter(|door| door.role != Role::Net) {
        let mark = host.mark()?;
        let came = frame(host, &host.stand(door.caller), &socket(host, door.role), &door.right, &["file"])?;
        ensure!(closed(&came), "a descriptor that gate-{} did not ask for: {came}", door.role);
        recorded(host, mark, door.role, "a descriptor")?;
    }
    // Where a listener, or an accepted connection, is what is asked for.
    let register = postcard::to_allocvec(&NetRequest::RegisterListener)?;
    let attest = postcard::to_allocvec(&gate_ipc::messages::AuthnRequest::Attest)?;
    let proxy = host.stand(Role::Proxy);
    for kind in ["file", "pipe", "udp", "unix", "tcp-listener"] {
        for (role, bytes) in [(Role::Net, &register), (Role::Authn, &attest)] {
            let came = frame(host, &proxy, &socket(host, role), bytes, &[kind])?;
            ensure!(came.worked_with("an answer") || closed(&came), "{kind} to gate-{role}: {came}");
            host.operator().status(role)?;
        }
    }
    let mark = host.mark()?;
    let came =
        frame(host, &proxy, &socket(host, Role::Net), &register, &["file", "file", "file", "file", "file", "file"])?;
    ensure!(closed(&came), "six descriptors: {came}");
    recorded(host, mark, Role::Net, "six descriptors")?;
    // Nothing of it took the listener's place.
    let answer = host.request("web", "GET", "http://127.0.0.1:8080/orders/1")?;
    ensure!(answer.status == Some(200), "{}", answer.text());
    Ok(())
}

#[test]
fn callers_that_are_somebody_else() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let (web, outside) = (host.stand_of("web"), host.stand_of(OUTSIDE));
    for door in doors()? {
        let caller = host.stand(door.caller);
        let right_user_elsewhere = Stand { cgroup: outside.cgroup.clone(), ..caller.clone() };
        let other_user_there = Stand { uid: web.uid, gid: web.gid, ..caller.clone() };
        let root_there = Stand { uid: 0, gid: 0, ..caller };
        // gate-audit takes reports from every role; the others are gate-proxy's alone.
        let another_role = if door.role == Role::Audit { web.clone() } else { host.stand(Role::Audit) };
        for (who, stand) in [
            ("web", &web),
            ("the right user in another cgroup", &right_user_elsewhere),
            ("another user in the right cgroup", &other_user_there),
            ("root in the right cgroup", &root_there),
            ("another role", &another_role),
        ] {
            let mark = host.mark()?;
            let came = frame(host, stand, &socket(host, door.role), &door.right, &[])?;
            ensure!(closed(&came), "{who} at gate-{}: {came}", door.role);
            recorded(host, mark, door.role, who)?;
        }
    }
    Ok(())
}

#[test]
fn operators_sockets_are_for_operators() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let status = postcard::to_allocvec(&AdminRequest::Status)?;
    let web = host.stand_of("web");
    let operator = Stand { groups: vec![host.users().operators_group()], ..host.stand_of(OUTSIDE) };
    for role in [Role::Net, Role::Proxy, Role::Authn, Role::Authz, Role::Audit] {
        let at = host.path("run/admin").join(format!("{role}.sock"));
        for (who, stand) in [("web", web.clone()), ("another role", host.stand(other_than(role)))] {
            let came = frame(host, &stand, &at, &status, &[])?;
            ensure!(came.is("connect", "EACCES"), "{who} at the operators' socket of gate-{role}: {came}");
        }
        let came = frame(host, &operator, &at, &status, &[])?;
        ensure!(came.worked_with("an answer"), "an operator at gate-{role}: {came}");
        let mark = host.mark()?;
        let came = frame(host, &operator, &at, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", &[])?;
        ensure!(closed(&came), "garbage of an operator at gate-{role}: {came}");
        recorded(host, mark, role, "garbage of an operator")?;
    }
    Ok(())
}

fn other_than(role: Role) -> Role {
    if role == Role::Proxy { Role::Net } else { Role::Proxy }
}
