use super::*;
use gate_common::{
    address::Address,
    identity::{AUDIT, PROXY, UNATTESTED},
};
use gate_tables::{FORMAT, Port, PortId, Protocol, Service, Tables, Transport};
use std::collections::BTreeMap;

const COOKIE: u64 = 77;
const NOW: Now = Now { unix_ms: 1_000_000, boottime_ns: 5_000_000_000 };
const ID: SessionId = SessionId([9; 16]);

fn service(id: u32, name: &str, port: Option<(u16, Protocol)>) -> Service {
    let cgroup = format!("{name}.service");
    let ports = port.map(|(number, protocol)| Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number,
        protocol,
        routes: vec![],
        ..Port::default()
    });
    let ports = ports.into_iter().collect();
    Service {
        id: ServiceId(id),
        name: name.into(),
        owner: "team".into(),
        cgroup,
        observe: false,
        ports,
        ..Service::default()
    }
}

fn known(version: u64) -> Known {
    let services = vec![
        service(3, "ledger", Some((9000, Protocol::Plain))),
        service(2, "orders", Some((8080, Protocol::Http))),
        service(1, "web", None),
    ];
    let (reach, rules) = (vec![], vec![]);
    let tables = Tables {
        format: FORMAT,
        environment: "demo".into(),
        services,
        retired: BTreeMap::new(),
        reach,
        access: vec![],
        rules,
        ..Tables::default()
    };
    Known::new(version, &tables)
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn authn() -> Authn {
    let mut authn = Authn::new(key(), "demo".into());
    authn.activate(known(4));
    authn
}

/// web, as uid 33, to orders on 127.0.0.1:8080, under bundle 4.
fn peer() -> Peer {
    Peer {
        abi: ABI_VERSION,
        source: 1,
        uid: 33,
        destination_service: 2,
        active: Active::new(4, 1).0,
        cookie: COOKIE,
        destination: Address::from_ip([127, 0, 0, 1].into()),
        destination_port: 8080,
        reserved: 0,
        reserved2: 0,
    }
}

fn refusal(authn: &mut Authn, peer: &Peer) -> String {
    authn.attest(peer, COOKIE, NOW, ID).expect_err("it must be refused").to_string()
}

fn later(ms: u64) -> Now {
    Now { unix_ms: NOW.unix_ms + ms, boottime_ns: NOW.boottime_ns + ms * 1_000_000 }
}

#[test]
fn what_the_kernel_states_is_what_is_signed() {
    let attested = authn().attest(&peer(), COOKIE, NOW, ID).unwrap();
    let claims = attested.assertion.verify(&key().verifying_key()).unwrap();
    assert_eq!(claims, attested.claims);
    let expected = Assertion {
        session: ID,
        connection: COOKIE,
        token: [0; 32],
        source: ServiceId(1),
        source_name: "web".into(),
        uid: 33,
        destination: SocketAddr::from(([127, 0, 0, 1], 8080)),
        environment: "demo".into(),
        version: 4,
        issued_ms: 1_000_000,
        expires_ms: 1_120_000,
    };
    assert_eq!(claims, expected);
    assert!(claims.check_time(NOW.unix_ms).is_ok());
}

#[test]
fn a_process_of_no_service_is_attested_as_such() {
    let attested = authn().attest(&Peer { source: 0, ..peer() }, COOKIE, NOW, ID).unwrap();
    assert_eq!((attested.claims.source, attested.claims.source_name.as_str()), (ServiceId(0), ""));
}

#[test]
fn nobody_reserved_is_attested() {
    for (source, name) in
        [(UNATTESTED, "of no service"), (PROXY, "gate-proxy"), (AUDIT, "gate-audit"), (0xffff_0000, "0xffff0000")]
    {
        let found = refusal(&mut authn(), &Peer { source, ..peer() });
        assert!(found.contains(name) && found.contains("attested to nobody"), "{found}");
    }
}

#[test]
fn a_statement_of_the_kernel_that_does_not_fit_is_refused() {
    let other = Peer { abi: ABI_VERSION + 1, ..peer() };
    assert!(refusal(&mut authn(), &other).contains("version 2 of the interface"));
    assert!(
        refusal(&mut authn(), &Peer { cookie: 78, ..peer() }).contains("is for socket 78, the descriptor is socket 77")
    );
    assert!(refusal(&mut authn(), &Peer { source: 99, ..peer() }).contains("service 99"));
    for (destination_service, destination_port) in [(0, 8080), (3, 9000), (2, 8081), (3, 8080)] {
        let found = refusal(&mut authn(), &Peer { destination_service, destination_port, ..peer() });
        assert!(found.contains("is no L7 port"), "{found}");
    }
}

#[test]
fn only_the_version_that_is_active_on_both_sides_is_attested() {
    for version in [0, 3, 5] {
        let found = refusal(&mut authn(), &Peer { active: Active::new(version, 0).0, ..peer() });
        assert_eq!(found, format!("laggard: version {version} is active in the kernel, version 4 in this process"));
    }
    let mut empty = Authn::new(key(), "demo".into());
    assert!(refusal(&mut empty, &peer()).contains("no bundle is active"));
}

#[test]
fn a_session_is_renewed_on_its_own_connection_only() {
    let mut authn = authn();
    authn.attest(&peer(), COOKIE, NOW, ID).unwrap();
    let renewed = authn.renew(&peer(), COOKIE, later(60_000), ID).unwrap().claims;
    assert_eq!((renewed.session, renewed.expires_ms), (ID, NOW.unix_ms + 180_000));

    let other_connection = Peer { cookie: 78, ..peer() };
    assert!(matches!(authn.renew(&other_connection, 78, later(1), ID), Err(Refusal::NoSession)));
    assert!(matches!(authn.renew(&peer(), COOKIE, later(1), SessionId([8; 16])), Err(Refusal::NoSession)));
    for changed in [
        Peer { source: 0, ..peer() },
        Peer { uid: 0, ..peer() },
        Peer { destination: Address::from_ip([127, 0, 0, 2].into()), ..peer() },
    ] {
        assert!(matches!(authn.renew(&changed, COOKIE, later(1), ID), Err(Refusal::OtherPeer)), "{changed:?}");
    }
}

#[test]
fn a_session_that_ended_is_not_renewed() {
    let mut authn = authn();
    authn.attest(&peer(), COOKIE, NOW, ID).unwrap();
    assert!(authn.renew(&peer(), COOKIE, later(ASSERTION_MS - 1), ID).is_ok());
    assert!(matches!(authn.renew(&peer(), COOKIE, later(2 * ASSERTION_MS), ID), Err(Refusal::NoSession)));
}

#[test]
fn a_renewal_is_judged_by_the_bundle_of_its_time() {
    let mut authn = authn();
    authn.attest(&peer(), COOKIE, NOW, ID).unwrap();
    authn.activate(known(5));
    assert!(matches!(authn.renew(&peer(), COOKIE, later(1), ID), Err(Refusal::Laggard { kernel: 4, own: 5 })));
    let flipped = Peer { active: Active::new(5, 0).0, ..peer() };
    assert_eq!(authn.renew(&flipped, COOKIE, later(2), ID).unwrap().claims.version, 5);
}

#[test]
fn a_source_beyond_its_budget_is_refused_and_others_are_not() {
    let mut authn = Authn::with_limits(key(), "demo".into(), Limits::default(), Budgets::new(1, 2));
    authn.activate(known(4));
    for cookie in [1, 2] {
        assert!(authn.attest(&Peer { cookie, ..peer() }, cookie, NOW, ID).is_ok());
    }
    assert!(refusal(&mut authn, &peer()).contains("web opens connections faster than its budget of 1 a second"));
    assert!(authn.attest(&Peer { source: 0, ..peer() }, COOKIE, NOW, ID).is_ok());
    assert!(authn.attest(&peer(), COOKIE, later(1_000), ID).is_ok());
}
