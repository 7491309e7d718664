//! Ports and routes, and who has them: one service for each port and each process of a host.

use super::{is_name, wrong};
use crate::host::exclude;
use crate::{Channel, Party, Port, Service, Tables, TablesError, Transport};
use std::collections::{BTreeMap, BTreeSet};

/// Most routes of one port: each is compared with each.
const MAX_ROUTES: usize = 4_096;

pub(super) fn check(tables: &Tables) -> Result<(), TablesError> {
    let services = tables.services.iter().map(Party::Service);
    for party in services.chain(tables.networks.iter().map(Party::Network)) {
        let name = party.name();
        if !party.ports().is_sorted_by(|a, b| a.name < b.name && a.id < b.id) {
            return wrong(format!("ports of {name} are not sorted, or one is there twice"));
        }
        for port in party.ports() {
            port_itself(tables, party, port)?;
        }
        actions(party)?;
    }
    tables.services.iter().try_for_each(groups)?;
    listeners(tables)?;
    cgroups(tables)
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
    if port.number == 0 || !is_name(&port.name) {
        return wrong(format!("{} has no name, or is number 0", place()));
    }
    if matches!(party, Party::Network(_)) {
        // A second port of one number would be judged by the rules of the first.
        let own = port.name == format!("{}-{}", port.transport.name(), port.number);
        if !own || port.issuer.is_some() || port.channel != Channel::Traffic {
            return wrong(format!("{} is not named by its number, or is declared as a service's", place()));
        }
    }
    if !port.routes.is_sorted_by(|a, b| a.action < b.action) {
        return wrong(format!("routes of {} are not sorted, or one is there twice", place()));
    }
    for route in &port.routes {
        let fields = [&route.headers, &route.query];
        let sorted = route.hosts.is_sorted_by(|a, b| a < b)
            && route.groups.is_sorted_by(|a, b| a < b)
            && fields.iter().all(|fields| fields.is_sorted_by(|a, b| a.name < b.name));
        if !sorted {
            return wrong(format!(
                "hosts, groups, headers or query of {} are not sorted, or one is there twice",
                route.action
            ));
        }
    }
    overlaps(port)?;
    match port.issuer.as_ref().filter(|name| !tables.issuers.iter().any(|issuer| issuer.name == **name)) {
        Some(issuer) => wrong(format!("{} has the issuer {issuer}, which is not declared", place())),
        None => Ok(()),
    }
}

/// Which of two overlapping routes a request takes would decide which rules apply; and where a route is taken away, the
/// other would take its requests.
fn overlaps(port: &Port) -> Result<(), TablesError> {
    if port.routes.len() > MAX_ROUTES {
        return wrong(format!("port {} has {} routes, at most {MAX_ROUTES}", port.name, port.routes.len()));
    }
    for (index, route) in port.routes.iter().enumerate() {
        if let Some(other) = port.routes.iter().take(index).find(|other| other.overlaps(route)) {
            return wrong(format!("routes {} and {} overlap: a request could be of both", other.action, route.action));
        }
    }
    Ok(())
}

/// A route's action is its service's, and of one port: rules and duties name it alone.
fn actions(party: Party<'_>) -> Result<(), TablesError> {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for action in party.ports().iter().flat_map(|port| &port.routes).map(|route| route.action.as_str()) {
        let route = action.strip_prefix(party.name()).and_then(|rest| rest.strip_prefix('.'));
        if !route.is_some_and(|route| !route.is_empty() && route.chars().all(|c| c.is_ascii_alphanumeric())) {
            return wrong(format!("{action} is no action of {}: {}.ROUTE is", party.name(), party.name()));
        }
        if !taken.insert(action) {
            return wrong(format!("{action} is a route of two ports of {}", party.name()));
        }
    }
    Ok(())
}

fn groups(service: &Service) -> Result<(), TablesError> {
    if service.groups.is_sorted_by(|a, b| a < b) && service.groups.iter().all(|group| is_name(group)) {
        return Ok(());
    }
    wrong(format!("groups of {} are not sorted, one is there twice, or one has no name", service.name))
}

/// A process has one service: a cgroup is of one, and lies in no other's, unless no host has both.
fn cgroups(tables: &Tables) -> Result<(), TablesError> {
    let mut taken: BTreeMap<&str, Vec<&Service>> = BTreeMap::new();
    for service in &tables.services {
        taken.entry(&service.cgroup).or_default().push(service);
    }
    for service in &tables.services {
        let path = service.cgroup.as_str();
        if path.is_empty() || path.starts_with('/') || path.ends_with('/') {
            return wrong(format!("the cgroup of {} is {path:?}, which is no path below the root", service.name));
        }
        let parents = path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain([path]);
        let others = parents.filter_map(|parent| taken.get(parent)).flatten();
        if let Some(other) = others.into_iter().find(|other| other.id != service.id && !exclude(&other.on, &service.on))
        {
            return wrong(format!("the cgroup of {} is, or is inside, that of {}", service.name, other.name));
        }
    }
    Ok(())
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
