//! Declarations in one line.

use gate_tables::{Channel, Field, ParameterKind, Port, Route, Selector, Service};

/// `cgroup orders.service, owner team-orders, port api tcp/8080 http`.
pub(super) fn describe(service: &Service) -> String {
    let mut text = format!("cgroup {}, owner {}", service.cgroup, service.owner);
    if let Some(uid) = service.uid {
        text += &format!(", only user {uid}");
    }
    if let Some(exe) = &service.exe {
        text += &format!(", only {exe}");
    }
    if service.observe {
        text += ", only observed";
    }
    if !service.groups.is_empty() {
        text += &format!(", groups {}", service.groups.join(" "));
    }
    if !service.on.is_empty() {
        text += &format!(", on hosts of {}", on(&service.on));
    }
    text + &service.ports.iter().map(|port| format!(", port {} {}", port.name, port_text(port))).collect::<String>()
}

/// `tcp/8080 http`, `tcp/9000`, `tcp/9001 grpc for admin, users by staff`.
pub(crate) fn port_text(port: &Port) -> String {
    let protocol = if port.protocol.is_l7() { format!(" {}", port.protocol.name()) } else { String::new() };
    let channel = if port.channel == Channel::Admin { " for admin" } else { "" };
    let issuer = port.issuer.as_ref().map(|issuer| format!(", users by {issuer}")).unwrap_or_default();
    format!("{}/{}{protocol}{channel}{issuer}", port.transport.name(), port.number)
}

/// `GET /orders at api.shop.example, headers x-tenant: string, query limit: int`.
pub(super) fn route_text(route: &Route) -> String {
    let mut text = format!("{} {}", route.method, route.path);
    if !route.hosts.is_empty() {
        text += &format!(" at {}", joined(&route.hosts.iter().map(ToString::to_string).collect::<Vec<_>>()));
    }
    if !route.groups.is_empty() {
        text += &format!(", in {}", route.groups.join(" "));
    }
    for (what, fields) in [("headers", &route.headers), ("query", &route.query)] {
        if !fields.is_empty() {
            text += &format!(", {what} {}", fields.iter().map(field).collect::<Vec<_>>().join(", "));
        }
    }
    text
}

fn field(field: &Field) -> String {
    let kind = match field.kind {
        ParameterKind::Text => "string",
        ParameterKind::Int => "int",
    };
    format!("{}: {kind}", field.name)
}

/// `role=data|web site=one`; `every host` where nothing is asked.
pub(super) fn on(selector: &Selector) -> String {
    if selector.is_empty() {
        return "every host".to_owned();
    }
    let one = |(key, values): (&String, &std::collections::BTreeSet<String>)| {
        format!("{key}={}", values.iter().map(String::as_str).collect::<Vec<_>>().join("|"))
    };
    selector.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// `none` for nothing.
pub(super) fn joined(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}
