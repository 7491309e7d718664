//! Networks, the world and channels: what reaches what, and what is refused or remarked.

use super::{compile, compiled, rule, source};
use gate_tables::ServiceId;

const OUTSIDE: &str = r#"environment = "demo"
[group.jobs]
[network.lan]
addresses = ["10.0.0.0/8"]
owner = "net"
ports = ["tcp/443"]
[network.office]
addresses = ["10.1.0.0/16"]
owner = "net"
ports = ["udp/53", "tcp/443"]
[network.partner]
addresses = ["192.0.2.0/24"]
owner = "net"
[service.api]
unit = "api.service"
owner = "team"
port.http = { listen = "tcp/80", protocol = "http", route.get = { match = "GET /" } }
port.next = { listen = "tcp/82", protocol = "http2", route.next = { match = "GET /" } }
port.rpc = { listen = "tcp/83", protocol = "grpc", route.rpc = { match = "a.B/C" } }
port.raw.listen = "tcp/81"
port.log.listen = "udp/514"
port.admin = { listen = "tcp/9", channel = "admin" }
port.control = { listen = "tcp/10", channel = "admin", protocol = "http", route.reset = { match = "POST /" } }
[service.web]
unit = "web.service"
owner = "team"
groups = ["jobs"]
"#;

/// Who reaches which port of whom.
fn reach(rules: &str) -> Vec<String> {
    let tables = compiled(OUTSIDE, rules, None);
    let parties = gate_tables::Parties::new(&tables);
    let line = |line: &gate_tables::Reach| {
        let (from, to) = (parties.get(line.source).unwrap(), parties.get(line.destination).unwrap());
        format!("{} {}:{}", from.name(), to.name(), to.port(line.port).unwrap().name)
    };
    let mut lines: Vec<String> = tables.reach.iter().map(line).collect();
    let sources: usize = tables.access.iter().map(|line| line.sources.len()).sum();
    assert_eq!(sources, lines.len());
    lines.sort_unstable();
    lines
}

fn connect(id: &str, effect: &str, principal: &str, resource: &str) -> String {
    rule(id, &format!("{effect} (principal {principal}, action == Action::\"connect\", resource {resource});"))
}

const RAW: &str = "== Port::\"api:tcp/81\"";

#[test]
fn an_address_is_of_its_narrowest_network() {
    let all = ["lan api:raw", "office api:raw", "partner api:raw", "world api:raw"];
    assert_eq!(reach(&connect("a", "permit", "in World::\"any\"", RAW)), all);
    assert_eq!(reach(&connect("a", "permit", "== World::\"any\"", RAW)), ["world api:raw"]);
    assert_eq!(reach(&connect("a", "permit", "in Network::\"lan\"", RAW)), ["lan api:raw", "office api:raw"]);
    assert_eq!(reach(&connect("a", "permit", "== Network::\"lan\"", RAW)), ["lan api:raw"]);
    let but = connect("a", "permit", "in World::\"any\"", RAW) + &connect("b", "forbid", "in Network::\"lan\"", RAW);
    assert_eq!(reach(&but), ["partner api:raw", "world api:raw"]);
}

#[test]
fn ports_are_in_whoever_has_them() {
    let web = |resource: &str| reach(&connect("a", "permit", "== Service::\"web\"", resource));
    let all = ["web lan:tcp-443", "web office:tcp-443", "web office:udp-53"];
    assert_eq!(web("in Network::\"lan\""), all);
    assert_eq!(web("in Network::\"office\""), ["web office:tcp-443", "web office:udp-53"]);
    assert_eq!(web("in World::\"any\""), all);
    // The same port of a network inside, and no other one.
    assert_eq!(web("in Port::\"lan:tcp/443\""), ["web lan:tcp-443", "web office:tcp-443"]);
    assert_eq!(web("== Port::\"lan:tcp/443\""), ["web lan:tcp-443"]);
    assert_eq!(web("in Port::\"office:tcp/443\""), ["web office:tcp-443"]);
    assert_eq!(web("== Port::\"api:udp/514\""), ["web api:log"]);
    let all = refused(&connect("a", "permit", "== Service::\"web\"", "in Service::\"api\""));
    assert!(all[0].contains("\"a\" gives Service::\"web\" an admin port"), "{all:?}");
}

fn refused(rules: &str) -> Vec<String> {
    compile(&source(OUTSIDE, rules), None).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_forbid_of_a_network_alone_is_refused_where_others_are_inside() {
    let inside = "is for Network::\"lan\" alone, and not for the networks inside it";
    let get = |effect: &str, condition: &str| {
        let principal = if effect == "permit" { "principal in World::\"any\"" } else { "principal" };
        rule("a", &format!("{effect} ({principal}, action == Action::\"api.get\", resource) {condition};"))
    };
    let lan = "principal == Network::\"lan\"";
    for (rules, says) in [
        (connect("a", "forbid", "== Network::\"lan\"", RAW), Some(inside)),
        (connect("a", "forbid", "== World::\"any\"", RAW), Some("is for World::\"any\" alone")),
        (connect("a", "forbid", "in Network::\"lan\"", RAW), None),
        (connect("a", "forbid", "== Network::\"office\"", RAW), None),
        (connect("a", "permit", "== Network::\"lan\"", RAW), None),
        (
            connect("a", "forbid", "in World::\"any\"", "== Port::\"lan:tcp/443\""),
            Some("is for Port::\"lan:tcp/443\" alone"),
        ),
        (connect("a", "forbid", "in World::\"any\"", "in Port::\"lan:tcp/443\""), None),
        (connect("a", "forbid", "in World::\"any\"", "== Port::\"office:tcp/443\""), None),
        (get("forbid", &format!("when {{ {lan} }}")), Some(inside)),
        (get("forbid", "unless { principal != Network::\"lan\" }"), Some(inside)),
        (get("forbid", &format!("unless {{ {lan} }}")), None),
        (get("permit", &format!("unless {{ {lan} }}")), Some(inside)),
        (get("permit", &format!("when {{ !({lan}) }}")), Some(inside)),
        (get("permit", &format!("when {{ context.now > 5 && {lan} }}")), None),
        (get("permit", "unless { principal in Network::\"lan\" }"), None),
    ] {
        let errors = refused(&rules);
        match says {
            Some(says) => assert!(errors.len() == 1 && errors[0].contains(says), "{rules}\n{errors:#?}"),
            None => assert_eq!(errors, Vec::<String>::new(), "{rules}"),
        }
    }
}

#[test]
fn no_caller_is_on_both_channels() {
    let traffic = connect("a", "permit", "== Service::\"web\"", RAW);
    let admin = |effect: &str, who: &str| connect("b", effect, who, "== Port::\"api:tcp/9\"");
    let errors = refused(&(traffic.clone() + &admin("permit", "in Group::\"jobs\"")));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(
        errors[0]
            .starts_with("rules.cedar:2: rule \"b\" gives Service::\"web\" an admin port, and \"a\" (rules.cedar:1)"),
        "{errors:#?}"
    );
    assert_eq!(refused(&(traffic.clone() + &admin("permit", "== Host::\"self\""))), Vec::<String>::new());
    assert_eq!(refused(&(traffic.clone() + &admin("forbid", "== Service::\"web\""))), Vec::<String>::new());
    let taken = traffic
        + &admin("permit", "in Group::\"jobs\"")
        + &connect("c", "forbid", "== Service::\"web\"", "== Port::\"api:tcp/9\"");
    assert_eq!(refused(&taken), Vec::<String>::new(), "what is forbidden is not given");
}

#[test]
fn what_this_version_denies_is_remarked() {
    let get = |who: &str, action: &str| {
        rule("a", &format!("permit (principal {who}, action == Action::\"api.{action}\", resource);"))
    };
    for (rules, expected) in [
        (connect("a", "permit", "== Service::\"web\"", RAW), vec![]),
        (get("== Service::\"web\"", "get"), vec![]),
        (connect("a", "permit", "== Host::\"self\"", RAW), vec![]),
        (connect("a", "forbid", "in World::\"any\"", RAW), vec![]),
        (
            connect("a", "permit", "== Service::\"web\"", "== Port::\"api:udp/514\""),
            vec!["datagrams (UDP), which this version denies: Service::\"web\" to Port::\"api:udp/514\""],
        ),
        (
            connect("a", "permit", "== Service::\"web\"", "== Port::\"lan:tcp/443\""),
            vec!["connections to a network, which this version denies: Service::\"web\" to Port::\"lan:tcp/443\""],
        ),
        (
            connect("a", "permit", "== Network::\"lan\"", RAW),
            vec![
                "connections from a network or the world, which this version denies: Network::\"lan\" to Port::\"api:tcp/81\"",
            ],
        ),
        (get("== Service::\"web\"", "next"), vec!["requests of HTTP/2, which"]),
        (get("== Service::\"web\"", "rpc"), vec!["requests of gRPC, which"]),
        (get("== Host::\"self\"", "get"), vec![]),
        (
            get("== Service::\"web\"", "reset"),
            vec!["requests of the admin channel, which this version denies: Service"],
        ),
        (
            connect("a", "permit", "== World::\"any\"", "== Port::\"api:udp/514\""),
            vec!["datagrams", "connections from a network"],
        ),
    ] {
        let compiled = compile(&source(OUTSIDE, &rules), None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let found: Vec<String> = compiled.unserved().iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{rules}: {found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            let start = format!("rule \"a\" (rules.cedar:1) permits {expected}");
            assert!(found.starts_with(&start), "{start}\n{found}");
        }
    }
}

#[test]
fn the_nearest_rule_is_found_for_addresses_too() {
    let rules =
        connect("a", "permit", "in Network::\"office\"", RAW) + &connect("b", "forbid", "in Network::\"partner\"", RAW);
    let compiled = compile(&source(OUTSIDE, &rules), None).unwrap();
    let decider = &compiled.decider;
    let api = compiled.tables.service_named("api").unwrap();
    let raw = api.ports.iter().find(|port| port.name == "raw").unwrap().id;
    let nearest = |who: &str| {
        let who = decider.principal_named(who).unwrap();
        decider.nearest_connect(who, api.id, raw).unwrap().to_string()
    };
    let miss = "no rule permits it; the nearest is a (rules.cedar:1): it is for those in Network::\"office\", not for ";
    assert_eq!(nearest("world"), format!("{miss}World::\"any\""));
    assert_eq!(nearest("lan"), format!("{miss}Network::\"lan\""));
    assert_eq!(nearest("partner"), "forbidden by b");
    assert_eq!(decider.principal_named("world").unwrap().service_id(), ServiceId::WORLD);
}

/// What is in what is part of a condition that asks for it: a network that moves changes the answer.
#[test]
fn a_condition_about_networks_is_known_by_what_they_hold() {
    let of = |services: &str, condition: &str| {
        let text = format!(
            "permit (principal in World::\"any\", action == Action::\"api.get\", resource) when {{ {condition} }};"
        );
        compiled(services, &rule("a", &text), None).rules[0].condition.clone().unwrap().sha256
    };
    let moved = OUTSIDE.replace("10.1.0.0/16", "11.1.0.0/16");
    let inside = "principal in Network::\"lan\"";
    assert_ne!(of(OUTSIDE, inside), of(&moved, inside));
    assert_eq!(of(OUTSIDE, "context.now > 5"), of(&moved, "context.now > 5"));
}
