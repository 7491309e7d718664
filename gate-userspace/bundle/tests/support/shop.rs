//! A shop with routes, an L4 port, a conditional forbid and a permit that may fail: tables to change.

use gate_bundle::*;
use gate_tables::{
    Access, Condition, PathPattern, Port, PortId, Protocol, Reach, Route, Rule, Service, ServiceId, Tables, Transport,
};
use std::collections::BTreeMap;

use super::{ENVIRONMENT, draft, files};

pub const ORDERS: ServiceId = ServiceId(1);
pub const LEDGER: ServiceId = ServiceId(2);
pub const WEB: ServiceId = ServiceId(3);
pub const BATCH: ServiceId = ServiceId(4);

fn service(id: ServiceId, name: &str, owner: &str, ports: Vec<Port>) -> Service {
    let (cgroup, name, owner) = (format!("{name}.service"), name.to_owned(), owner.to_owned());
    Service { id, cgroup, name, owner, observe: false, ports, ..Service::default() }
}

fn port(name: &str, number: u16, protocol: Protocol, routes: Vec<Route>) -> Port {
    Port { id: PortId(1), name: name.into(), transport: Transport::Tcp, number, protocol, routes, ..Port::default() }
}

pub fn route(action: &str, method: &str, path: &str) -> Route {
    Route { action: action.into(), method: method.into(), path: PathPattern::parse(path).unwrap(), ..Route::default() }
}

fn rule(id: &str, effect: &str, condition: Option<(char, bool)>) -> Rule {
    let condition =
        condition.map(|(digit, total)| Condition { sha256: String::from(digit).repeat(64), total, roles: None });
    let (reason, ticket, place) = ("the shop".into(), "OPS-1".into(), "shop.cedar:1".into());
    Rule { id: id.into(), effect: effect.into(), reason, ticket, place, condition }
}

/// What one rule list says about one target.
pub fn line(destination: ServiceId, action: Option<&str>, rules: [&[u32]; 2], sources: &[ServiceId]) -> Access {
    Access {
        destination,
        port: PortId(1),
        action: action.map(str::to_owned),
        permits: rules[0].to_vec(),
        forbids: rules[1].to_vec(),
        sources: sources.to_vec(),
    }
}

/// `reach` as the compiler makes it: one line per source and port that something permits.
pub fn reach(tables: &Tables) -> Vec<Reach> {
    let mut found: BTreeMap<_, u32> = BTreeMap::new();
    for line in &tables.access {
        for source in &line.sources {
            let rule = found.entry((*source, line.destination, line.port)).or_insert(u32::MAX);
            *rule = line.permits.iter().copied().chain([*rule]).min().unwrap();
        }
    }
    let via = |destination| match tables.service(destination).unwrap().ports[0].protocol {
        Protocol::Http | Protocol::Http2 | Protocol::Grpc => "proxy",
        Protocol::Plain => "direct",
    };
    let line = |((source, destination, port), rule): ((ServiceId, ServiceId, PortId), u32)| {
        let (source, port, number) = (source.0, port.0, destination.0);
        let text = format!(
            "{{\"source\": {source}, \"destination\": {number}, \"port\": {port}, \"via\": \"{}\", \"rule\": {rule}}}",
            via(destination)
        );
        serde_json::from_str(&text).unwrap()
    };
    found.into_iter().map(line).collect()
}

/// web reads orders, and writes them unless a condition forbids it; batch lists them by a permit that may fail; web
/// books in the ledger.
pub fn tables() -> Tables {
    let routes = vec![
        route("orders.create", "POST", "/orders"),
        route("orders.get", "GET", "/orders/{id:int}"),
        route("orders.list", "GET", "/orders"),
    ];
    let rules = vec![
        rule("a-web-reads", "permit", None),
        rule("b-web-writes", "permit", None),
        rule("c-not-at-night", "forbid", Some(('c', true))),
        rule("d-batch-lists", "permit", Some(('d', false))),
        rule("e-batch-lists", "permit", None),
        rule("f-web-books", "permit", None),
    ];
    let access = vec![
        line(ORDERS, Some("orders.create"), [&[1], &[2]], &[WEB]),
        line(ORDERS, Some("orders.get"), [&[0], &[]], &[WEB]),
        line(ORDERS, Some("orders.list"), [&[0], &[]], &[WEB]),
        line(ORDERS, Some("orders.list"), [&[3, 4], &[]], &[BATCH]),
        line(LEDGER, None, [&[5], &[]], &[WEB]),
    ];
    let services = vec![
        service(BATCH, "batch", "team-batch", vec![]),
        service(LEDGER, "ledger", "team-ledger", vec![port("main", 5432, Protocol::Plain, vec![])]),
        service(ORDERS, "orders", "team-orders", vec![port("api", 8080, Protocol::Http, routes)]),
        service(WEB, "web", "team-web", vec![]),
    ];
    let format = gate_tables::FORMAT;
    let environment = ENVIRONMENT.to_owned();
    let (retired, reach) = (BTreeMap::new(), vec![]);
    finish(Tables { format, environment, services, retired, reach, access, rules, ..Tables::default() })
}

/// Orders the lines and makes `reach` follow, as the compiler does.
pub fn finish(mut tables: Tables) -> Tables {
    tables.access.sort();
    tables.reach = reach(&tables);
    tables
}

/// The tables with a change to their access, and `reach` to match.
pub fn with(change: impl FnOnce(&mut Tables)) -> Tables {
    let mut changed = tables();
    change(&mut changed);
    finish(changed)
}

/// The lines about an action.
pub fn about<'t>(tables: &'t mut Tables, action: Option<&str>) -> &'t mut Access {
    tables.access.iter_mut().find(|line| line.action.as_deref() == action).unwrap()
}

/// A bundle of these tables and duties, signed by nobody.
pub fn bundle(duties: &str, tables: &Tables, previous: Option<&Admitted>) -> Bundle {
    let mut files = files(duties);
    files.insert(TABLES.into(), tables.to_bytes().unwrap());
    Bundle::unsigned(draft(previous), files).unwrap()
}
