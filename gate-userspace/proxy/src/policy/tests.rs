use super::*;
use gate_tables::{FORMAT, Port, PortId, Service, Transport};
use std::collections::BTreeMap;

fn policy(routes: &[(&str, &str, &str)]) -> Policy {
    let routes = routes.iter().map(|(action, method, path)| gate_tables::Route {
        action: (*action).into(),
        method: (*method).into(),
        path: PathPattern::parse(path).unwrap(),
        ..gate_tables::Route::default()
    });
    let port = |id, name: &str, number, protocol, routes| Port {
        id: PortId(id),
        name: name.into(),
        transport: Transport::Tcp,
        number,
        protocol,
        routes,
        ..Port::default()
    };
    let orders = Service {
        id: ServiceId(7),
        name: "orders".into(),
        owner: "team".into(),
        cgroup: "orders.service".into(),
        observe: false,
        ports: vec![
            port(1, "api", 8080, Protocol::Http, routes.collect()),
            port(2, "raw", 9000, Protocol::Plain, vec![]),
        ],
        ..Service::default()
    };
    let tables = Tables {
        format: FORMAT,
        environment: "test".into(),
        services: vec![orders],
        retired: BTreeMap::new(),
        reach: vec![],
        access: vec![],
        rules: vec![],
        ..Tables::default()
    };
    Policy::new(3, &tables).unwrap()
}

const SHOP: &[(&str, &str, &str)] = &[
    ("orders.cancel", "DELETE", "/orders/{id:int}"),
    ("orders.create", "POST", "/orders"),
    ("orders.file", "GET", "/files/{*rest}"),
    ("orders.get", "GET", "/orders/{id:int}"),
    ("orders.item", "GET", "/orders/{id:int}/items/{name}"),
    ("orders.list", "GET", "/orders"),
    ("orders.page", "PUT", "/{page}"),
    ("orders.root", "GET", "/"),
];

#[test]
fn a_request_takes_exactly_the_declared_route() {
    let policy = policy(SHOP);
    let port = policy.port(8080).unwrap();
    for (method, path, expected) in [
        ("GET", "/orders/7", Some("orders.get")),
        ("GET", "/orders", Some("orders.list")),
        ("POST", "/orders", Some("orders.create")),
        ("DELETE", "/orders/7", Some("orders.cancel")),
        ("GET", "/orders/7/items/caf%C3%A9", Some("orders.item")),
        ("GET", "/files/a/b", Some("orders.file")),
        ("PUT", "/anything", Some("orders.page")),
        ("GET", "/", Some("orders.root")),
        ("HEAD", "/orders", None),
        ("PATCH", "/orders/7", None),
        ("DELETE", "/orders", None),
        ("GET", "/orders/seven", None),
        ("GET", "/orders/07", None),
        ("GET", "/Orders", None),
        ("GET", "/orders.", None),
        ("GET", "/files", None),
        ("PUT", "/", None),
        ("PUT", "/a/b", None),
    ] {
        let found = port.route(&method.parse().unwrap(), path).ok().map(|matched| matched.action);
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn parameters_are_what_they_stand_for() {
    let policy = policy(SHOP);
    let matched = policy.port(8080).unwrap().route(&Method::GET, "/orders/7/items/caf%C3%A9").unwrap();
    assert_eq!(matched.parameters, [("id", Value::Int(7)), ("name", Value::Text("café".into()))]);
}

#[test]
fn two_routes_are_none() {
    let policy = policy(&[("o.a", "GET", "/{x}"), ("o.b", "GET", "/a")]);
    assert_eq!(policy.port(8080).unwrap().route(&Method::GET, "/a"), Err(NoRoute::Two));
}

#[test]
fn only_l7_ports_are_served() {
    let policy = policy(SHOP);
    assert!(policy.port(9000).is_none());
    assert!(policy.port(15001).is_none());
    assert_eq!((policy.version(), policy.ports()), (3, 1));
    assert!(Policy::default().port(8080).is_none());
}
