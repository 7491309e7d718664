//! Numbers of services: a name keeps its number for the life of the environment.

use super::empty_tables;
use crate::diagnostic::Report;
use crate::services::{Declarations, Port, Service};
use crate::source::SERVICES;
use gate_tables::{MAX_SERVICES, PortId, Route, ServiceId, Tables, Transport};
use std::collections::BTreeMap;

/// Services with their ports and routes; rules and reach are still empty.
pub(super) fn tables(declarations: &Declarations, previous: Option<&Tables>, report: &mut Report) -> Option<Tables> {
    let mut tables = empty_tables(&declarations.environment);
    if let Some(previous) = previous.filter(|previous| previous.environment != declarations.environment) {
        let message = format!(
            "environment = \"{}\", but the bundle before is of \"{}\"; each environment has its own chain",
            declarations.environment, previous.environment
        );
        report.file(SERVICES, message);
        return None;
    }
    let mut known = known_numbers(previous);
    let mut next = known.values().map(|id| id.0).max().unwrap_or(0) + 1;
    for (name, service) in &declarations.services {
        let id = known.remove(name).unwrap_or_else(|| {
            next += 1;
            ServiceId(next - 1)
        });
        tables.services.push(table_service(id, name, service));
    }
    tables.retired = known;
    let count = tables.services.len() + tables.retired.len();
    if count > MAX_SERVICES || next > FIRST_RESERVED {
        let message = format!("{count} service names with the retired ones; at most {MAX_SERVICES} are possible");
        report.file(SERVICES, message);
        return None;
    }
    Some(tables)
}

/// Numbers from here on are Gate's own.
const FIRST_RESERVED: u32 = 0xffff_0000;

fn known_numbers(previous: Option<&Tables>) -> BTreeMap<String, ServiceId> {
    let Some(previous) = previous else { return BTreeMap::new() };
    let living = previous.services.iter().map(|service| (service.name.clone(), service.id));
    let retired = previous.retired.iter().map(|(name, id)| (name.clone(), *id));
    // A name that is in both would be living: the later entry wins.
    retired.chain(living).collect()
}

fn table_service(id: ServiceId, name: &str, service: &Service) -> gate_tables::Service {
    let ports =
        (1u16..).map(PortId).zip(&service.ports).map(|(id, (port_name, port))| table_port(id, name, port_name, port));
    gate_tables::Service {
        id,
        name: name.to_owned(),
        owner: service.owner.clone(),
        cgroup: service.cgroup.clone(),
        observe: service.observe,
        ports: ports.collect(),
        ..gate_tables::Service::default()
    }
}

fn table_port(id: PortId, service: &str, name: &str, port: &Port) -> gate_tables::Port {
    let routes = port.routes.iter().map(|(route_name, route)| Route {
        action: format!("{service}.{route_name}"),
        method: route.method.clone(),
        path: route.path.clone(),
        ..Route::default()
    });
    gate_tables::Port {
        id,
        name: name.to_owned(),
        transport: Transport::Tcp,
        number: port.number,
        protocol: port.protocol,
        routes: routes.collect(),
        ..gate_tables::Port::default()
    }
}
