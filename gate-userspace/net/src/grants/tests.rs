use super::*;
use ed25519_dalek::SigningKey;
use gate_statements::{DecisionId, SessionId};
use gate_tables::{Channel, FORMAT, Port, PortId, Protocol, Reach, Rule, ServiceId, Transport};
use std::collections::BTreeMap;

const NOW: u64 = 1_000_000;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn service(id: u32, name: &str, ports: Vec<Port>) -> Service {
    Service {
        id: ServiceId(id),
        name: name.into(),
        owner: "team".into(),
        cgroup: format!("{name}.service"),
        observe: false,
        ports,
        ..Service::default()
    }
}

fn port(number: u16, protocol: Protocol) -> Port {
    Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number,
        protocol,
        routes: Vec::new(),
        ..Port::default()
    }
}

fn tables() -> Tables {
    let reach = |source, destination, port, via| Reach {
        source: ServiceId(source),
        destination: ServiceId(destination),
        port: PortId(port),
        via,
        rule: 0,
        times: gate_tables::Times::default(),
    };
    Tables {
        format: FORMAT,
        environment: "demo".into(),
        services: vec![
            service(4, "batch", vec![]),
            service(3, "ledger", vec![port(9_000, Protocol::Plain)]),
            service(
                2,
                "orders",
                vec![
                    port(8_080, Protocol::Http),
                    Port { id: PortId(2), channel: Channel::Admin, ..port(8_081, Protocol::Http) },
                    Port { id: PortId(3), ..port(8_082, Protocol::Http2) },
                ],
            ),
            service(1, "web", vec![]),
        ],
        retired: BTreeMap::new(),
        reach: vec![
            reach(0, 2, 1, Via::Proxy),
            reach(1, 2, 1, Via::Proxy),
            reach(1, 2, 2, Via::Proxy),
            reach(1, 2, 3, Via::Proxy),
            reach(1, 3, 1, Via::Direct),
        ],
        access: vec![],
        rules: vec![Rule {
            id: "a".into(),
            effect: "permit".into(),
            reason: "r".into(),
            ticket: "T".into(),
            place: "a.cedar:1".into(),
            condition: None,
        }],
        ..Tables::default()
    }
}

fn assertion() -> Assertion {
    Assertion {
        session: SessionId([1; 16]),
        connection: 7,
        token: [0; 32],
        source: ServiceId(1),
        source_name: "web".into(),
        uid: 1_000,
        destination: "127.0.0.1:8080".parse().unwrap(),
        environment: "demo".into(),
        version: 3,
        issued_ms: NOW - 10,
        expires_ms: NOW + 100_000,
    }
}

fn grant() -> Grant {
    Grant {
        session: SessionId([1; 16]),
        decision: DecisionId([2; 16]),
        source: ServiceId(1),
        destination: ServiceId(2),
        environment: "demo".into(),
        version: 3,
        issued_ms: NOW - 10,
        until_ms: NOW + 10_000,
    }
}

fn check_signed(
    assertion: &Assertion,
    authn: &SigningKey,
    grant: &Grant,
    authz: &SigningKey,
) -> Result<(Assertion, Grant), GrantRefusal> {
    let tables = tables();
    let check = GrantCheck {
        authn: &key(1).verifying_key(),
        authz: &key(2).verifying_key(),
        environment: "demo",
        version: 3,
        tables: &tables,
        now_ms: NOW,
    };
    check.check(&Signed::sign(assertion, authn).unwrap(), &Signed::sign(grant, authz).unwrap())
}

fn check(assertion: &Assertion, grant: &Grant) -> Result<(Assertion, Grant), GrantRefusal> {
    check_signed(assertion, &key(1), grant, &key(2))
}

#[test]
fn both_signatures_open() {
    assert_eq!(check(&assertion(), &grant()), Ok((assertion(), grant())));
}

#[test]
fn the_host_has_grants_as_services_have() {
    let host = Assertion { source: ServiceId::HOST, source_name: String::new(), ..assertion() };
    let granted = Grant { source: ServiceId::HOST, ..grant() };
    assert_eq!(check(&host, &granted), Ok((host.clone(), granted)));
    assert_eq!(check(&host, &grant()), Err(GrantRefusal::Apart), "web's");
}

#[test]
fn neither_role_opens_alone() {
    for (authn, authz) in [(key(2), key(2)), (key(1), key(1)), (key(9), key(2)), (key(1), key(9))] {
        let found = check_signed(&assertion(), &authn, &grant(), &authz);
        assert!(matches!(found, Err(GrantRefusal::Statement(StatementError::Signature { .. }))), "{found:?}");
    }
}

#[test]
fn each_claim_is_held_against_the_other_and_the_table() {
    let refused = |change: &dyn Fn(&mut Assertion, &mut Grant)| {
        let (mut assertion, mut grant) = (assertion(), grant());
        change(&mut assertion, &mut grant);
        check(&assertion, &grant).unwrap_err().to_string()
    };
    for (expected, change) in [
        (
            "not for the session",
            &(|_: &mut Assertion, g: &mut Grant| g.session = SessionId([9; 16])) as &dyn Fn(&mut Assertion, &mut Grant),
        ),
        ("not for the session", &|_, g| g.source = ServiceId(4)),
        ("not for the session", &|_, g| g.destination = ServiceId(3)),
        ("not for the session", &|a, _| a.destination = "127.0.0.1:1".parse().unwrap()),
        ("no rule lets batch", &|a, g| {
            a.source = ServiceId(4);
            a.source_name = "batch".into();
            g.source = ServiceId(4);
        }),
        // Reached straight: no grant for it.
        ("no rule lets web", &|a, g| {
            a.destination = "127.0.0.1:9000".parse().unwrap();
            g.destination = ServiceId(3);
        }),
        // Of ports that gate-proxy does not serve.
        ("no rule lets web reach port 8081", &|a, _| a.destination = "127.0.0.1:8081".parse().unwrap()),
        ("no rule lets web reach port 8082", &|a, _| a.destination = "127.0.0.1:8082".parse().unwrap()),
        ("assertion is of bundle version 2", &|a, _| a.version = 2),
        ("grant is of bundle version 4", &|_, g| g.version = 4),
        ("environment \"prod\"", &|a, _| a.environment = "prod".into()),
        ("grant is of environment", &|_, g| g.environment = "prod".into()),
        ("expired", &|a, _| a.expires_ms = NOW),
        ("expired", &|_, g| g.until_ms = NOW),
        ("longer life", &|_, g| g.until_ms = NOW + 10_000_000),
        ("future", &|_, g| g.issued_ms = NOW + 5_000),
    ] {
        let found = refused(change);
        assert!(found.contains(expected), "expected {expected:?}, found {found:?}");
    }
}
