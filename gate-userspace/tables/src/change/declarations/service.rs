//! What differs in one service.

use super::Difference;
use crate::{HostPattern, Port, Route, Service};
use std::fmt;

pub(super) fn compare(before: &Service, after: &Service, difference: &mut Difference) {
    if before == after {
        return;
    }
    let name = &after.name;
    let mut expected = before.clone();
    if before.observe && !after.observe {
        difference.withdraw(name, format!("service {name} is enforced, and was observed"));
        expected.observe = false;
    }
    // What is narrowed leaves processes out, and those are allowed nothing.
    if let (None, Some(uid)) = (before.uid, after.uid) {
        difference.withdraw(name, format!("service {name} is only of the user {uid}, and was of any"));
        expected.uid = after.uid;
    }
    if let (None, Some(exe)) = (&before.exe, &after.exe) {
        difference.withdraw(name, format!("service {name} is only {exe}, and was any executable"));
        expected.exe.clone_from(&after.exe);
    }
    // What it gained and lost by its groups, its cells say. But services of a group are looked at together (toxic
    // combinations), so that one that leaves may hold more later on, and one that joins is meant by rules to come.
    for port in &mut expected.ports {
        let Some(now) = after.ports.iter().find(|now| now.name == port.name) else { continue };
        routes(name, port, now, difference);
    }
    if expected != *after {
        differences(&expected, after).into_iter().for_each(|words| difference.declare(name, words));
    }
}

/// Takes from `before` what is only taken away.
fn routes(name: &str, before: &mut Port, now: &Port, difference: &mut Difference) {
    before.routes.retain_mut(|route| {
        let Some(after) = now.routes.iter().find(|now| now.action == route.action) else {
            difference.withdraw(name, format!("route {} is gone", route.action));
            return false;
        };
        // No other route takes those that are left out: routes of one port do not overlap.
        let was_meant = |host| route.hosts.is_empty() || route.hosts.iter().any(|was: &HostPattern| was.holds(host));
        // Nobody asks a route for its groups but people: what rules about them give and take, cells say.
        route.groups.clone_from(&after.groups);
        let fewer = !after.hosts.is_empty() && after.hosts.iter().all(was_meant);
        if after.hosts != route.hosts && fewer {
            difference.withdraw(name, format!("route {} is for {} only", route.action, hosts(after)));
            route.hosts.clone_from(&after.hosts);
        }
        true
    });
}

/// Where two declarations of one service differ, in words.
fn differences(before: &Service, after: &Service) -> Vec<String> {
    let name = &after.name;
    let mut found = Vec::new();
    let mut say = |what: &str, is: &dyn fmt::Debug, was: &dyn fmt::Debug| {
        found.push(format!("{what} of service {name} is {is:?}, and was {was:?}"));
    };
    if before.id != after.id {
        say("the number", &after.id.0, &before.id.0);
    }
    if before.owner != after.owner {
        say("the owner", &after.owner, &before.owner);
    }
    if before.cgroup != after.cgroup {
        say("the cgroup", &after.cgroup, &before.cgroup);
    }
    if before.uid != after.uid {
        say("the user", &after.uid, &before.uid);
    }
    if before.exe != after.exe {
        say("the executable", &after.exe, &before.exe);
    }
    if before.observe != after.observe {
        say("observe", &after.observe, &before.observe);
    }
    if before.groups != after.groups {
        say("the groups", &after.groups, &before.groups);
    }
    if before.on != after.on {
        say("the hosts", &after.on, &before.on);
    }
    for port in &after.ports {
        match before.ports.iter().find(|was| was.name == port.name) {
            None => found.push(format!("port {}:{} is new", name, port.name)),
            Some(was) => ports(name, was, port, &mut found),
        }
    }
    for port in before.ports.iter().filter(|was| !after.ports.iter().any(|port| port.name == was.name)) {
        // A port that nobody declares may be bound and reached by every process that no service claims.
        found.push(format!("port {}:{} is gone", name, port.name));
    }
    if found.is_empty() {
        found.push(format!("service {name} is declared in another way"));
    }
    found
}

fn ports(service: &str, before: &Port, after: &Port, found: &mut Vec<String>) {
    let what = |port: &Port| {
        let Port { id, transport, number, protocol, channel, issuer, .. } = port;
        let issuer = issuer.as_ref().map_or_else(|| "no users".to_owned(), |issuer| format!("users by {issuer}"));
        let (transport, protocol, channel) = (transport.name(), protocol.name(), channel.name());
        format!("{transport}/{number} {protocol} for {channel}, {issuer}, number {}", id.0)
    };
    if what(before) != what(after) {
        found.push(format!("port {service}:{} is {}, and was {}", after.name, what(after), what(before)));
    }
    for route in &after.routes {
        match before.routes.iter().find(|was| was.action == route.action) {
            None => found.push(format!("route {} is new", route.action)),
            Some(was) if was != route => {
                found.push(format!("route {} is {}, and was {}", route.action, text(route), text(was)))
            }
            Some(_) => {}
        }
    }
}

fn text(route: &Route) -> String {
    let fields = |fields: &[crate::Field]| {
        fields.iter().map(|f| format!("{}:{:?}", f.name, f.kind)).collect::<Vec<_>>().join(" ")
    };
    let mut text = format!("{} {}", route.method, route.path);
    if !route.hosts.is_empty() {
        text += &format!(" at {}", hosts(route));
    }
    if !route.headers.is_empty() {
        text += &format!(", headers {}", fields(&route.headers));
    }
    if !route.query.is_empty() {
        text += &format!(", query {}", fields(&route.query));
    }
    text
}

fn hosts(route: &Route) -> String {
    route.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
