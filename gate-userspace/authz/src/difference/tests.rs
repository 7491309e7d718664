use super::*;
use gate_tables::{Access, FORMAT, PathPattern, Port, PortId, Protocol, Route, Rule, Service, Times, Transport, Via};
use std::collections::BTreeMap;

fn service(id: u32, name: &str, ports: Vec<Port>) -> Service {
    let cgroup = format!("{name}.service");
    Service {
        id: ServiceId(id),
        name: name.into(),
        owner: "shop".into(),
        cgroup,
        observe: false,
        ports,
        ..Service::default()
    }
}

fn rule(id: &str) -> Rule {
    let text = |text: &str| text.to_owned();
    Rule {
        id: id.into(),
        effect: text("permit"),
        reason: text("r"),
        ticket: text("T"),
        place: text("shop.cedar:1"),
        condition: None,
    }
}

fn tables() -> Tables {
    let route = Route {
        action: "orders.getOrder".into(),
        method: "GET".into(),
        path: PathPattern::parse("/orders/{id:int}").unwrap(),
        ..Route::default()
    };
    let api = Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number: 8080,
        protocol: Protocol::Http,
        routes: vec![route],
        ..Port::default()
    };
    let reach = Reach {
        source: ServiceId(3),
        destination: ServiceId(2),
        port: PortId(1),
        via: Via::Proxy,
        rule: 1,
        times: Times::default(),
    };
    Tables {
        format: FORMAT,
        environment: "demo".into(),
        services: vec![service(1, "batch", vec![]), service(2, "orders", vec![api]), service(3, "web", vec![])],
        retired: BTreeMap::from([("old".into(), ServiceId(4))]),
        reach: vec![reach],
        access: vec![Access {
            destination: ServiceId(2),
            port: PortId(1),
            action: Some("orders.getOrder".into()),
            permits: vec![1],
            forbids: vec![],
            sources: vec![ServiceId(3)],
        }],
        rules: vec![rule("a"), rule("b")],
        ..Tables::default()
    }
}

fn check(expected: &str, change: impl FnOnce(&mut Tables)) {
    let mut changed = tables();
    change(&mut changed);
    let found = first_difference(&changed, &tables()).unwrap_or_default();
    assert!(found.contains(expected), "{found:?} does not say {expected:?}");
    assert!(first_difference(&tables(), &changed).is_some(), "{expected}: the other way round");
}

#[test]
fn equal_tables_do_not_differ() {
    assert_eq!(first_difference(&tables(), &tables()), None);
}

#[test]
fn every_kind_of_difference_is_named() {
    check("environment is \"other\"", |t| t.environment = "other".into());
    check("service orders: its number is 9", |t| t.services[1].id = ServiceId(9));
    check("service web: its cgroup is \"x\" in the tables; the rules give \"web.service\"", |t| {
        t.services[2].cgroup = "x".into();
    });
    check("service web: observe is true", |t| t.services[2].observe = true);
    check("service web: its owner is \"me\"", |t| t.services[2].owner = "me".into());
    check("service orders: port api is", |t| t.services[1].ports[0].number = 81);
    check("service orders: port api is", |t| t.services[1].ports[0].routes[0].method = "DELETE".into());
    check("service orders: its ports are not", |t| t.services[1].ports.clear());
    check("service zed: is in the tables", |t| t.services.push(service(7, "zed", vec![])));
    check("service batch: is declared", |t| drop(t.services.remove(0)));
    check("retired service old: nothing", |t| t.retired.clear());
    check("retired service old: number 5", |t| {
        t.retired.insert("old".into(), ServiceId(5));
    });
    check("rule a: is Rule { id: \"a\", effect: \"forbid\"", |t| t.rules[0].effect = "forbid".into());
    check("rule c: is in the tables and in no .cedar file", |t| t.rules.push(rule("c")));
    check("rule b: is in shop.cedar:1 and not in the tables", |t| drop(t.rules.remove(1)));
    check("reach batch -> orders:api: no rule permits it", |t| {
        let line = Reach { source: ServiceId(1), ..t.reach[0].clone() };
        t.reach.insert(0, line);
    });
    check("reach web -> orders:api: is Proxy by rule a in the tables; the rules give Proxy by rule b", |t| {
        t.reach[0].rule = 0;
    });
    check("reach web -> orders:api: rule b permits it, the tables do not", |t| t.reach.clear());
    check(
        "access to orders.getOrder on port 1 of service 2 for sources [1, 3] by rules [\"b\"]: is in the tables",
        |t| {
            t.access[0].sources.insert(0, ServiceId(1));
        },
    );
    check("access to orders.getOrder on port 1 of service 2 for sources [3] by rules [\"b\"]: follows from", |t| {
        t.access.clear()
    });
    check("format is 3", |t| t.format = 3);
}
