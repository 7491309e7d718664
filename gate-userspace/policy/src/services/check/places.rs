//! Where services are: one process and one port of a host have one service.

use crate::diagnostic::Report;
use crate::services::{Declarations, Port, Service};
use crate::source::SERVICES;
use gate_tables::{Transport, exclude};
use std::collections::BTreeMap;

/// What to do about two services where one host might have both.
const APART: &str = "or give both an \"on\" with values of one label that differ";

/// A process is in one service. A cgroup inside another's would make it two.
pub(super) fn cgroups(declarations: &Declarations, report: &mut Report) {
    let mut services: Vec<_> = declarations.services.iter().filter(|(_, service)| !service.cgroup.is_empty()).collect();
    services.sort_by_key(|(_, service)| service.line);
    let mut owners: BTreeMap<&str, Vec<(&String, &Service)>> = BTreeMap::new();
    for (name, service) in &services {
        let others = owners.entry(&service.cgroup).or_default();
        if let Some((other, _)) = others.iter().find(|(_, other)| !exclude(&other.on, &service.on)) {
            let message = format!(
                "\"{name}\" and \"{other}\" have one cgroup, {:?}; each service has its own, {APART}",
                service.cgroup
            );
            report.at(SERVICES, service.line, message);
        }
        others.push((name, service));
    }
    for (name, service) in services {
        let parents = service.cgroup.match_indices('/').filter_map(|(at, _)| service.cgroup.get(..at));
        let mut around =
            parents.flat_map(|parent| owners.get(parent).into_iter().flatten().map(move |of| (parent, of)));
        if let Some((parent, (other, _))) = around.find(|(_, (_, other))| !exclude(&other.on, &service.on)) {
            let message = format!(
                "the cgroup of \"{name}\" is inside {parent:?}, the cgroup of \"{other}\"; a process would be both: \
                 separate them, {APART}"
            );
            report.at(SERVICES, service.line, message);
        }
    }
}

/// The name of a port, whose it is, and it.
type Listener<'d> = (String, &'d Service, &'d Port);

pub(super) fn listeners(declarations: &Declarations, report: &mut Report) {
    let mut taken: BTreeMap<(Transport, u16), Vec<Listener<'_>>> = BTreeMap::new();
    for (name, service) in &declarations.services {
        for (port_name, port) in &service.ports {
            let this = format!("{name}.{port_name}");
            let others = taken.entry((port.transport, port.number)).or_default();
            // Two ports of one service are on the same hosts, whatever its labels.
            let clash =
                |(_, other, _): &&Listener<'_>| std::ptr::eq(*other, service) || !exclude(&other.on, &service.on);
            if let Some((other, _, first)) = others.iter().find(clash) {
                let (transport, number) = (port.transport.name(), port.number);
                let message = format!(
                    "{this} and {other} (line {}) both listen on {transport}/{number}; one port has one service: \
                     choose another, {APART}",
                    first.line
                );
                report.at(SERVICES, port.line, message);
            }
            others.push((this, service, port));
        }
    }
}
