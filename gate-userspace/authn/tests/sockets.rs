//! gate-authn as it runs: its own user, cgroup and sandbox, real Unix sockets. What the kernel states of a connection
//! needs the BPF programs, and is tested with them; here the kernel attests nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

#[path = "../../authz/tests/harness/mod.rs"]
mod harness;

use ed25519_dalek::SigningKey;
use gate_host::{Role, public_key_line};
use gate_ipc::messages::{AdminReply, AdminRequest, AuthnReply, AuthnRequest};
use gate_record::Event;
use gate_statements::SessionId;
use harness::{Daemon, Host, Wire, shop};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;

const GATE_AUTHN: &str = env!("CARGO_BIN_EXE_gate-authn");

fn running() -> (Host, Daemon) {
    let host = Host::new();
    let daemon = host.start(Role::Authn, GATE_AUTHN);
    (host, daemon)
}

fn refusal(wire: &Wire, request: &AuthnRequest, descriptor: BorrowedFd<'_>) -> String {
    match wire.call(request, &[descriptor]) {
        AuthnReply::Refused(refused) => refused.to_string(),
        attested => panic!("{attested:?}"),
    }
}

/// The accepted end of a connection on loopback, and the other.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

fn reasons(reply: AdminReply) -> String {
    match reply {
        AdminReply::Refused(refused) => refused.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn descriptors_of_the_wrong_kind_are_refused_and_recorded() {
    let (host, _daemon) = running();
    let recorder = host.record();
    let wire = host.connect(Role::Authn);
    let wrong: Vec<(OwnedFd, &str)> = vec![
        (std::fs::File::open("/dev/null").unwrap().into(), "no socket"),
        (std::io::pipe().unwrap().0.into(), "no socket"),
        (TcpListener::bind("127.0.0.1:0").unwrap().into(), "a listening TCP socket"),
        (UdpSocket::bind("127.0.0.1:0").unwrap().into(), "a socket of domain 2, type 2, protocol 17"),
        (UnixStream::pair().unwrap().0.into(), "a socket of domain 1, type 1"),
    ];
    for (descriptor, expected) in wrong {
        for request in [AuthnRequest::Attest, AuthnRequest::Renew { session: SessionId([1; 16]) }] {
            let found = refusal(&wire, &request, descriptor.as_fd());
            assert!(found.contains(expected) && found.contains("a connected TCP socket would be right"), "{found}");
        }
        assert!(recorder.rejection(expected).starts_with("authn.sock: uid "));
    }
}

#[test]
fn a_connection_that_the_kernel_says_nothing_about_is_refused() {
    let (host, _daemon) = running();
    let wire = host.connect(Role::Authn);
    let (accepted, _client) = connection();
    for request in [AuthnRequest::Attest, AuthnRequest::Renew { session: SessionId([1; 16]) }] {
        let found = refusal(&wire, &request, accepted.as_fd());
        assert!(found.starts_with("gate-authn: the kernel attests no peer: "), "{found}");
    }
    let (accepted, client) = connection();
    accepted.shutdown(std::net::Shutdown::Both).unwrap();
    drop(client);
    assert_eq!(refusal(&wire, &AuthnRequest::Attest, accepted.as_fd()), "gate-authn: the connection has ended");
}

#[test]
fn a_frame_that_is_none_closes_its_connection_and_nothing_else() {
    let (host, _daemon) = running();
    let recorder = host.record();
    let (accepted, _client) = connection();
    let one = accepted.as_fd();
    let attest = postcard::to_allocvec(&AuthnRequest::Attest).unwrap();
    let good = host.connect(Role::Authn);
    let wrong: [(&[u8], &[BorrowedFd<'_>], &str); 5] = [
        (&attest, &[], "the message carries 0 descriptors"),
        (&attest, &[one, one], "2 descriptors, at most 1"),
        (&attest, &[one; 8], "8 descriptors, at most 1"),
        (&[0xff, 0xff], &[one], "no such message"),
        (&[attest.as_slice(), &[7]].concat(), &[one], "1 bytes follow the message"),
    ];
    for (bytes, descriptors, expected) in wrong {
        let bad = host.connect(Role::Authn);
        bad.send_bytes(bytes, descriptors).unwrap();
        assert!(bad.is_closed(), "{expected}");
        recorder.rejection(expected);
    }
    assert!(refusal(&good, &AuthnRequest::Attest, one).contains("attests no peer"), "the others are answered");
}

#[test]
fn p24_p29_only_the_proxys_user_in_the_proxys_cgroup_is_answered() {
    let (host, _daemon) = running();
    let recorder = host.record();
    let (accepted, _client) = connection();
    for (uid_of, cgroup_of) in [(Role::Authz, Role::Authz), (Role::Proxy, Role::Authz), (Role::Net, Role::Proxy)] {
        let wire = host.connect_as(uid_of, cgroup_of, Role::Authn);
        let _ = wire.send_bytes(&postcard::to_allocvec(&AuthnRequest::Attest).unwrap(), &[accepted.as_fd()]);
        assert!(wire.is_closed(), "uid of {uid_of} in the cgroup of {cgroup_of}");
    }
    recorder.rejection("gate-authz does not call this socket");
    recorder.rejection("the cgroup is \"authz\"; its cgroup is \"proxy\"");
}

#[test]
fn a_bundle_needs_gate_authzs_confirmation() {
    let (host, daemon) = running();
    let bundle = host.people.bundle(&shop(), None, |_| ());
    let other = host.people.bundle(&shop(), None, |tables| tables.reach.clear());
    let authz = Host::key(Role::Authz);
    let staged = |confirmation| host.stage(Role::Authn, &bundle, confirmation);
    for wrong in [
        None,
        Some(Host::confirmation(&bundle, &Host::key(Role::Authn))),
        Some(Host::confirmation(&bundle, &SigningKey::from_bytes(&[55; 32]))),
        Some(Host::confirmation(&other, &authz)),
    ] {
        let found = reasons(staged(wrong));
        assert!(found.contains("gate-authz has not confirmed"), "{found}");
    }
    host.load(Role::Authn, &bundle, Some(Host::confirmation(&bundle, &authz)));
    assert_eq!(host.status(Role::Authn)["duty"]["services"], 4);

    daemon.kill();
    let again = host.start(Role::Authn, GATE_AUTHN);
    assert_eq!((host.status(Role::Authn)["version"].as_u64(), again.stop()), (Some(1), true));
}

#[test]
fn its_key_and_its_memory_are_its_own() {
    let (host, daemon) = running();
    // The kernel gives the files of an undumpable process to root.
    let owner = std::fs::metadata(format!("/proc/{}/environ", daemon.pid())).unwrap().uid();
    assert_eq!(owner, 0, "the process can be looked into");
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0".repeat(16), "{set}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".into(), "2".into()));
    let key = host.path("state/authn/role.key");
    for role in [Role::Net, Role::Proxy, Role::Authz, Role::Audit] {
        let mut read =
            harness::stand_in::command(Host::uid(role), &host.cgroup(role), "/bin/cat".as_ref(), &[key.as_os_str()]);
        let read = read.output().unwrap();
        assert!(!read.status.success() && read.stdout.is_empty(), "gate-{role} read gate-authn's key");
    }
}

#[test]
fn a_key_is_made_once_and_printed_for_root_to_enrol() {
    let host = Host::new();
    let file = host.path("state/authn/role.key");
    std::fs::remove_file(&file).unwrap();
    let init = || {
        let made = host.run(Role::Authn, GATE_AUTHN, &["init-key"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    };
    let line = init();
    assert_eq!(line, init(), "the key that is there stays");
    let seed: [u8; 32] = std::fs::read(&file).unwrap().try_into().unwrap();
    assert_eq!(line.trim(), public_key_line(&SigningKey::from_bytes(&seed).verifying_key()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);

    let refused = host.run(Role::Authn, GATE_AUTHN, &[]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains(&format!("enrol {}", line.trim())), "{said}");
}

#[test]
fn it_does_not_start_as_somebody_else() {
    let host = Host::new();
    let refused = host.run(Role::Proxy, GATE_AUTHN, &[]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("gate.toml says that gate-authn is uid"), "{said}");
}

#[test]
fn what_it_does_not_do_it_says() {
    let (host, _daemon) = running();
    assert!(matches!(host.operate(Role::Authn, &AdminRequest::Status), AdminReply::Json(_)));
    assert!(reasons(host.operate(Role::Authn, &AdminRequest::Read { from: 0, count: 1 })).contains("gate-audit"));
}

#[test]
fn while_nothing_is_recorded_nobody_is_attested() {
    let (host, _daemon) = running();
    let wire = host.connect(Role::Authn);
    let operator = Wire::connect(&host.path("run/admin/authn.sock")).unwrap();
    let (accepted, _client) = connection();
    let ask = |request| refusal(&wire, &request, accepted.as_fd());
    let no_record = "gate-authn: no session without a record: the spool of reports is full";
    let asked_the_kernel = "gate-authn: the kernel attests no peer: ";
    // gate-audit is away: reports wait, until there is no room for another. Every act of an operator is one; refused
    // attestations are recorded within a budget, which does not fill the spool.
    let mut acts = 0;
    let full = loop {
        let found = ask(AuthnRequest::Attest);
        if !found.starts_with(asked_the_kernel) {
            break found;
        }
        assert!(acts < 100_000, "attestation goes on without a record");
        for _ in 0..1_024 {
            reasons(operator.call(&AdminRequest::Read { from: 0, count: 1 }, &[]));
        }
        acts += 1_024;
    };
    assert!(acts > 50_000, "{acts}");
    assert_eq!(full, no_record);
    assert_eq!(ask(AuthnRequest::Renew { session: SessionId([1; 16]) }), no_record);
    assert_eq!(host.status(Role::Authn)["record"]["state"], "full");

    let recorder = host.record();
    recorder.find("the gap", |event| matches!(event, Event::Loss { what, .. } if what == "spool"));
    for request in [AuthnRequest::Attest, AuthnRequest::Renew { session: SessionId([1; 16]) }] {
        let found = ask(request);
        assert!(found.starts_with(asked_the_kernel), "{found}");
    }
}
