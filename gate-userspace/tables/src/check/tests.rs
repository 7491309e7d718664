//! Tables as somebody would make them who compiles other ones than the rules say: each is refused by whoever reads it.

use super::*;
use crate::{
    Access, Algorithm, Channel, Claim, ClaimKind, Field, HostPattern, HostSection, Issuer, Listener, Network,
    ParameterKind, PathPattern, Port, PortId, Posture, Prefix, Protocol, Reach, Roles, Route, Rule, Selector, Service,
    Times, Transport, Via,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn on(value: &str) -> Selector {
    Selector::from([(text("role"), [text(value)].into())])
}

fn service(id: u32, name: &str, ports: Vec<Port>) -> Service {
    let (cgroup, owner) = (format!("system.slice/{name}.service"), text("team"));
    Service { id: ServiceId(id), name: text(name), owner, cgroup, ports, ..Service::default() }
}

fn port(id: u16, name: &str, number: u16) -> Port {
    Port { id: PortId(id), name: text(name), number, ..Port::default() }
}

fn route(action: &str, path: &str) -> Route {
    let path = PathPattern::parse(path).unwrap();
    Route { action: text(action), method: text("GET"), path, ..Route::default() }
}

fn network(id: u32, name: &str, addresses: &[&str], ports: Vec<Port>) -> Network {
    let addresses = addresses.iter().map(|block| Prefix::parse(block).unwrap()).collect();
    Network { id: ServiceId(id), name: text(name), owner: text("net"), environment: None, addresses, ports }
}

fn issuer(name: &str) -> Issuer {
    let claim = |name: &str, kind| Claim { name: text(name), kind, optional: false };
    Issuer {
        name: text(name),
        url: text("https://login.example"),
        audiences: vec![text("a"), text("b")],
        algorithms: vec![Algorithm::EdDSA, Algorithm::ES256],
        keys: text("https://login.example/keys"),
        claims: vec![claim("age", ClaimKind::Int), claim("role", ClaimKind::String)],
        roles: Some(Roles { claim: text("role"), values: vec![text("admin"), text("user")] }),
    }
}

fn rule(id: &str, effect: &str) -> Rule {
    let (reason, ticket, place) = (text("r"), text("T-1"), text("a.cedar:1"));
    Rule { id: text(id), effect: text(effect), reason, ticket, place, condition: None }
}

fn line(destination: u32, port: u16, action: Option<&str>, sources: &[u32]) -> Access {
    Access {
        destination: ServiceId(destination),
        port: PortId(port),
        action: action.map(text),
        permits: vec![0],
        forbids: vec![],
        sources: sources.iter().copied().map(ServiceId).collect(),
    }
}

fn reach(source: u32, destination: u32, port: u16, via: Via) -> Reach {
    let [source, destination] = [source, destination].map(ServiceId);
    Reach { source, destination, port: PortId(port), via, rule: 0, times: Times::default() }
}

/// 1 db (plain main), 2 orders (http api with two routes, http ops for admin), 3 web, 4 lan around 5 office.
fn sound() -> Tables {
    let http = |id, name, number, routes| Port { protocol: Protocol::Http, routes, ..port(id, name, number) };
    let api = http(1, "api", 8080, vec![route("orders.get", "/orders/{id}"), route("orders.list", "/orders")]);
    let ops = http(2, "ops", 8081, vec![route("orders.stop", "/stop")]);
    let ops = Port { channel: Channel::Admin, ..ops };
    let api = Port { issuer: Some(text("customers")), ..api };
    let section =
        HostSection { name: text("data"), on: on("data"), posture: Posture::Deny, failsafe: vec![listener(22)] };
    let mut tables = Tables {
        environment: text("demo"),
        labels: Selector::from([(text("role"), [text("data"), text("web")].into())]),
        issuers: vec![issuer("customers"), issuer("staff")],
        networks: vec![
            network(4, "lan", &["10.0.0.0/8", "fd00::/8"], vec![port(1, "tcp-443", 443)]),
            network(5, "office", &["10.1.0.0/16"], vec![]),
        ],
        services: vec![
            service(1, "db", vec![port(1, "main", 5432)]),
            service(2, "orders", vec![api, ops]),
            service(3, "web", vec![]),
        ],
        rules: vec![rule("a", "permit"), rule("b", "forbid"), rule("c", "permit")],
        access: vec![
            line(1, 1, None, &[2]),
            line(2, 1, Some("orders.get"), &[3, 5]),
            line(2, 2, Some("orders.stop"), &[0]),
            line(4, 1, None, &[3]),
        ],
        reach: vec![
            reach(0, 2, 2, Via::Proxy),
            reach(2, 1, 1, Via::Direct),
            reach(3, 2, 1, Via::Proxy),
            reach(3, 4, 1, Via::Direct),
        ],
        ..Tables::default()
    };
    tables.host.sections.push(section);
    tables.retired.insert(text("old"), ServiceId(9));
    tables
}

fn listener(number: u16) -> Listener {
    Listener { transport: Transport::Tcp, number }
}

/// What somebody makes otherwise.
type Forgery<'f> = &'f dyn Fn(&mut Tables);

fn refused(change: Forgery<'_>) -> String {
    let mut tables = sound();
    change(&mut tables);
    match Tables::from_bytes(&tables.to_bytes().unwrap()) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn each(changes: &[(&str, Forgery<'_>)]) {
    Tables::from_bytes(&sound().to_bytes().unwrap()).unwrap();
    for (expected, change) in changes {
        let found = refused(change);
        assert!(found.contains(expected), "{expected:?} is not in {found:?}");
    }
}

#[test]
fn names_and_numbers_mean_one_thing() {
    let renamed = |to: &'static str| move |t: &mut Tables| t.services[0].name = to.into();
    each(&[
        ("format is 1, this version reads 2", &|t| t.format = 1),
        ("at most 16384", &|t| {
            t.retired = (0..MAX_SERVICES).map(|n| (format!("z{n}"), ServiceId(100 + n as u32))).collect();
        }),
        ("services are not sorted", &|t| t.services.swap(0, 1)),
        ("services are not sorted", &|t| t.services[1].name = text("db")),
        ("networks are not sorted", &|t| t.networks.swap(0, 1)),
        ("web is a service and a network", &|t| t.networks[1].name = text("web")),
        ("rules are not sorted", &|t| t.rules[1].id = text("a")),
        // The name of nothing is the policy as a whole to whoever asks whose a change is.
        ("\"\" is no name", &renamed("")),
        ("\"a b\" is no name", &renamed("a b")),
        ("\"Db\" is no name", &renamed("Db")),
        ("\"a:b\" is no name", &renamed("a:b")),
        ("is no name", &|t| t.networks[0].name = "a".repeat(64)),
        ("\"-\" is no name", &|t| t.retired.extend([(text("-"), ServiceId(10))])),
        // Its cells would stand where the host's are looked up.
        ("any is Gate's own name", &renamed("any")),
        ("world is Gate's own name", &|t| t.networks[1].name = text("world")),
        ("host is Gate's own name", &|t| t.networks[0].name = text("host")),
        ("web is declared, and a former service", &|t| t.retired.extend([(text("web"), ServiceId(10))])),
        ("two services have one number", &|t| t.networks[0].id = ServiceId(1)),
        ("two services have one number", &|t| t.retired.extend([(text("old"), ServiceId(1))])),
        ("service number 0 is reserved", &|t| t.services[2].id = ServiceId::HOST),
        ("service number 4294967294 is reserved", &|t| t.networks[1].id = ServiceId::WORLD),
        ("service number 4294901760 is reserved", &|t| t.services[2].id = ServiceId::FIRST_RESERVED),
    ]);
}

#[test]
fn hosts_and_issuers_are_declared_in_one_way() {
    let ssh = || vec![listener(22), listener(22)];
    each(&[
        ("service web is on hosts of a label", &|t| t.services[2].on = on("else")),
        ("service web is on hosts of a label", &|t| drop(t.services[2].on.insert(text("role"), [].into()))),
        ("service web is on hosts of a label", &|t| drop(t.services[2].on.insert(text("site"), [].into()))),
        ("section data of [host] is for no label", &|t| t.host.sections[0].on = Selector::new()),
        ("section data of [host] is for no label", &|t| t.host.sections[0].on = on("else")),
        ("sections of [host] are not sorted", &|t| t.host.sections.push(t.host.sections[0].clone())),
        ("could take the sections data and web", &|t| {
            t.host.sections.push(HostSection { name: text("web"), ..t.host.sections[0].clone() });
        }),
        ("failsafe of [host] is not sorted", &|t| t.host.failsafe = ssh()),
        ("failsafe of [host] is not sorted", &|t| t.host.sections[0].failsafe = ssh()),
        // What is failsafe is open to everybody.
        ("tcp/5432 is failsafe, and a port of db", &|t| t.host.failsafe = vec![listener(5432)]),
        ("tcp/5432 is failsafe, and a port of db", &|t| t.host.sections[0].failsafe = vec![listener(5432)]),
        ("issuers are not sorted", &|t| t.issuers.swap(0, 1)),
        ("customers has no audience", &|t| t.issuers[0].audiences.clear()),
        ("customers has no audience or no algorithm", &|t| t.issuers[0].algorithms.clear()),
        ("audiences or algorithms of issuer customers", &|t| t.issuers[0].audiences.reverse()),
        ("audiences or algorithms of issuer customers", &|t| t.issuers[0].algorithms.reverse()),
        ("keys of issuer staff are neither", &|t| t.issuers[1].keys = text("http://login.example/keys")),
        ("claims of issuer customers are not sorted", &|t| t.issuers[0].claims.swap(0, 1)),
        ("of the claim rank, which it has not", &|t| {
            t.issuers[0].roles.as_mut().unwrap().claim = text("rank");
        }),
        ("of the claim age, which it has not as text", &|t| {
            t.issuers[0].roles.as_mut().unwrap().claim = text("age");
        }),
        ("roles of issuer customers are not sorted", &|t| t.issuers[0].roles.as_mut().unwrap().values.reverse()),
        ("roles of issuer customers are not sorted", &|t| t.issuers[0].roles.as_mut().unwrap().values.clear()),
    ]);
    // A service that is on no host of the section may have the port.
    assert_eq!(
        refused(&|t| {
            t.services[0].on = on("web");
            t.host.sections[0].failsafe = vec![listener(5432)];
        }),
        "accepted"
    );
}

#[test]
fn an_address_has_one_narrowest_network() {
    let blocks = |blocks: &[&str]| blocks.iter().map(|block| Prefix::parse(block).unwrap()).collect::<Vec<_>>();
    let lan = |of: &'static [&str]| move |t: &mut Tables| t.networks[0].addresses = blocks(of);
    let office = |of: &'static [&str]| move |t: &mut Tables| t.networks[1].addresses = blocks(of);
    each(&[
        ("addresses of network lan are not sorted", &lan(&[])),
        ("addresses of network lan are not sorted", &lan(&["fd00::/8", "10.0.0.0/8"])),
        ("addresses of network lan are not sorted", &lan(&["10.0.0.0/8", "10.0.0.0/8"])),
        ("addresses of network lan overlap: 10.0.0.0/8 holds 10.2.0.0/16", &lan(&["10.0.0.0/8", "10.2.0.0/16"])),
        ("networks lan and office overlap", &office(&["10.1.0.0/16", "192.168.0.0/16"])),
        ("networks lan and office overlap", &office(&["10.0.0.0/8", "fd00::/8"])),
        ("networks lan and office overlap", &office(&["10.0.0.0/8", "fd00::/9"]).tap(lan(&["10.0.0.0/9", "fd00::/8"]))),
    ]);
    for (outer, inner) in [
        (&["10.0.0.0/8", "fd00::/8"][..], &["10.0.0.0/8"][..]),
        (&["10.0.0.0/8", "fd00::/8"], &["10.0.0.0/9", "10.128.0.0/9", "fd00::1"]),
        (&["10.0.0.0/8"], &["11.0.0.0/8"]),
        (&["0.0.0.0/0"], &["::/0"]),
        (&["0.0.0.0/0", "::/0"], &["10.1.0.0/16"]),
    ] {
        for (one, other) in [(outer, inner), (inner, outer)] {
            let found = refused(&|t| {
                (t.networks[0].addresses, t.networks[1].addresses) = (blocks(one), blocks(other));
            });
            assert_eq!(found, "accepted", "{one:?} {other:?}");
        }
    }
}

/// Two changes as one.
trait Tap: Fn(&mut Tables) + Sized {
    fn tap(self, other: impl Fn(&mut Tables)) -> impl Fn(&mut Tables) {
        move |tables| {
            self(tables);
            other(tables);
        }
    }
}

impl<F: Fn(&mut Tables)> Tap for F {}

#[test]
fn a_port_has_one_service_and_a_request_one_route() {
    let field = || Field { name: text("x-a"), kind: ParameterKind::Text };
    let host = |name: &str| HostPattern::parse(name).unwrap();
    each(&[
        ("ports of orders are not sorted", &|t| t.services[1].ports.swap(0, 1)),
        ("ports of orders are not sorted", &|t| t.services[1].ports[1].id = PortId(1)),
        ("port main of db has routes and no protocol", &|t| t.services[0].ports[0].routes = vec![route("db.x", "/")]),
        ("is spoken on by http", &|t| t.services[1].ports[0].transport = Transport::Udp),
        ("is spoken on by grpc", &|t| t.networks[0].ports[0].protocol = Protocol::Grpc),
        ("is number 0", &|t| t.services[0].ports[0].number = 0),
        ("port a b of db has no name", &|t| t.services[0].ports[0].name = text("a b")),
        ("is not named by its number", &|t| t.networks[0].ports[0].name = text("tcp-80")),
        ("is not named by its number", &|t| t.networks[0].ports[0].transport = Transport::Udp),
        ("is declared as a service's", &|t| t.networks[0].ports[0].channel = Channel::Admin),
        ("is declared as a service's", &|t| t.networks[0].ports[0].issuer = Some(text("staff"))),
        ("routes of port api of orders are not sorted", &|t| t.services[1].ports[0].routes.swap(0, 1)),
        ("hosts, groups, headers or query of orders.get", &|t| {
            t.services[1].ports[0].routes[0].headers = vec![field(), field()]
        }),
        ("hosts, groups, headers or query of orders.get", &|t| {
            t.services[1].ports[0].routes[0].query = vec![field(), field()]
        }),
        ("hosts, groups, headers or query of orders.get", &|t| {
            t.services[1].ports[0].routes[0].hosts = vec![host("b.example"), host("a.example")];
        }),
        ("hosts, groups, headers or query of orders.get", &|t| {
            t.services[1].ports[0].routes[0].groups = vec![text("b"), text("a")];
        }),
        ("has the issuer nobody, which is not declared", &|t| t.services[1].ports[0].issuer = Some(text("nobody"))),
        ("orders and db both declare port 5432", &|t| t.services[1].ports[1].number = 5432),
        ("orders and orders both declare port 8080", &|t| t.services[1].ports[1].number = 8080),
        // Whoever takes the one away would give its requests to the other.
        ("routes orders.get and orders.list overlap", &|t| {
            t.services[1].ports[0].routes[1].path = PathPattern::parse("/orders/{*all}").unwrap();
        }),
        ("has 4097 routes, at most 4096", &|t| {
            let routes = (0..=4096).map(|n| route(&format!("orders.r{n:05}"), &format!("/{n}")));
            t.services[1].ports[1].routes = routes.collect();
        }),
        // Toxic combinations, cases and rules name an action alone.
        ("db.get is no action of orders", &|t| t.services[1].ports[0].routes[0].action = text("db.get")),
        ("orders. is no action of orders", &|t| t.services[1].ports[0].routes[0].action = text("orders.")),
        ("orders.get x is no action of orders", &|t| t.services[1].ports[0].routes[0].action = text("orders.get x")),
        ("orders.get is a route of two ports", &|t| t.services[1].ports[1].routes[0].action = text("orders.get")),
        ("groups of web are not sorted", &|t| t.services[2].groups = vec![text("b"), text("a")]),
        ("groups of web are not sorted", &|t| t.services[2].groups = vec![text("")]),
    ]);
    // Hosts tell routes apart.
    let by_host = refused(&|t| {
        t.services[1].ports[0].routes[1].path = PathPattern::parse("/orders/{id}").unwrap();
        t.services[1].ports[0].routes[0].hosts = vec![host("a.example")];
        t.services[1].ports[0].routes[1].hosts = vec![host("*.b.example")];
    });
    assert_eq!(by_host, "accepted");
}

#[test]
fn a_process_has_one_service() {
    let at = |cgroup: &'static str| move |t: &mut Tables| t.services[2].cgroup = cgroup.into();
    each(&[
        ("the cgroup of db is, or is inside, that of web", &at("system.slice/db.service")),
        ("the cgroup of db is, or is inside, that of web", &at("system.slice")),
        ("the cgroup of web is, or is inside, that of db", &at("system.slice/db.service/worker")),
        ("which is no path below the root", &at("")),
        ("which is no path below the root", &at("/system.slice/web.service")),
        ("which is no path below the root", &at("system.slice/")),
    ]);
    assert_eq!(refused(&at("system.slice/db.service2")), "accepted");
    let apart = refused(&|t| {
        (t.services[0].on, t.services[2].on) = (on("data"), on("web"));
        t.services[2].cgroup = text("system.slice/db.service");
    });
    assert_eq!(apart, "accepted");
}

#[test]
fn what_is_given_is_given_by_rules_to_somebody() {
    each(&[
        ("reach is not sorted", &|t| t.reach.swap(0, 1)),
        ("reach is not sorted", &|t| t.reach.push(t.reach[3].clone())),
        ("reach names source 77, which is no service", &|t| t.reach.push(reach(77, 1, 1, Via::Direct))),
        ("reach names port 7 of service 1", &|t| t.reach[1].port = PortId(7)),
        ("reach names port 1 of service 9", &|t| t.reach[1].destination = ServiceId(9)),
        ("reach to port 5432 is Proxy", &|t| t.reach[1].via = Via::Proxy),
        ("reach to port 8080 is Direct", &|t| t.reach[2].via = Via::Direct),
        ("reach names rule 9", &|t| t.reach[1].rule = 9),
        ("has times, which a proxied port has not", &|t| t.reach[2].times.until = Some(9)),
        ("which is never", &|t| t.reach[1].times = Times { from: Some(9), until: Some(9) }),
        // The kernel would enforce what neither duties nor people look at.
        ("source 5 reaches port 5432 of service 1 by rule 0, and no access", &|t| {
            t.reach.push(reach(5, 1, 1, Via::Direct))
        }),
        ("source 5 reaches port 443 of service 4 by rule 0, and no access", &|t| {
            t.reach.push(reach(5, 4, 1, Via::Direct))
        }),
        ("source 2 reaches port 5432 of service 1 by rule 2, and no access", &|t| t.reach[1].rule = 2),
        ("source 3 reaches port 8080 of service 2 by rule 0, and no access", &|t| {
            t.access[1].sources = vec![ServiceId(5)]
        }),
        ("access is not sorted", &|t| t.access.swap(0, 1)),
        ("access to port 3 of service 2: no such port", &|t| t.access[2].port = PortId(3)),
        ("the port has no action orders.gone", &|t| t.access[1].action = Some(text("orders.gone"))),
        ("the port has no action connect", &|t| t.access[1].action = None),
        ("the port has no action orders.get", &|t| t.access[0].action = Some(text("orders.get"))),
        ("permits [0, 0] are not ascending", &|t| t.access[0].permits = vec![0, 0]),
        ("permits [1] are not ascending indexes of permit rules", &|t| t.access[0].permits = vec![1]),
        ("forbids [0] are not ascending indexes of forbid rules", &|t| t.access[0].forbids = vec![0]),
        ("permits [9] are not ascending", &|t| t.access[0].permits = vec![9]),
        ("no rule permits it", &|t| t.access[0].permits.clear()),
        ("its sources are not ascending", &|t| t.access[1].sources.reverse()),
        ("its sources are not ascending, or there are none", &|t| t.access[1].sources.clear()),
        ("source 9 is no service", &|t| t.access[1].sources.push(ServiceId(9))),
        ("is said in two lines", &|t| t.access.insert(1, Access { permits: vec![0, 2], ..t.access[0].clone() })),
    ]);
    assert_eq!(refused(&|t| t.access[1].sources.push(ServiceId::WORLD)), "accepted");
}

#[test]
fn nobody_is_on_both_channels() {
    each(&[
        ("source 3 has rules on ports for admin and for traffic", &|t| t.access[2].sources.push(ServiceId(3))),
        ("issuer customers vouches on ports for admin and for traffic", &|t| {
            t.services[1].ports[1].issuer = Some(text("customers"));
        }),
    ]);
    assert_eq!(refused(&|t| t.services[1].ports[1].issuer = Some(text("staff"))), "accepted");
}
