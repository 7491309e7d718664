use super::*;
use gate_common::verdict::{Passage, reach};
use gate_tables::{FORMAT, Port, PortId, Protocol, Reach, Rule as TableRule, Service, ServiceId};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A thousand seconds after the boot, at a million seconds after 1970.
const NOW: Clocks = Clocks { unix_ms: 1_000_000_000, boottime_ns: 1_000_000_000_000 };

const ROOM: Capacity = Capacity { rules: 10_000, services: 1_000, path: 200, depth: 3 };

fn service(id: u32, ports: Vec<Port>) -> Service {
    Service {
        id: ServiceId(id),
        name: format!("s{id:04}"),
        owner: "team".into(),
        cgroup: format!("s{id:04}.service"),
        observe: false,
        ports,
        ..Service::default()
    }
}

fn port(id: u16, number: u16, protocol: Protocol) -> Port {
    Port {
        id: PortId(id),
        name: format!("p{id:02}"),
        transport: Transport::Tcp,
        number,
        protocol,
        routes: Vec::new(),
        ..Port::default()
    }
}

fn tables(services: Vec<Service>, reach: Vec<Reach>) -> Tables {
    let rule = |id: &str| TableRule {
        id: id.into(),
        effect: "permit".into(),
        reason: "r".into(),
        ticket: "T-1".into(),
        place: "a.cedar:1".into(),
        condition: None,
    };
    Tables {
        format: FORMAT,
        environment: "test".into(),
        services,
        retired: BTreeMap::new(),
        reach,
        access: vec![],
        rules: vec![rule("a"), rule("b")],
        ..Tables::default()
    }
}

#[test]
fn the_hidden_port_may_not_be_declared() {
    let tables = tables(vec![service(1, vec![port(1, 15_001, Protocol::Http)])], vec![]);
    let wrong = Entries::compile(&tables, 0, 15_001, ROOM, NOW).unwrap_err();
    assert!(wrong[0].contains("15001") && wrong[0].contains("s0001"), "{wrong:?}");
}

#[test]
fn every_shortage_is_named_at_once() {
    let tables = tables(
        vec![service(1, vec![port(1, 80, Protocol::Http)]), service(2, vec![port(1, 81, Protocol::Plain)])],
        vec![],
    );
    let none = Capacity { rules: 0, services: 1, path: 4, depth: 0 };
    let wrong = Entries::compile(&tables, 0, 15_001, none, NOW).unwrap_err();
    assert_eq!(wrong.len(), 5, "{wrong:?}");
}

proptest! {
    /// What the kernel decides from the entries is what the table says, for every source, service and port.
    #[test]
    fn entries_mean_what_the_tables_say(
        lines in prop::collection::btree_set((0_u32..5, 1_u32..5, 1_u16..3), 0..20),
        http in prop::collection::vec(any::<bool>(), 8),
        copy in 0_u8..2,
    ) {
        let protocol = |service: u32, port: u16| {
            let index = ((service - 1) * 2 + u32::from(port) - 1) as usize;
            if http[index] { Protocol::Http } else { Protocol::Plain }
        };
        let number = |service: u32, port: u16| 1_000 + service as u16 * 10 + port;
        let services = (1..5)
            .map(|id| service(id, (1..3).map(|p| port(p, number(id, p), protocol(id, p))).collect()))
            .collect();
        let reaches = lines
            .iter()
            .map(|(source, destination, port)| Reach {
                source: ServiceId(*source),
                destination: ServiceId(*destination),
                port: PortId(*port),
                via: if protocol(*destination, *port) == Protocol::Http { Via::Proxy } else { Via::Direct },
                rule: 1,
                times: Times::default(),
            })
            .collect();
        // Not by way of their bytes: who may ask for what is not said here, and reading them asks for it.
        let tables = tables(services, reaches);
        let entries = Entries::compile(&tables, copy, 15_001, ROOM, NOW).unwrap();
        let destinations: BTreeMap<_, _> = entries.destinations.iter().copied().collect();
        let rules: BTreeMap<_, _> = entries.rules.iter().map(|(k, v)| (k.to_bytes(), *v)).collect();
        for source in 0..5 {
            for owner in 1..5 {
                for port in 1..3 {
                    let destination = destinations[&number(owner, port)];
                    prop_assert_eq!(destination.service, owner);
                    let key = RuleKey { source, destination: owner, port, transport: TCP, copy, reserved: 0 };
                    let rule = rules.get(&key.to_bytes()).copied().unwrap_or(Rule::NONE);
                    let expected = match (lines.contains(&(source, owner, port)), protocol(owner, port)) {
                        (false, _) => Passage::Deny,
                        (true, Protocol::Http | Protocol::Http2 | Protocol::Grpc) => Passage::Proxy,
                        (true, Protocol::Plain) => Passage::Direct,
                    };
                    prop_assert_eq!(reach(source, destination, rule, 0).passage, expected);
                }
            }
        }
    }
}

#[test]
fn times_are_told_by_the_boot_clock() {
    let times = |from, until| NOW.of_line(Times { from, until });
    assert_eq!(times(None, None), (0, 0));
    assert_eq!(times(Some(1_000_010), Some(1_000_020)), (1_010_000_000_000, 1_020_000_000_000));
    assert_eq!(times(Some(7), None), (0, 0), "what began before the boot has begun");
    assert_eq!(times(None, Some(7)), (0, 1), "what ended before the boot has ended");
    assert_eq!(times(Some(u64::MAX), Some(u64::MAX)), (u64::MAX, u64::MAX));
    let line = |from, until| {
        let (from, until) = times(from, until);
        Rule { rule: 1, via: 1, from, until }.holds(NOW.boottime_ns)
    };
    assert!(line(Some(1_000_000), Some(1_000_001)));
    assert!(!line(Some(1_000_001), None));
    assert!(!line(None, Some(1_000_000)));
    assert!(!line(None, Some(0)));
}

#[test]
fn a_clock_that_only_runs_has_not_moved() {
    let later = Clocks { unix_ms: NOW.unix_ms + 5_000, boottime_ns: NOW.boottime_ns + 5_000_000_000 };
    assert_eq!(later.moved_ms(NOW), 0);
    assert_eq!(Clocks { unix_ms: NOW.unix_ms - 3_600_000, ..NOW }.moved_ms(NOW), 3_600_000);
    assert_eq!(Clocks { unix_ms: NOW.unix_ms + 250, ..NOW }.moved_ms(NOW), 250);
}

#[test]
fn a_cgroup_deeper_than_the_kernel_looks_up_is_refused() {
    let at = |cgroup: &str| {
        let deep = Service { cgroup: cgroup.into(), ..service(1, vec![]) };
        Entries::compile(&tables(vec![deep], vec![]), 0, 15_001, ROOM, NOW).map(drop)
    };
    assert_eq!(at("a.slice/b.slice/s.service"), Ok(()));
    let wrong = at("a.slice/b.slice/c.slice/s.service").unwrap_err();
    assert_eq!(
        wrong,
        ["the cgroup of s0001 lies 4 deep; below 3 here, the kernel would not know the cgroups nested in it"]
    );
    assert_eq!(Capacity::of_maps("/user.slice/tree").depth, 10, "the root of the tree has a depth of its own");
    assert_eq!(Capacity::of_maps("").depth, 12);
}

#[test]
fn what_would_be_allowed_more_than_the_bundle_says_is_refused() {
    let only = |change: fn(&mut Service)| {
        let mut narrowed = service(1, vec![]);
        change(&mut narrowed);
        Entries::compile(&tables(vec![narrowed], vec![]), 0, 15_001, ROOM, NOW).unwrap_err()
    };
    let wrong = only(|service| service.uid = Some(998));
    assert!(wrong.len() == 1 && wrong[0].contains("[service.s0001] is narrowed by uid"), "{wrong:?}");
    let wrong = only(|service| service.exe = Some("/usr/bin/orders".into()));
    assert!(wrong.len() == 1 && wrong[0].contains("[service.s0001] is narrowed by exe"), "{wrong:?}");
    let both = only(|service| (service.uid, service.exe) = (Some(998), Some("/usr/bin/orders".into())));
    assert_eq!(both.len(), 2, "{both:?}");

    let mut closed = tables(vec![service(1, vec![])], vec![]);
    closed.host.posture = gate_tables::Posture::Deny;
    let wrong = Entries::compile(&closed, 0, 15_001, ROOM, NOW).unwrap_err();
    assert!(wrong.len() == 1 && wrong[0].contains("posture = \"deny\""), "{wrong:?}");
}

/// Ports are looked up by their number alone, for TCP: an entry for a UDP port would be one for the TCP port of that number.
#[test]
fn udp_and_networks_have_no_entries_and_so_are_denied() {
    let udp = |id, number| Port { transport: Transport::Udp, ..port(id, number, Protocol::Plain) };
    let to = |source: ServiceId, destination, port| Reach {
        source,
        destination: ServiceId(destination),
        port: PortId(port),
        via: Via::Direct,
        rule: 1,
        times: Times::default(),
    };
    let resolver = gate_tables::Network {
        id: ServiceId(9),
        name: "resolver".into(),
        ports: vec![port(1, 53, Protocol::Plain), udp(2, 53)],
        ..gate_tables::Network::default()
    };
    let services = vec![service(1, vec![]), service(2, vec![udp(1, 5353), port(2, 9000, Protocol::Plain)])];
    let reach = vec![
        to(ServiceId(1), 2, 1),
        to(ServiceId(1), 9, 1),
        to(ServiceId(1), 9, 2),
        to(ServiceId(9), 2, 2),
        to(ServiceId::WORLD, 2, 2),
    ];
    let tables = Tables { networks: vec![resolver], ..tables(services, reach) };
    let entries = Entries::compile(&tables, 0, 15_001, ROOM, NOW).unwrap();
    assert_eq!(entries.rules, []);
    let ports: Vec<u16> = entries.destinations.iter().map(|(number, _)| *number).collect();
    assert_eq!(ports, [15_001, 9000]);
}

#[test]
fn two_services_with_one_port_or_cgroup_are_never_mixed_up() {
    let on = |role: &str| BTreeMap::from([("role".to_owned(), [role.to_owned()].into())]);
    let placed = |id, role| Service {
        on: on(role),
        cgroup: "app.service".into(),
        uid: (role == "data").then_some(998),
        ..service(id, vec![port(1, 8080, Protocol::Http)])
    };
    let labels = BTreeMap::from([("role".to_owned(), ["web".to_owned(), "data".to_owned()].into())]);
    let tables = Tables { labels, ..tables(vec![placed(1, "web"), placed(2, "data")], vec![]) };
    let label = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let web = tables.for_host(&label("role", "web")).unwrap();
    let entries = Entries::compile(&web, 0, 15_001, ROOM, NOW).unwrap();
    assert_eq!(entries.cgroups, [("app.service".to_owned(), CgroupIdentity { service: 1, flags: 0 })]);
    assert_eq!(entries.destinations.last().unwrap().1.service, 1);
    // What cannot be enforced refuses the bundle on the hosts that it is for, and on no other.
    let data = tables.for_host(&label("role", "data")).unwrap();
    assert!(Entries::compile(&data, 0, 15_001, ROOM, NOW).unwrap_err()[0].contains("narrowed by uid"));
    let all = Entries::compile(&tables, 0, 15_001, ROOM, NOW).unwrap_err();
    assert!(all.iter().any(|why| why.contains("another service's on this host")), "{all:?}");
    assert!(tables.for_host(&label("rol", "web")).unwrap_err().to_string().contains("declares no label \"rol\""));
}
