//! Everything that `services.toml` may say, and the message for each mistake in it.

use super::errors;
use crate::diagnostic::Report;
use crate::services::{Declarations, read};
use gate_tables::{Channel, ClaimKind, ParameterKind, Posture, Protocol, Transport};

const FULL: &str = include_str!("full.toml");

fn declarations() -> Declarations {
    let mut report = Report::default();
    let found = read(FULL, &mut report);
    found.unwrap_or_else(|| panic!("{:#?}", report.finish()))
}

#[test]
fn hosts_and_labels_are_read() {
    let found = declarations();
    assert_eq!(found.labels["site"], ["a".to_owned(), "b".to_owned()].into());
    assert_eq!((found.host.posture, found.host.failsafe.len()), (Posture::Open, 1));
    let [data] = found.host.sections.as_slice() else { panic!("{:?}", found.host) };
    assert_eq!((data.posture, data.on["role"].contains("data")), (Posture::Deny, true));
    let failsafe: Vec<_> = data.failsafe.iter().map(|at| (at.transport, at.number)).collect();
    assert_eq!(failsafe, [(Transport::Tcp, 22), (Transport::Udp, 53)]);
    assert_eq!(found.services["orders"].on["site"].len(), 2);
}

#[test]
fn issuers_are_read() {
    let found = declarations();
    let issuer = &found.issuers["customers"].issuer;
    assert_eq!(issuer.audiences, ["accounts", "payments"]);
    let claims: Vec<_> = issuer.claims.iter().map(|c| (c.name.as_str(), c.kind, c.optional)).collect();
    assert_eq!(
        claims,
        [
            ("acr", ClaimKind::String, false),
            ("auth_time", ClaimKind::Int, false),
            ("branch", ClaimKind::String, true),
            ("https://bank.example/vip", ClaimKind::Bool, false),
            ("role", ClaimKind::String, false),
        ]
    );
    assert_eq!(issuer.roles.as_ref().unwrap().values, ["supervisor", "teller"]);
}

#[test]
fn services_and_networks_are_read() {
    let found = declarations();
    let orders = &found.services["orders"];
    assert_eq!(orders.cgroup, "shop.slice/shop-web.slice/orders.service");
    assert_eq!((orders.uid, orders.exe.as_deref()), (Some(998), Some("/usr/bin/orders")));
    assert_eq!(found.services["twin"].cgroup, "system.slice/system-worker.slice");
    let api = &orders.ports["api"];
    assert_eq!((api.channel, api.issuer.as_deref()), (Channel::Traffic, Some("customers")));
    let route = &api.routes["getOrder"];
    assert_eq!(
        route.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["*.shop.internal", "api.shop.example"]
    );
    assert_eq!((route.headers[0].name.as_str(), route.headers[0].kind), ("x-tenant", ParameterKind::Text));
    assert_eq!((route.query[0].name.as_str(), route.query[0].kind), ("limit", ParameterKind::Int));
    let place = &orders.ports["rpc"].routes["place"];
    assert_eq!((place.method.as_str(), place.path.to_string().as_str()), ("POST", "/shop.Orders/Place"));
    let next = &orders.ports["next"];
    assert_eq!((next.protocol, next.channel), (Protocol::Http2, Channel::Admin));
    assert_eq!((orders.ports["log"].transport, orders.ports["log"].protocol), (Transport::Udp, Protocol::Plain));
    let networks: Vec<_> =
        found.networks.iter().map(|(name, n)| (name.as_str(), n.addresses.len(), n.ports.len())).collect();
    assert_eq!(networks, [("lan", 2, 0), ("office", 1, 0), ("resolver", 2, 3)]);
}

/// Each line: what is replaced in the full file, by what, and how a message begins after its line.
#[test]
#[rustfmt::skip] // a table
fn every_mistake_says_what_would_be_right() {
    let table = [
        // Labels and hosts.
        ("[label.role]", "[label.Role]", "label name \"Role\"; a name is"),
        ("values = [\"a\", \"b\"]", "values = []", "label \"site\" has no values; write values"),
        ("values = [\"a\", \"b\"]", "value = [\"a\", \"b\"]", "unknown key \"value\" in [label.site]; did you mean \"values\"?"),
        ("\"role=web\"", "\"rule=web\"", "on = \"rule=web\"; no [label.rule] is declared; did you mean \"role\"?"),
        ("\"role=web\"", "\"role=wbe\"", "on = \"role=wbe\"; \"wbe\" is no value of [label.role]; did you mean \"web\"?"),
        ("\"role=web\"", "\"role\"", "on = \"role\"; write a label and its value"),
        ("on = [\"role=web\", \"site=a\", \"site=b\"]", "on = []", "on = [] in [service.orders] is no host"),
        ("posture = \"open\"", "posture = \"opn\"", "posture = \"opn\" in [host]; did you mean \"open\"?"),
        ("posture = \"deny\"\n", "", "\"posture\" is missing in [host.section.data]; write"),
        ("failsafe = [\"tcp/22\"]", "failsafe = [\"22\"]", "failsafe = \"22\"; write \"tcp/\" or \"udp/\" and a port"),
        ("[group.clients]", "[host.section.all]\non = [\"site=a\"]\nposture = \"open\"\n[group.clients]", "a host could have the labels of the sections"),
        // Issuers.
        ("https://login.bank.example\"", "http://login.bank.example\"", "url = \"http://login.bank.example\"; write the issuer's https:// address"),
        ("audiences = [\"orders\"]\n", "", "\"audiences\" is missing in [issuer.staff]; list the tokens' aud"),
        ("\"EdDSA\"", "\"HS256\"", "algorithms = \"HS256\" has a shared secret"),
        ("\"EdDSA\"", "\"none\"", "algorithms = \"none\" is no signature"),
        ("\"EdDSA\"", "\"EdDAS\"", "algorithms = \"EdDAS\"; did you mean \"EdDSA\"?"),
        ("/etc/gate/staff.jwks", "staff.jwks", "keys = \"staff.jwks\"; write an https:// address or the absolute path"),
        ("acr = \"string\"", "acr = \"strng\"", "claim acr = \"strng\"; did you mean \"string\"?"),
        ("acr = \"string\"", "sub = \"string\"", "claim \"sub\" is in every user already"),
        ("acr = \"string\"", "exp = \"int\"", "claim \"exp\" is checked of every token"),
        ("acr = \"string\"", "__entity = \"string\"", "claim \"__entity\"; a name is"),
        ("claim = \"role\"", "claim = \"rle\"", "roles are of claim \"rle\", which is not in claims; did you mean \"role\"?"),
        ("claim = \"role\"", "claim = \"auth_time\"", "roles are of claim \"auth_time\"; a claim of roles is"),
        ("issuer = \"customers\"", "issuer = \"customer\"", "orders.api has the issuer \"customer\", which no [issuer.customer] declares; did you mean \"customers\"?"),
        ("issuer = \"staff\"", "issuer = \"customers\"", "issuer \"customers\" is named by orders.next (admin) and by orders.api (traffic, line"),
        ("https://staff.bank.example\"\naudiences = [\"orders\"]", "https://login.bank.example\"\naudiences = [\"payments\"]", "issuers \"staff\" and \"customers\" (line 14) both take tokens"),
        ("listen = \"udp/514\"", "listen = \"udp/514\"\nissuer = \"staff\"", "issuer = \"staff\" in [service.orders.port.log], which is judged as a flow"),
        // Networks.
        ("[network.lan]", "[network.twin]", "\"twin\" is a network and a service (line"),
        ("[network.lan]", "[network.world]", "network name \"world\" is Gate's own"),
        ("\"10.1.0.0/16\"", "\"10.1.0.1/16\"", "addresses: \"10.1.0.1/16\" has bits beyond its length; write 10.1.0.0/16"),
        ("\"10.1.0.0/16\"", "\"::ffff:10.1.0.0/112\"", "addresses: \"::ffff:10.1.0.0/112\" is IPv4 written as IPv6; write 10.1.0.0/16"),
        ("\"10.1.0.0/16\"", "\"10.1.0.0/16\", \"10.1.2.0/24\"", "addresses = \"10.1.2.0/24\" overlaps \"10.1.0.0/16\" of the same network"),
        ("\"10.1.0.0/16\"", "\"10.1.0.0/16\", \"192.168.0.0/16\"", "networks \"office\" (10.1.0.0/16) and \"lan\" (10.0.0.0/8, line 27) overlap in a part"),
        ("\"10.1.0.0/16\"", "\"10.0.0.0/8\"", "networks \"office\" and \"lan\" (line 27) both have 10.0.0.0/8"),
        ("\"10.1.0.0/16\"", "\"127.0.0.0/8\"", "addresses = \"127.0.0.0/8\" is of this host"),
        ("addresses = [\"10.1.0.0/16\"]\n", "", "network \"office\" has no addresses; write"),
        ("\"udp/53\", \"tcp/53\"", "\"dns/53\", \"tcp/53\"", "ports = \"dns/53\"; write"),
        // Services.
        ("slice = \"shop-web.slice\"", "slice = \"shop--web.slice\"", "slice = \"shop--web.slice\" is no slice's name"),
        ("uid = 998", "uid = -1", "uid = -1; a Unix user id is from 0"),
        ("uid = 998", "uid = 4294967295", "uid = 4294967295; a Unix user id is from 0"),
        ("/usr/bin/orders", "orders", "exe = \"orders\"; write the absolute path"),
        ("/usr/bin/orders", "/usr/bin/../bin/orders", "exe = \"/usr/bin/../bin/orders\"; write the absolute path"),
        ("/usr/bin/orders", "/usr//bin/orders", "exe = \"/usr//bin/orders\"; write the absolute path"),
        ("on = [\"role=data\"]\nport", "on = [\"site=b\"]\nport", "twin.api and orders.api (line 48) both listen on tcp/8080"),
        ("on = [\"role=data\"]\nport", "port", "twin.api and orders.api (line 48) both listen on tcp/8080"),
        ("port.log.listen = \"tcp/514\"", "port.log.listen = \"tcp/8080\"", "twin.log and twin.api (line"),
        // Ports and routes.
        ("protocol = \"http2\"", "protocol = \"htp2\"", "protocol = \"htp2\" in [service.orders.port.next]; did you mean \"http2\"?"),
        ("channel = \"admin\"", "channel = \"amin\"", "channel = \"amin\" in [service.orders.port.next]; did you mean \"admin\"?"),
        ("protocol = \"plain\"", "protocol = \"http\"\nroute.a = { match = \"GET /\" }", "protocol = \"http\" in [service.orders.port.log] is spoken over TCP, not on udp/514"),
        ("shop.Orders/Place", "POST /shop.Orders/Place", "match = \"POST /shop.Orders/Place\"; on a grpc port write package.Service/Method"),
        ("shop.Orders/Place", "shop.Orders/Place/{id}", "match = \"shop.Orders/Place/{id}\"; on a grpc port"),
        ("\"*.shop.internal\"", "\"*.Shop.internal\"", "hosts: pattern \"*.Shop.internal\": it is no host name"),
        ("\"*.shop.internal\"", "\"api.shop.example:80\"", "hosts: pattern \"api.shop.example:80\": it is no host name"),
        ("hosts = [\"shop.internal\", \"www.shop.example\"]", "hosts = []", "hosts = [] in [service.orders.port.api.route.otherHost] is no request"),
        ("hosts = [\"shop.internal\",", "hosts = [\"a.shop.internal\",", "route \"otherHost\" (GET /orders/{id:int} at a.shop.internal, www.shop.example) overlaps route \"getOrder\""),
        ("x-tenant = \"string\"", "X-Tenant = \"string\"", "header \"X-Tenant\"; a name is a lower-case letter"),
        ("x-tenant = \"string\"", "x_tenant = \"string\"", "header \"x_tenant\"; a name is a lower-case letter"),
        ("x-tenant = \"string\"", "x-tenant = \"strng\"", "headers: x-tenant = \"strng\"; did you mean \"string\"?"),
        ("x-tenant = \"string\"", "authorization = \"string\"", "header \"authorization\" carries credentials"),
        ("x-tenant = \"string\"", "cookie = \"string\"", "header \"cookie\" carries credentials"),
        ("x-tenant = \"string\"", "x-forwarded-for = \"string\"", "header \"x-forwarded-for\" is the proxy's to set"),
        ("x-tenant = \"string\"", "x-host = \"string\"", "header \"x-host\" is the proxy's to set"),
        ("x-tenant = \"string\"", "x-http-host-override = \"string\"", "header \"x-http-host-override\" is the proxy's to set"),
        ("x-tenant = \"string\"", "transfer-encoding = \"string\"", "header \"transfer-encoding\" is between a client and the proxy"),
        ("x-tenant = \"string\"", "host = \"string\"", "header \"host\" is context.host"),
        ("limit = \"int\"", "limit = \"integer\"", "query: limit = \"integer\"; expected \"string\" or \"int\""),
        ("limit = \"int\"", "\"li mit\" = \"int\"", "query parameter \"li mit\"; a name is"),
    ];
    let mut wrong = Vec::new();
    for (from, to, expected) in table {
        assert!(FULL.contains(from), "{from}");
        let changed = FULL.replacen(from, to, 1);
        let found = errors(&changed);
        let is_expected = |error: &String| {
            let mut parts = error.splitn(3, ':').skip(1);
            let line = parts.next().and_then(|line| line.parse::<usize>().ok());
            line.is_some_and(|line| line > 1 && line <= changed.lines().count())
                && parts.next().is_some_and(|message| message.trim_start().starts_with(expected))
        };
        // What is left out may be missed elsewhere: a service without its labels shares a port.
        if !found.iter().any(is_expected) || found.len() > 5 {
            wrong.push(format!("{from} -> {to}\n  expected {expected}\n  found {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_on_one_host_shares_a_cgroup() {
    let both = FULL.replace("unit = \"worker@.service\"", "cgroup = \"shop.slice/shop-web.slice/orders.service\"");
    assert_eq!(errors(&both), Vec::<String>::new(), "no host has both");
    let together = both.replace(
        "on = [\"role=data\"]\nport.api.listen = \"tcp/8080\"",
        "on = [\"site=a\"]\nport.api.listen = \"tcp/9\"",
    );
    assert!(errors(&together)[0].contains("\"twin\" and \"orders\" have one cgroup"), "{:?}", errors(&together));
    let inside = together
        .replace("orders.service\"\nowner = \"team-orders\"\non", "orders.service/x\"\nowner = \"team-orders\"\non");
    assert!(errors(&inside)[0].contains("the cgroup of \"twin\" is inside"), "{:?}", errors(&inside));
    let instance = FULL
        .replace("slice = \"shop-web.slice\"\n", "")
        .replace("unit = \"orders.service\"", "unit = \"worker@7.service\"");
    assert_eq!(errors(&instance), Vec::<String>::new());
    let instance =
        instance.replace("on = [\"role=data\"]\nport.api.listen = \"tcp/8080\"", "port.api.listen = \"tcp/9\"");
    assert!(errors(&instance)[0].contains("the cgroup of \"orders\" is inside"), "{:?}", errors(&instance));
}
