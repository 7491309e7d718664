//! What `services.toml` may say, and the message for what it may not.

mod full;

use super::*;
use crate::diagnostic::Report;

const GOOD: &str = r#"environment = "demo"
[group.clients]
[service.orders]
unit = "orders.service"
owner = "team-orders"
route_groups = ["read"]
[service.orders.port.api]
listen = "tcp/8080"
protocol = "http"
[service.orders.port.api.route]
getOrder = { match = "GET /orders/{id:int}", groups = ["read"] }
[service.web]
cgroup = "shop.slice/web.service"
owner = "team-shop"
groups = ["clients"]
mode = "observe"
"#;

fn errors(text: &str) -> Vec<String> {
    let mut report = Report::default();
    let declarations = read(text, &mut report);
    let errors: Vec<String> = report.finish().iter().map(ToString::to_string).collect();
    assert_eq!(declarations.is_none(), !errors.is_empty());
    errors
}

#[test]
fn a_good_file_is_read_whole() {
    let mut report = Report::default();
    let declarations = read(GOOD, &mut report).unwrap();
    assert_eq!(declarations.environment, "demo");
    let orders = &declarations.services["orders"];
    assert_eq!(orders.cgroup, "system.slice/orders.service");
    assert!(!orders.observe);
    let api = &orders.ports["api"];
    assert_eq!((api.number, api.protocol), (8080, Protocol::Http));
    let route = &api.routes["getOrder"];
    assert_eq!((route.method.as_str(), route.path.to_string().as_str()), ("GET", "/orders/{id:int}"));
    assert_eq!(route.groups, ["read"]);
    let web = &declarations.services["web"];
    assert_eq!(
        (web.cgroup.as_str(), web.observe, web.groups.as_slice()),
        ("shop.slice/web.service", true, &["clients".to_owned()][..])
    );
}

/// Each line: what is replaced in the good file, by what, and the one message that follows.
#[test]
#[rustfmt::skip] // a table
fn every_mistake_has_its_line_and_what_would_be_right() {
    let table = [
        ("owner = \"team-orders\"", "ownr = \"team-orders\"", "services.toml:5: unknown key \"ownr\" in [service.orders]; did you mean \"owner\"?"),
        ("listen = \"tcp/8080\"", "lisen = \"tcp/8080\"", "services.toml:8: unknown key \"lisen\" in [service.orders.port.api]; did you mean \"listen\"?"),
        ("environment = \"demo\"", "", "services.toml:1: \"environment\" is missing; write environment = \"demo\""),
        ("environment = \"demo\"", "environment = \"De mo\"", "services.toml:1: environment name \"De mo\"; a name is"),
        ("environment = \"demo\"", "environment = 7", "services.toml:1: \"environment\" is an integer; a string would be right"),
        ("tcp/8080", "tcp/0", "services.toml:8: listen = \"tcp/0\"; write \"tcp/\" or \"udp/\" and a port from 1 to 65535"),
        ("tcp/8080", "tcp/08080", "services.toml:8: listen = \"tcp/08080\"; write"),
        ("tcp/8080", "tcp/65536", "services.toml:8: listen = \"tcp/65536\"; write"),
        ("tcp/8080", "udp/8080", "services.toml:7: protocol = \"http\" in [service.orders.port.api] is spoken over TCP, not on udp/8080"),
        ("tcp/8080", "sctp/8080", "services.toml:8: listen = \"sctp/8080\"; write"),
        ("\"http\"", "\"htpt\"", "services.toml:9: protocol = \"htpt\" in [service.orders.port.api]; did you mean \"http\"?"),
        ("protocol = \"http\"", "", "services.toml:10: routes in [service.orders.port.api], which has no protocol; write protocol = \"http\""),
        ("GET /orders", "GTE /orders", "services.toml:11: method \"GTE\"; did you mean \"GET\"?"),
        ("GET /orders", "/orders", "services.toml:11: match = \"/orders/{id:int}\"; write a method, a space and a path"),
        ("{id:int}", "{id:itn}", "services.toml:11: pattern \"/orders/{id:itn}\": \"itn\" is no type"),
        ("[\"read\"] }", "[\"read\", \"all\"] }", "services.toml:11: route group \"all\" holds every route already; leave it out"),
        ("[\"read\"] }", "[\"read\", 3] }", "services.toml:11: \"groups\" in [service.orders.port.api.route.getOrder] is an integer; a list of strings would be right"),
        ("[\"read\"] }", "[\"read\", \"read\"] }", "services.toml:11: \"read\" is in \"groups\" twice"),
        ("[\"read\"] }", "[\"read\", \"raed\"] }", "services.toml:11: route \"getOrder\" is in group \"raed\", which \"orders\" does not declare; did you mean \"read\"?"),
        ("[\"read\"] }", "[\"read\", \"admin\"] }", "services.toml:11: route \"getOrder\" is in group \"admin\", which \"orders\" does not declare; add it to route_groups of [service.orders]"),
        ("= [\"read\"]\n", "= [\"read\", \"write\"]\n", "services.toml:6: route group \"write\" has no route; write groups = [\"write\"] at one, or remove it from route_groups"),
        ("= [\"read\"]\n", "= [\"read\", \"Write\"]\n", "services.toml:6: route group name \"Write\"; a name is"),
        ("getOrder", "get-order", "services.toml:11: route name \"get-order\"; a name is"),
        ("mode = \"observe\"", "mode = \"obsrve\"", "services.toml:16: mode = \"obsrve\" in [service.web]; did you mean \"observe\"?"),
        ("mode = \"observe\"", "mode = true", "services.toml:16: \"mode\" in [service.web] is a boolean; a string would be right"),
        ("mode = \"observe\"", "observe = true", "services.toml:16: unknown key \"observe\" in [service.web]; write mode = \"observe\" or \"enforce\""),
        ("groups = [\"clients\"]", "groups = [\"client\", \"clients\"]", "services.toml:12: service \"web\" is in group \"client\", which no [group.client] declares; did you mean \"clients\"?"),
        ("groups = [\"clients\"]", "", "services.toml:2: group \"clients\" has no service"),
        ("shop.slice/web", "/shop.slice/web", "services.toml:13: cgroup = \"/shop.slice/web.service\"; write it relative"),
        ("shop.slice/web", "shop.slice/../web", "services.toml:13: cgroup = \"shop.slice/../web.service\" has the part \"..\""),
        ("shop.slice/web.service", "system.slice/orders.service", "services.toml:12: \"web\" and \"orders\" have one cgroup"),
        ("shop.slice/web.service", "system.slice/orders.service/web", "services.toml:12: the cgroup of \"web\" is inside \"system.slice/orders.service\""),
        ("unit = \"orders.service\"", "unit = \"memory.service\"", "services.toml:4: unit = \"memory.service\": systemd escapes"),
        ("unit = \"orders.service\"", "unit = \"orders\"", "services.toml:4: unit = \"orders\"; write a unit that ends in"),
        ("unit = \"orders.service\"", "unit = \"o.service\"\ncgroup = \"o\"", "services.toml:3: both \"unit\" and \"cgroup\" in [service.orders]"),
        ("unit = \"orders.service\"", "", "services.toml:3: neither \"unit\" nor \"cgroup\" in [service.orders]"),
        ("owner = \"team-shop\"", "", "services.toml:12: \"owner\" is missing in [service.web]; write owner = \"team-orders\""),
        ("[service.web]", "[service.Web]", "services.toml:12: service name \"Web\"; a name is"),
        ("[service.web]", "[service.host]", "services.toml:12: service name \"host\" is Gate's own"),
        ("[service.web]", "[service.gate-net]", "services.toml:12: service name \"gate-net\" is Gate's own"),
        ("mode = \"observe\"", "mode = \"observe\"\nmode = \"enforce\"", "services.toml:17: duplicate key"),
        ("[group.clients]", "[hosts]\nposture = \"deny\"\n[group.clients]", "services.toml:2: unknown key \"hosts\"; did you mean \"host\"?"),
        ("mode = \"observe\"", "mode =", "services.toml:16: string values must be quoted"),
        ("mode = \"observe\"", "[service.web.port.api]\nlisten = \"tcp/8080\"", "services.toml:16: web.api and orders.api (line 7) both listen on tcp/8080; one port has one service"),
        ("mode = \"observe\"", "[service.web.port.api]\nlisten = \"tcp/80\"\nprotocol = \"http\"", "services.toml:16: no route in [service.web.port.api]"),
        ("groups = [\"read\"] }", "groups = [\"read\"] }\nother = { match = \"GET /orders/7\" }", "services.toml:12: route \"other\" (GET /orders/7) overlaps route \"getOrder\" (GET /orders/{id:int}, line 11)"),
        ("mode = \"observe\"", "[service.orders.port.b]\nlisten = \"tcp/81\"\nprotocol = \"http\"\nroute.getOrder = { match = \"GET /\" }", "services.toml:19: route \"getOrder\" is on the ports \"api\" and \"b\""),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in table {
        assert!(GOOD.contains(from), "{from}");
        let found = errors(&GOOD.replacen(from, to, 1));
        if found.len() != 1 || !found[0].starts_with(expected) {
            wrong.push(format!("{from} -> {to}\n  expected {expected}\n  found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = GOOD.replace("owner", "ownr").replace("GET", "GTE").replace("tcp/8080", "8080").replace("mode", "mod");
    let found = errors(&text);
    let lines: Vec<&str> = found.iter().filter_map(|error| error.split(':').nth(1)).collect();
    assert_eq!(lines, ["5", "8", "11", "14", "16"], "{found:#?}");
}

#[test]
fn different_methods_or_types_do_not_overlap() {
    let routes = "[\"read\"] }\na = { match = \"DELETE /orders/{id:int}\" }\nb = { match = \"GET /orders/new\" }";
    assert_eq!(errors(&GOOD.replacen("[\"read\"] }", routes, 1)), Vec::<String>::new());
}

#[test]
fn an_empty_file_says_what_to_write() {
    assert_eq!(
        errors(""),
        [
            "services.toml: declares no service; write [service.NAME] with unit = \"NAME.service\" and owner = \"TEAM\"",
            "services.toml:1: \"environment\" is missing; write environment = \"demo\"",
        ]
    );
}
