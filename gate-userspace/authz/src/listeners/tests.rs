use super::*;
use gate_statements::Signed;
use gate_tables::{FORMAT, HostPattern, PathPattern, Port, PortId, Protocol, Service, Transport};

fn listeners() -> Listeners {
    let path = PathPattern::parse("/orders/{id:int}").unwrap();
    let route = Route { action: "orders.getOrder".into(), method: "GET".into(), path, ..Route::default() };
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
        id: ServiceId(2),
        name: "orders".into(),
        owner: String::new(),
        cgroup: "orders.service".into(),
        observe: false,
        ports: vec![port(1, "api", 8080, Protocol::Http, vec![route]), port(2, "raw", 9000, Protocol::Plain, vec![])],
        ..Service::default()
    };
    Listeners::new(&Tables {
        format: FORMAT,
        environment: "demo".into(),
        services: vec![orders],
        retired: Default::default(),
        reach: vec![],
        access: vec![],
        rules: vec![],
        ..Tables::default()
    })
}

fn question(service: u32, action: &str, method: &str, path: &str, parameters: &[(String, Value)]) -> Question {
    Question {
        assertion: Signed::sign(&crate::testing::assertion(""), &crate::testing::authn_key()).unwrap(),
        destination: ServiceId(service),
        action: action.into(),
        method: method.into(),
        path: path.into(),
        parameters: parameters.to_vec(),
        host: "orders".into(),
        headers: vec![],
        query: vec![],
        want_grant: false,
    }
}

#[test]
fn a_request_is_what_its_route_says() {
    let id = |value| vec![("id".to_owned(), value)];
    let (listeners, one) = (listeners(), id(Value::Int(1)));
    let check = |port, service, action, method, path, parameters: &[(String, Value)]| {
        listeners.check(port, &question(service, action, method, path, parameters))
    };
    assert_eq!(check(8080, 2, "orders.getOrder", "GET", "/orders/1", &one), Ok(()));

    let no_port = |result| matches!(result, Err(NoRoute::Port { .. }));
    assert!(no_port(check(8081, 2, "orders.getOrder", "GET", "/orders/1", &one)));
    assert!(no_port(check(8080, 3, "orders.getOrder", "GET", "/orders/1", &one)));
    assert!(no_port(check(9000, 2, "orders.getOrder", "GET", "/orders/1", &one)), "an opaque port");
    let no_action = check(8080, 2, "orders.delete", "GET", "/orders/1", &one);
    assert!(matches!(no_action, Err(NoRoute::Action { .. })));
    for (method, path, parameters) in [
        ("POST", "/orders/1", one.clone()),
        ("GET", "/orders", one.clone()),
        ("GET", "/orders/2", one.clone()),
        ("GET", "/orders/1", id(Value::Int(2))),
        ("GET", "/orders/1", id(Value::Text("1".into()))),
        ("GET", "/orders/1", vec![("other".to_owned(), Value::Int(1))]),
        ("GET", "/orders/1", vec![]),
        ("GET", "/orders/1", [one.clone(), one.clone()].concat()),
    ] {
        let found = check(8080, 2, "orders.getOrder", method, path, &parameters);
        assert!(matches!(found, Err(NoRoute::Request { .. })), "{method} {path} {parameters:?}");
    }
}

/// One route with a declared host, headers and query.
fn declaring() -> Listeners {
    let field = |name: &str, kind| Field { name: name.into(), kind };
    let route = Route {
        action: "orders.find".into(),
        method: "GET".into(),
        path: PathPattern::parse("/find/{text}").unwrap(),
        hosts: vec![HostPattern::parse("*.shop.example").unwrap()],
        headers: vec![field("x-count", ParameterKind::Int), field("x-tenant", ParameterKind::Text)],
        query: vec![field("limit", ParameterKind::Int)],
        ..Route::default()
    };
    let port =
        |number, protocol, channel| Port { number, protocol, channel, routes: vec![route.clone()], ..Port::default() };
    let ports = vec![
        port(8080, Protocol::Http, gate_tables::Channel::Traffic),
        port(8081, Protocol::Http, gate_tables::Channel::Admin),
        port(8082, Protocol::Http2, gate_tables::Channel::Traffic),
    ];
    let orders = Service { id: ServiceId(2), ports, ..Service::default() };
    Listeners::new(&Tables { services: vec![orders], ..Tables::default() })
}

fn find() -> Question {
    let text = vec![("text".to_owned(), Value::Text("a b".into()))];
    Question { host: "api.shop.example".into(), ..question(2, "orders.find", "GET", "/find/a%20b", &text) }
}

#[test]
fn parameters_are_what_the_path_stands_for() {
    assert_eq!(declaring().check(8080, &find()), Ok(()));
    for wrong in ["a%20b", "a  b", ""] {
        let parameters = vec![("text".to_owned(), Value::Text(wrong.into()))];
        assert!(declaring().check(8080, &Question { parameters, ..find() }).is_err(), "{wrong}");
    }
}

#[test]
fn a_route_is_for_its_hosts() {
    for host in ["", "shop.example", "api.shop.example.", "API.shop.example", "evilshop.example"] {
        assert!(declaring().check(8080, &Question { host: host.into(), ..find() }).is_err(), "{host}");
    }
}

#[test]
fn of_headers_and_query_there_is_what_is_declared_and_nothing_else() {
    let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.into()));
    let int = |name: &str, value| (name.to_owned(), Value::Int(value));
    let with = |headers: Vec<(String, Value)>, query: Vec<(String, Value)>| {
        declaring().check(8080, &Question { headers, query, ..find() }).is_ok()
    };
    assert!(with(vec![], vec![]));
    assert!(with(vec![int("x-count", -1), text("x-tenant", "a")], vec![int("limit", 5)]));
    assert!(with(vec![text("x-tenant", "a")], vec![]));
    for (headers, query) in [
        (vec![text("x-other", "a")], vec![]),
        (vec![int("limit", 5)], vec![]),
        (vec![text("x-tenant", "a"), text("x-tenant", "a")], vec![]),
        (vec![text("x-tenant", "a"), int("x-count", 1)], vec![]),
        (vec![int("x-tenant", 1)], vec![]),
        (vec![text("x-count", "1")], vec![]),
        (vec![text("x-tenant", "")], vec![]),
        (vec![text("x-tenant", "a\n")], vec![]),
        (vec![text("x-tenant", &"a".repeat(MAX_VALUE + 1))], vec![]),
        (vec![], vec![text("limit", "5")]),
        (vec![], vec![int("limit", 5), int("limit", 5)]),
        (vec![], vec![int("x-count", 5)]),
    ] {
        assert!(!with(headers.clone(), query.clone()), "{headers:?} {query:?}");
    }
}

#[test]
fn nothing_is_decided_about_ports_that_are_not_served() {
    for port in [8081, 8082] {
        assert!(matches!(declaring().check(port, &find()), Err(NoRoute::Port { .. })), "{port}");
    }
}
