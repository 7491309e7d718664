//! What tables must be for anybody to rely on them: order, uniqueness, and every reference.

use crate::host::exclude;
use crate::{
    Access, FORMAT, MAX_SERVICES, Parties, Party, Port, Protocol, Selector, Service, ServiceId, Tables, TablesError,
    Times, Transport, Via,
};
use std::collections::{BTreeMap, BTreeSet};

/// The first contradiction, if there is one.
pub(crate) fn check(tables: &Tables) -> Result<(), TablesError> {
    if tables.format != FORMAT {
        return wrong(format!("format is {}, this version reads {FORMAT}", tables.format));
    }
    names(tables)?;
    numbers(tables)?;
    selectors(tables)?;
    issuers(tables)?;
    networks(tables)?;
    ports(tables)?;
    listeners(tables)?;
    let parties = Parties::new(tables);
    reach(tables, &parties)?;
    access(tables, &parties)?;
    cells(tables)
}

fn wrong<T>(what: String) -> Result<T, TablesError> {
    Err(TablesError::Inconsistent(what))
}

fn names(tables: &Tables) -> Result<(), TablesError> {
    let count = tables.services.len() + tables.networks.len() + tables.retired.len();
    if count > MAX_SERVICES {
        return wrong(format!("{count} services and networks, at most {MAX_SERVICES}"));
    }
    if !tables.services.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("services are not sorted by name, or a name is there twice".into());
    }
    if !tables.networks.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("networks are not sorted by name, or a name is there twice".into());
    }
    if let Some(network) = tables.networks.iter().find(|network| tables.service_named(&network.name).is_some()) {
        return wrong(format!("{} is a service and a network", network.name));
    }
    if !tables.rules.is_sorted_by(|a, b| a.id < b.id) {
        return wrong("rules are not sorted by id, or an id is there twice".into());
    }
    Ok(())
}

fn numbers(tables: &Tables) -> Result<(), TablesError> {
    let services = tables.services.iter().map(|service| service.id);
    let networks = tables.networks.iter().map(|network| network.id);
    let mut numbers: Vec<ServiceId> = services.chain(networks).chain(tables.retired.values().copied()).collect();
    numbers.sort_unstable();
    if !numbers.is_sorted_by(|a, b| a < b) {
        return wrong("two services have one number".into());
    }
    match numbers.iter().find(|id| **id == ServiceId::HOST || **id >= ServiceId::FIRST_RESERVED) {
        Some(id) => wrong(format!("service number {} is reserved", id.0)),
        None => Ok(()),
    }
}

fn selectors(tables: &Tables) -> Result<(), TablesError> {
    let declared = |on: &Selector| {
        on.iter().all(|(key, values)| {
            !values.is_empty() && tables.labels.get(key).is_some_and(|declared| values.is_subset(declared))
        })
    };
    if let Some(service) = tables.services.iter().find(|service| !declared(&service.on)) {
        return wrong(format!("service {} is on hosts of a label that is not declared", service.name));
    }
    let sections = &tables.host.sections;
    if !sections.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("sections of [host] are not sorted, or one is there twice".into());
    }
    for (index, section) in sections.iter().enumerate() {
        if section.on.is_empty() || !declared(&section.on) {
            return wrong(format!("section {} of [host] is for no label that is declared", section.name));
        }
        if let Some(other) = sections.iter().take(index).find(|other| !exclude(&other.on, &section.on)) {
            return wrong(format!("a host could take the sections {} and {} of [host]", other.name, section.name));
        }
    }
    Ok(())
}

fn issuers(tables: &Tables) -> Result<(), TablesError> {
    if !tables.issuers.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("issuers are not sorted by name, or a name is there twice".into());
    }
    for issuer in &tables.issuers {
        if issuer.audiences.is_empty() || issuer.algorithms.is_empty() {
            return wrong(format!("issuer {} has no audience or no algorithm", issuer.name));
        }
        if !issuer.claims.is_sorted_by(|a, b| a.name < b.name) {
            return wrong(format!("claims of issuer {} are not sorted, or one is there twice", issuer.name));
        }
        let claim = |name: &str| issuer.claims.iter().any(|claim| claim.name == name);
        if let Some(roles) = issuer.roles.as_ref().filter(|roles| !claim(&roles.claim)) {
            return wrong(format!(
                "roles of issuer {} are of the claim {}, which it has not",
                issuer.name, roles.claim
            ));
        }
    }
    Ok(())
}

fn networks(tables: &Tables) -> Result<(), TablesError> {
    for (index, network) in tables.networks.iter().enumerate() {
        let apart =
            |(at, one): (usize, &crate::Prefix)| !network.addresses.iter().skip(at + 1).any(|other| one.holds(other));
        let sorted = network.addresses.is_sorted_by(|a, b| a < b);
        if network.addresses.is_empty() || !sorted || !network.addresses.iter().enumerate().all(apart) {
            return wrong(format!("addresses of network {} are not sorted, overlap, or there are none", network.name));
        }
        for other in tables.networks.iter().take(index).filter(|other| other.meets(network)) {
            // Equal ones enclose each other.
            if other.encloses(network) == network.encloses(other) {
                return wrong(format!(
                    "networks {} and {} overlap, and neither is inside the other",
                    other.name, network.name
                ));
            }
        }
    }
    Ok(())
}

fn ports(tables: &Tables) -> Result<(), TablesError> {
    let services = tables.services.iter().map(Party::Service);
    for party in services.chain(tables.networks.iter().map(Party::Network)) {
        let name = party.name();
        if !party.ports().is_sorted_by(|a, b| a.name < b.name && a.id < b.id) {
            return wrong(format!("ports of {name} are not sorted, or one is there twice"));
        }
        for port in party.ports() {
            port_itself(tables, party, port)?;
        }
    }
    Ok(())
}

fn port_itself(tables: &Tables, party: Party<'_>, port: &Port) -> Result<(), TablesError> {
    let place = || format!("port {} of {}", port.name, party.name());
    let l7 = port.protocol.is_l7();
    if !l7 && !port.routes.is_empty() {
        return wrong(format!("{} has routes and no protocol", place()));
    }
    if l7 && (port.transport != Transport::Tcp || matches!(party, Party::Network(_))) {
        return wrong(format!(
            "{} is spoken on by {}, which goes over TCP to a service only",
            place(),
            port.protocol.name()
        ));
    }
    if !port.routes.is_sorted_by(|a, b| a.action < b.action) {
        return wrong(format!("routes of {} are not sorted, or one is there twice", place()));
    }
    for route in &port.routes {
        let fields = [&route.headers, &route.query];
        let sorted = route.hosts.is_sorted_by(|a, b| a < b)
            && fields.iter().all(|fields| fields.is_sorted_by(|a, b| a.name < b.name));
        if !sorted {
            return wrong(format!("hosts, headers or query of {} are not sorted, or one is there twice", route.action));
        }
    }
    match port.issuer.as_ref().filter(|name| !tables.issuers.iter().any(|issuer| issuer.name == **name)) {
        Some(issuer) => wrong(format!("{} has the issuer {issuer}, which is not declared", place())),
        None => Ok(()),
    }
}

/// One port of a host has one service.
fn listeners(tables: &Tables) -> Result<(), TablesError> {
    let mut taken: BTreeMap<(Transport, u16), Vec<&Service>> = BTreeMap::new();
    for service in &tables.services {
        for port in &service.ports {
            let others = taken.entry((port.transport, port.number)).or_default();
            if let Some(other) = others.iter().find(|other| !exclude(&other.on, &service.on)) {
                return wrong(format!("{} and {} both declare port {}", service.name, other.name, port.number));
            }
            others.push(service);
        }
    }
    Ok(())
}

fn reach(tables: &Tables, parties: &Parties<'_>) -> Result<(), TablesError> {
    if !tables.reach.is_sorted_by(|a, b| (a.source, a.destination, a.port) < (b.source, b.destination, b.port)) {
        return wrong("reach is not sorted, or a line is there twice".into());
    }
    for line in &tables.reach {
        if parties.get(line.source).is_none() {
            return wrong(format!("reach names source {}, which is no service", line.source.0));
        }
        let Some(port) = parties.get(line.destination).and_then(|party| party.port(line.port)) else {
            let (port, service) = (line.port.0, line.destination.0);
            return wrong(format!("reach names port {port} of service {service}, which is not declared"));
        };
        if port.protocol.is_l7() != (line.via == Via::Proxy) {
            return wrong(format!(
                "reach to port {} is {:?}, which its protocol does not allow",
                port.number, line.via
            ));
        }
        if line.rule as usize >= tables.rules.len() {
            return wrong(format!("reach names rule {}, which is not there", line.rule));
        }
        if line.via == Via::Proxy && !line.times.is_always() {
            return wrong(format!("reach to port {} has times, which a proxied port has not", port.number));
        }
        if let Times { from: Some(from), until: Some(until) } = line.times
            && from >= until
        {
            return wrong(format!("reach to port {} holds from {from} until {until}, which is never", port.number));
        }
    }
    Ok(())
}

fn access(tables: &Tables, parties: &Parties<'_>) -> Result<(), TablesError> {
    if !tables.access.is_sorted_by(|a, b| a < b) {
        return wrong("access is not sorted, or a line is there twice".into());
    }
    for line in &tables.access {
        let place = || format!("access to port {} of service {}", line.port.0, line.destination.0);
        let Some(port) = parties.get(line.destination).and_then(|party| party.port(line.port)) else {
            return wrong(format!("{}: no such port is declared", place()));
        };
        if !has_action(port, line) {
            let action = line.action.as_deref().unwrap_or("connect");
            return wrong(format!("{}: the port has no action {action}", place()));
        }
        for (effect, rules) in [("permit", &line.permits), ("forbid", &line.forbids)] {
            let ascend = rules.is_sorted_by(|a, b| a < b);
            let named = |index: &u32| tables.rules.get(*index as usize).is_some_and(|rule| rule.effect == effect);
            if !ascend || !rules.iter().all(named) {
                return wrong(format!("{}: {effect}s {rules:?} are not ascending indexes of {effect} rules", place()));
            }
        }
        if line.permits.is_empty() {
            return wrong(format!("{}: no rule permits it; such a line is left out", place()));
        }
        if line.sources.is_empty() || !line.sources.is_sorted_by(|a, b| a < b) {
            return wrong(format!("{}: its sources are not ascending, or there are none", place()));
        }
        if let Some(source) = line.sources.iter().find(|source| parties.get(**source).is_none()) {
            return wrong(format!("{}: source {} is no service", place(), source.0));
        }
    }
    Ok(())
}

fn has_action(port: &Port, line: &Access) -> bool {
    match &line.action {
        None => port.protocol == Protocol::Plain,
        Some(action) => port.routes.binary_search_by(|route| route.action.cmp(action)).is_ok(),
    }
}

/// One cell, one line: a second one would be hidden from whoever looks at the first.
fn cells(tables: &Tables) -> Result<(), TablesError> {
    let mut cells = BTreeSet::new();
    for line in &tables.access {
        for source in &line.sources {
            if !cells.insert((line.destination, line.port, line.action.as_deref(), *source)) {
                return wrong(format!(
                    "access of source {} to port {} of service {} is said in two lines; one says it",
                    source.0, line.port.0, line.destination.0
                ));
            }
        }
    }
    Ok(())
}
