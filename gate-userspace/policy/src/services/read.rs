//! From TOML to declarations. Every function reports all that it finds and goes on.

use super::{Declarations, Group, Port, Route, RouteGroup, Service, check};
use crate::diagnostic::Report;
use crate::document::{Found, Section, read_document};
use crate::names;
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::{PathPattern, Protocol};
use std::collections::BTreeMap;

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Reads `services.toml`. `None` when anything in it was reported.
pub(crate) fn read(text: &str, report: &mut Report) -> Option<Declarations> {
    let mut own = Report::default();
    let declarations = read_document(SERVICES, text, &mut own, read_root).flatten();
    if let Some(declarations) = &declarations {
        check::check(declarations, &mut own);
    }
    let clean = own.is_empty();
    report.append(own);
    declarations.filter(|_| clean)
}

fn read_root(root: &Section<'_>, report: &mut Report) -> Option<Declarations> {
    root.only(&["environment", "group", "service"], report);
    let environment = root.required_string("environment", "\"demo\"", report);
    if let Some(environment) = &environment
        && let Err(message) = names::check_name("environment", environment.value)
    {
        report.at(SERVICES, environment.line, message);
    }
    let groups =
        root.sections("group", report).into_iter().map(|(name, at)| (name.to_owned(), group(name, &at, report)));
    let groups = groups.collect();
    let mut services = BTreeMap::new();
    for (name, section) in root.sections("service", report) {
        services.insert(name.to_owned(), service(name, &section, report));
    }
    if services.is_empty() {
        report.file(
            SERVICES,
            "declares no service; write [service.NAME] with unit = \"NAME.service\" and owner = \"TEAM\"",
        );
    }
    Some(Declarations { environment: environment?.value.to_owned(), groups, services })
}

fn group(name: &str, section: &Section<'_>, report: &mut Report) -> Group {
    section.only(&["description"], report);
    section.string("description", report);
    complain(names::check_name("group", name), section.line, report);
    Group { line: section.line }
}

fn service(name: &str, section: &Section<'_>, report: &mut Report) -> Service {
    section.only(&["unit", "cgroup", "owner", "observe", "groups", "route_groups", "port"], report);
    complain(names::check_service_name(name), section.line, report);
    let owner = section.required_string("owner", "\"team-orders\"", report);
    if let Some(owner) = &owner
        && (owner.value.trim().is_empty() || owner.value.chars().any(names::is_invisible))
    {
        report.at(SERVICES, owner.line, format!("owner = {:?}; name the team that answers for it", owner.value));
    }
    let mut ports = BTreeMap::new();
    for (port_name, at) in section.sections("port", report) {
        complain(names::check_name("port", port_name), at.line, report);
        if let Some(port) = port(&at, report) {
            ports.insert(port_name.to_owned(), port);
        }
    }
    Service {
        line: section.line,
        owner: owner.map(|owner| owner.value.to_owned()).unwrap_or_default(),
        cgroup: cgroup(section, report).unwrap_or_default(),
        observe: section.boolean("observe", report).unwrap_or(false),
        groups: section.strings("groups", report).into_iter().map(|group| group.value.to_owned()).collect(),
        route_groups: route_groups(section, report),
        ports,
    }
}

fn route_groups(section: &Section<'_>, report: &mut Report) -> Vec<RouteGroup> {
    let mut groups = Vec::new();
    for group in section.strings("route_groups", report) {
        complain(names::check_route_group(group.value), group.line, report);
        groups.push(RouteGroup { line: group.line, name: group.value.to_owned() });
    }
    groups
}

fn cgroup(section: &Section<'_>, report: &mut Report) -> Option<String> {
    let unit = section.string("unit", report);
    let cgroup = section.string("cgroup", report);
    match (section.has("unit"), section.has("cgroup")) {
        (true, true) => {
            let place = section.place();
            report.at(SERVICES, section.line, format!("both \"unit\" and \"cgroup\"{place}; one of them says it"));
            None
        }
        (false, false) => {
            let place = section.place();
            let message = format!("neither \"unit\" nor \"cgroup\"{place}; write unit = \"NAME.service\"");
            report.at(SERVICES, section.line, message);
            None
        }
        _ => {
            let (line, path) = match (unit, cgroup) {
                (Some(unit), _) => (unit.line, names::cgroup_of_unit(unit.value)),
                (_, Some(cgroup)) => (cgroup.line, names::check_cgroup(cgroup.value).map(|()| cgroup.value.to_owned())),
                (None, None) => return None,
            };
            path.map_err(|message| report.at(SERVICES, line, message)).ok()
        }
    }
}

fn port(section: &Section<'_>, report: &mut Report) -> Option<Port> {
    section.only(&["listen", "protocol", "route"], report);
    let number =
        section.required_string("listen", "\"tcp/8080\"", report).and_then(|listen| listen_on(&listen, report));
    let protocol = match section.string("protocol", report) {
        None => Protocol::Plain,
        Some(Found { value: "http", .. }) => Protocol::Http,
        Some(other) => {
            let hint = suggestion(other.value, ["http"]);
            let message = format!("protocol = {:?}{hint} (leave it out for a port judged as a flow)", other.value);
            report.at(SERVICES, other.line, message);
            Protocol::Http
        }
    };
    let mut routes = BTreeMap::new();
    if let Some(table) = section.section("route", report) {
        for (name, at) in section.sections("route", report) {
            complain(names::check_route_name(name), at.line, report);
            if let Some(route) = route(&at, report) {
                routes.insert(name.to_owned(), route);
            }
        }
        if protocol == Protocol::Plain {
            let message = format!("routes{}, which has no protocol; write protocol = \"http\"", section.place());
            report.at(SERVICES, table.line, message);
        }
    } else if protocol == Protocol::Http && !section.has("route") {
        let message = format!(
            "no route{}; no request could be permitted: write route.NAME = {{ match = \"GET /path\" }}",
            section.place()
        );
        report.at(SERVICES, section.line, message);
    }
    Some(Port { line: section.line, number: number?, protocol, routes })
}

fn listen_on(listen: &Found<&str>, report: &mut Report) -> Option<u16> {
    let canonical = |text: &str| text.parse::<u16>().ok().filter(|number| *number != 0 && number.to_string() == text);
    let number = match listen.value.split_once('/') {
        Some(("tcp", number)) => canonical(number),
        _ => None,
    };
    if number.is_none() {
        let hint = if listen.value.starts_with("udp/") { "UDP is not governed in this version; " } else { "" };
        let message = format!("listen = {:?}; {hint}write \"tcp/\" and a port from 1 to 65535", listen.value);
        report.at(SERVICES, listen.line, message);
    }
    number
}

fn route(section: &Section<'_>, report: &mut Report) -> Option<Route> {
    section.only(&["match", "groups"], report);
    // Whether they are declared is asked once the service is known.
    let groups = section.strings("groups", report).into_iter().map(|group| group.value.to_owned()).collect();
    let pattern = section.required_string("match", "\"GET /path/{id:int}\"", report)?;
    let Some((method, path)) = pattern.value.split_once(' ') else {
        let message =
            format!("match = {:?}; write a method, a space and a path: \"GET /orders/{{id:int}}\"", pattern.value);
        report.at(SERVICES, pattern.line, message);
        return None;
    };
    if !METHODS.contains(&method) {
        report.at(SERVICES, pattern.line, format!("method {method:?}{}", suggestion(method, METHODS)));
    }
    let path = PathPattern::parse(path).map_err(|error| report.at(SERVICES, pattern.line, error.to_string())).ok()?;
    Some(Route { line: section.line, method: method.to_owned(), path, groups })
}

fn complain(result: Result<(), String>, line: usize, report: &mut Report) {
    if let Err(message) = result {
        report.at(SERVICES, line, message);
    }
}
