use super::*;
use gate_tables::{FORMAT, Port, PortId, Protocol, Service, Transport};
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
        let found = port.route(&method.parse().unwrap(), path, "o").ok().map(|matched| matched.action);
        assert_eq!(found, expected, "{method} {path}");
    }
}

#[test]
fn parameters_are_what_they_stand_for() {
    let policy = policy(SHOP);
    let matched = policy.port(8080).unwrap().route(&Method::GET, "/orders/7/items/caf%C3%A9", "o").unwrap();
    assert_eq!(matched.parameters, [("id", Value::Int(7)), ("name", Value::Text("café".into()))]);
}

#[test]
fn two_routes_are_none() {
    let policy = policy(&[("o.a", "GET", "/{x}"), ("o.b", "GET", "/a")]);
    assert_eq!(policy.port(8080).unwrap().route(&Method::GET, "/a", "o"), Err(NoRoute::Two));
}

#[test]
fn only_l7_ports_are_served() {
    let policy = policy(SHOP);
    assert!(policy.port(9000).is_none());
    assert!(policy.port(15001).is_none());
    assert_eq!((policy.version(), policy.ports()), (3, 1));
    assert!(Policy::default().port(8080).is_none());
}

fn service(id: u32, name: &str, ports: Vec<Port>) -> Service {
    Service { id: ServiceId(id), name: name.into(), ports, ..Service::default() }
}

fn http(number: u16) -> Port {
    Port { number, protocol: Protocol::Http, ..Port::default() }
}

#[test]
fn a_route_with_hosts_is_for_those_and_one_without_for_any() {
    let route = |action: &str, hosts: &[&str]| gate_tables::Route {
        action: action.into(),
        method: "GET".into(),
        path: PathPattern::parse("/orders").unwrap(),
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        ..gate_tables::Route::default()
    };
    let routes = vec![route("o.api", &["api.shop.example", "*.eu.example"]), route("o.old", &["old.shop.example"])];
    let orders = service(7, "orders", vec![Port { routes, ..http(8080) }]);
    let policy = Policy::new(1, &Tables { services: vec![orders], ..Tables::default() }).unwrap();
    for (host, expected) in [
        ("api.shop.example", Some("o.api")),
        ("a.eu.example", Some("o.api")),
        ("old.shop.example", Some("o.old")),
        ("eu.example", None),
        ("shop.example", None),
        ("[::1]", None),
        ("", None),
    ] {
        let found = policy.port(8080).unwrap().route(&Method::GET, "/orders", host);
        assert_eq!(found.ok().map(|matched| matched.action), expected, "{host}");
    }
}

#[test]
fn ports_that_this_version_does_not_speak_are_not_served() {
    let ports = vec![
        Port { protocol: Protocol::Http2, ..http(8443) },
        Port { protocol: Protocol::Grpc, ..http(9443) },
        Port { channel: gate_tables::Channel::Admin, ..http(9901) },
        Port { issuer: Some("customers".into()), ..http(8080) },
        Port { protocol: Protocol::Plain, ..http(5432) },
    ];
    let tables = Tables { services: vec![service(7, "orders", ports)], ..Tables::default() };
    let policy = Policy::new(1, &tables).unwrap();
    for (port, why) in [(8443, "HTTP/2"), (9443, "HTTP/2"), (9901, "channel \"admin\"")] {
        assert!(policy.port(port).is_none(), "{port}");
        assert!(policy.not_served(port).unwrap().contains(why), "{port}");
    }
    assert!(policy.port(8080).is_some() && policy.not_served(8080).is_none());
    assert!(policy.port(5432).is_none() && policy.not_served(5432).is_none());
}

#[test]
fn two_services_with_one_port_are_never_mixed_up() {
    let web = |value: &str| BTreeMap::from([("role".to_owned(), [value.to_owned()].into())]);
    let mut services = vec![service(7, "orders", vec![http(8080)]), service(8, "stock", vec![http(8080)])];
    services[0].on = web("web");
    services[1].on = web("data");
    let labels = BTreeMap::from([("role".to_owned(), ["data".to_owned(), "web".to_owned()].into())]);
    let tables = Tables { services, labels, ..Tables::default() };
    for (role, id) in [("web", 7), ("data", 8)] {
        let here = tables.for_host(&BTreeMap::from([("role".to_owned(), role.to_owned())])).unwrap();
        assert_eq!(Policy::new(1, &here).unwrap().port(8080).unwrap().service(), ServiceId(id), "{role}");
    }
    let nowhere = tables.for_host(&BTreeMap::new()).unwrap();
    assert!(Policy::new(1, &nowhere).unwrap().port(8080).is_none());
    assert_eq!(Policy::new(1, &tables).unwrap_err(), "orders and stock both have port 8080 here");
}

#[test]
fn a_header_that_is_taken_away_cannot_be_declared() {
    for name in ["x-host", "x-forwarded-host", "x-gate-source", "te"] {
        let header = Field { name: name.into(), kind: gate_tables::ParameterKind::Text };
        let route = gate_tables::Route { method: "GET".into(), headers: vec![header], ..gate_tables::Route::default() };
        let orders = service(7, "orders", vec![Port { routes: vec![route], ..http(8080) }]);
        let found = Policy::new(1, &Tables { services: vec![orders], ..Tables::default() }).unwrap_err();
        assert!(found.contains(name) && found.contains("taken away"), "{found}");
    }
}
