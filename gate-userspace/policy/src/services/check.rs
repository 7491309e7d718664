//! What no single table shows: two services with one cgroup, two listeners on one port, two routes for one path.

mod issuers;
mod networks;
mod places;
mod routes;

pub(crate) use networks::enclosing;

use super::Declarations;
use crate::diagnostic::Report;
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::MAX_SERVICES;
use std::collections::BTreeSet;

pub(super) fn check(declarations: &Declarations, report: &mut Report) {
    let count = declarations.services.len() + declarations.networks.len();
    if count > MAX_SERVICES {
        let message = format!("declares {count} services and networks; at most {MAX_SERVICES} are possible");
        return report.file(SERVICES, message);
    }
    let all_read = report.is_empty();
    groups(declarations, report);
    places::cgroups(declarations, report);
    places::listeners(declarations, report);
    networks::check(declarations, report);
    issuers::check(declarations, report);
    for (name, service) in &declarations.services {
        routes::names(name, &service.ports, report);
        routes::groups(name, service, all_read, report);
        for port in service.ports.values() {
            routes::overlaps(port, report);
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
