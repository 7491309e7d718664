//! What no single table shows: two services with one cgroup, two listeners on one port, two routes for one path.

use super::{Declarations, Port, Service};
use crate::diagnostic::Report;
use crate::names;
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::MAX_SERVICES;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(declarations: &Declarations, report: &mut Report) {
    if declarations.services.len() > MAX_SERVICES {
        let count = declarations.services.len();
        report.file(SERVICES, format!("declares {count} services; at most {MAX_SERVICES} are possible"));
        return;
    }
    let all_read = report.is_empty();
    groups(declarations, report);
    cgroups(declarations, report);
    listeners(declarations, report);
    for (name, service) in &declarations.services {
        route_names(name, &service.ports, report);
        route_groups(name, service, all_read, report);
        for port in service.ports.values() {
            overlaps(port, report);
        }
    }
}

fn groups(declarations: &Declarations, report: &mut Report) {
    let mut used = BTreeSet::new();
    for (name, service) in &declarations.services {
        for group in &service.groups {
            used.insert(group);
            if !declarations.groups.contains_key(group) {
                let hint = suggestion(group, declarations.groups.keys().map(String::as_str));
                let message =
                    format!("service \"{name}\" is in group \"{group}\", which no [group.{group}] declares{hint}");
                report.at(SERVICES, service.line, message);
            }
        }
    }
    for (name, group) in &declarations.groups {
        if !used.contains(name) {
            let message = format!("group \"{name}\" has no service; write groups = [\"{name}\"] in one, or remove it");
            report.at(SERVICES, group.line, message);
        }
    }
}

/// A process is in one service. A cgroup inside another's would make it two.
fn cgroups(declarations: &Declarations, report: &mut Report) {
    let mut services: Vec<_> = declarations.services.iter().filter(|(_, service)| !service.cgroup.is_empty()).collect();
    services.sort_by_key(|(_, service)| service.line);
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, service) in &services {
        if let Some(other) = owners.get(service.cgroup.as_str()) {
            let message =
                format!("\"{name}\" and \"{other}\" have one cgroup, {:?}; each service has its own", service.cgroup);
            report.at(SERVICES, service.line, message);
        }
        owners.entry(&service.cgroup).or_insert(name);
    }
    for (name, service) in services {
        let parents = service.cgroup.match_indices('/').filter_map(|(at, _)| service.cgroup.get(..at));
        if let Some((parent, other)) = parents.filter_map(|parent| owners.get_key_value(parent)).next() {
            let message = format!(
                "the cgroup of \"{name}\" is inside {parent:?}, the cgroup of \"{other}\"; a process would be both: separate them"
            );
            report.at(SERVICES, service.line, message);
        }
    }
}

fn listeners(declarations: &Declarations, report: &mut Report) {
    let mut taken: BTreeMap<u16, String> = BTreeMap::new();
    for (name, service) in &declarations.services {
        for (port_name, port) in &service.ports {
            let this = format!("{name}.{port_name}");
            if let Some(other) = taken.get(&port.number) {
                let message =
                    format!("{this} and {other} both listen on tcp/{}; one port has one service", port.number);
                report.at(SERVICES, port.line, message);
            }
            taken.entry(port.number).or_insert(this);
        }
    }
}

/// A route's action is `service.route`, whatever port it is on.
fn route_names(service: &str, ports: &BTreeMap<String, Port>, report: &mut Report) {
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
fn route_groups(name: &str, service: &Service, all_read: bool, report: &mut Report) {
    let declared = || service.route_groups.iter().map(|group| group.name.as_str());
    let mut used = BTreeSet::new();
    for (route_name, route) in service.ports.values().flat_map(|port| &port.routes) {
        for group in &route.groups {
            used.insert(group.as_str());
            if declared().any(|declared| declared == group) {
                continue;
            }
            let message = match names::check_route_group(group) {
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
fn overlaps(port: &Port, report: &mut Report) {
    let routes: Vec<_> = port.routes.iter().collect();
    for (index, (name, route)) in routes.iter().enumerate() {
        for (other_name, other) in routes.iter().take(index) {
            if route.method == other.method && route.path.overlaps(&other.path) {
                let (method, path) = (&route.method, &route.path);
                let message = format!(
                    "route \"{name}\" ({method} {path}) overlaps route \"{other_name}\" ({method} {}, line {}); \
                     a request must have one route: make them differ in a literal segment or a type",
                    other.path, other.line
                );
                report.at(SERVICES, route.line, message);
            }
        }
    }
}
