//! Routes of one service.

use crate::diagnostic::Report;
use crate::names::check_route_group;
use crate::services::{Port, Route, Service};
use crate::source::SERVICES;
use crate::spelling::suggestion;
use std::collections::{BTreeMap, BTreeSet};

/// A route's action is `service.route`, whatever port it is on.
pub(super) fn names(service: &str, ports: &BTreeMap<String, Port>, report: &mut Report) {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    for (port_name, port) in ports {
        for (name, route) in &port.routes {
            if let Some(other) = taken.insert(name, port_name) {
                let message = format!(
                    "route \"{name}\" is on the ports \"{other}\" and \"{port_name}\"; both would be the action \"{service}.{name}\""
                );
                report.at(SERVICES, route.line, message);
            }
        }
    }
}

/// A misspelt group would be one of its own, and a `forbid` on the right one would not cover the route.
/// Of routes that could not be read it is not known which groups they are in.
pub(super) fn groups(name: &str, service: &Service, all_read: bool, report: &mut Report) {
    let declared = || service.route_groups.iter().map(|group| group.name.as_str());
    let mut used = BTreeSet::new();
    for (route_name, route) in service.ports.values().flat_map(|port| &port.routes) {
        for group in &route.groups {
            used.insert(group.as_str());
            if declared().any(|declared| declared == group) {
                continue;
            }
            let message = match check_route_group(group) {
                Err(wrong) => wrong,
                Ok(()) => {
                    let hint = match suggestion(group, declared()) {
                        hint if hint.contains("did you mean") => hint,
                        _ => format!("; add it to route_groups of [service.{name}]"),
                    };
                    format!("route \"{route_name}\" is in group \"{group}\", which \"{name}\" does not declare{hint}")
                }
            };
            report.at(SERVICES, route.line, message);
        }
    }
    if !all_read {
        return;
    }
    for group in service.route_groups.iter().filter(|group| !used.contains(group.name.as_str())) {
        let group_name = &group.name;
        let message = format!(
            "route group \"{group_name}\" has no route; write groups = [\"{group_name}\"] at one, or remove it from route_groups"
        );
        report.at(SERVICES, group.line, message);
    }
}

/// Which of two overlapping routes a request takes would decide which rule applies: a `forbid` on the one would not hold
/// for the other. So there are none.
pub(super) fn overlaps(port: &Port, report: &mut Report) {
    let routes: Vec<_> = port.routes.iter().collect();
    for (index, (name, route)) in routes.iter().enumerate() {
        for (other_name, other) in routes.iter().take(index) {
            if overlap(route, other) {
                let message = format!(
                    "route \"{name}\" ({}) overlaps route \"{other_name}\" ({}, line {}); \
                     a request must have one route: make them differ in a literal segment, a type or their hosts",
                    words(route),
                    words(other),
                    other.line
                );
                report.at(SERVICES, route.line, message);
            }
        }
    }
}

/// Whether some request could be of both, as [`gate_tables::Route::overlaps`] has it.
fn overlap(one: &Route, other: &Route) -> bool {
    let tabled = |route: &Route| gate_tables::Route {
        method: route.method.clone(),
        path: route.path.clone(),
        hosts: route.hosts.clone(),
        ..gate_tables::Route::default()
    };
    one.method == other.method && tabled(one).overlaps(&tabled(other))
}

fn words(route: &Route) -> String {
    let hosts: Vec<String> = route.hosts.iter().map(ToString::to_string).collect();
    let at = if hosts.is_empty() { String::new() } else { format!(" at {}", hosts.join(", ")) };
    format!("{} {}{at}", route.method, route.path)
}
