//! Which families of sockets, and which ports.

use crate::probe::{EACCES, EPERM, Probe, UNPRIVILEGED, User, assert_root, is_ok};
use gate_host::Role;
use std::net::TcpListener;

/// Arguments of socket(2): family, type, protocol; and who may.
struct Socket {
    what: &'static str,
    arguments: [&'static str; 3],
    roles: &'static [Role],
}

const EVERY: &[Role] = &Role::ALL;

const SOCKETS: &[Socket] = &[
    Socket { what: "Unix stream", arguments: ["1", "1", "0"], roles: EVERY },
    Socket { what: "Unix seqpacket, close-on-exec, non-blocking", arguments: ["1", "526341", "0"], roles: EVERY },
    Socket { what: "TCP over IPv4", arguments: ["2", "1", "0"], roles: &[Role::Proxy] },
    Socket { what: "TCP over IPv4, by number", arguments: ["2", "1", "6"], roles: &[Role::Proxy] },
    Socket { what: "TCP over IPv6, non-blocking", arguments: ["10", "2049", "0"], roles: &[Role::Proxy] },
    Socket { what: "MPTCP", arguments: ["2", "1", "262"], roles: &[] },
    Socket { what: "UDP", arguments: ["2", "2", "0"], roles: &[] },
    Socket { what: "UDP over IPv6", arguments: ["10", "2", "0"], roles: &[] },
    Socket { what: "netlink, socket diagnosis", arguments: ["16", "3", "4"], roles: &[Role::Net] },
    Socket { what: "netlink, routes", arguments: ["16", "3", "0"], roles: &[] },
    Socket { what: "netlink, generic", arguments: ["16", "3", "16"], roles: &[] },
];

const PRIVILEGED: &[Socket] = &[
    Socket { what: "raw IPv4", arguments: ["2", "3", "1"], roles: &[] },
    Socket { what: "packets", arguments: ["17", "3", "0"], roles: &[] },
];

fn try_each<'s>(user: User, roles: &[Role], sockets: impl Iterator<Item = &'s Socket>) {
    let probe = Probe::new(user);
    for Socket { what, arguments: [family, kind, protocol], roles: may } in sockets {
        let attempt = ["socket", family, kind, protocol];
        assert!(is_ok(&probe.outside(&attempt)), "{what} must work outside a sandbox");
        for role in roles {
            let outcome = probe.inside(*role, &attempt);
            let expected = may.contains(role);
            assert!(if expected { is_ok(&outcome) } else { outcome == EPERM }, "{role}, {what}: {outcome}");
        }
    }
}

#[test]
fn a_role_has_the_sockets_that_its_duty_needs() {
    try_each(User::Same, &UNPRIVILEGED, SOCKETS.iter());
}

#[test]
#[ignore = "needs root"]
fn a_role_has_no_other_sockets_as_root() {
    assert_root();
    try_each(User::Same, &Role::ALL, SOCKETS.iter().chain(PRIVILEGED));
}

#[test]
#[ignore = "needs root"]
fn net_has_its_sockets_as_a_user_of_its_own() {
    assert_root();
    try_each(User::NobodyWithNetAdmin, &[Role::Net], SOCKETS.iter());
}

#[test]
fn the_proxy_binds_its_own_port_only() {
    // Both were free a moment ago; that they still are is checked outside the sandbox first.
    let [own, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap()).map(|l| l.local_addr().unwrap());
    let probe = Probe::new(User::Same).with_port(own.port());
    let bind = |address: &str| [probe.outside(&["bind", address]), probe.inside(Role::Proxy, &["bind", address])];
    let [outside, inside] = bind(&own.to_string());
    assert!(is_ok(&outside) && is_ok(&inside), "{outside}, {inside}");
    let [outside, inside] = bind(&other.to_string());
    assert!(is_ok(&outside), "{outside}");
    assert_eq!(inside, EACCES);
    assert_eq!(bind("127.0.0.1:0")[1], EACCES, "a port of the kernel's choice is not its own");
}
