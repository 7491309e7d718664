//! What the rules give: access, and the reachability that follows from it.

use super::wrong;
use crate::{Access, Channel, Parties, Port, PortId, Protocol, ServiceId, Tables, TablesError, Times, Via};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

pub(super) fn check(tables: &Tables, parties: &Parties<'_>) -> Result<(), TablesError> {
    access(tables, parties)?;
    cells(tables)?;
    reach(tables, parties)?;
    channels(tables, parties)
}

fn reach(tables: &Tables, parties: &Parties<'_>) -> Result<(), TablesError> {
    if !tables.reach.is_sorted_by(|a, b| (a.source, a.destination, a.port) < (b.source, b.destination, b.port)) {
        return wrong("reach is not sorted, or a line is there twice".into());
    }
    let given = permitting(tables);
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
        // What people and duties look at is access; what the kernel enforces is reach.
        if !given.get(&(line.source, line.destination, line.port)).is_some_and(|rules| rules.contains(&line.rule)) {
            let (source, service) = (line.source.0, line.destination.0);
            return wrong(format!(
                "source {source} reaches port {} of service {service} by rule {}, and no access says so",
                port.number, line.rule
            ));
        }
        if let Times { from: Some(from), until: Some(until) } = line.times
            && from >= until
        {
            return wrong(format!("reach to port {} holds from {from} until {until}, which is never", port.number));
        }
    }
    Ok(())
}

/// For each source and port, the rules that permit something there.
fn permitting(tables: &Tables) -> HashMap<(ServiceId, ServiceId, PortId), HashSet<u32>> {
    let mut given: HashMap<_, HashSet<u32>> = HashMap::new();
    for line in &tables.access {
        for source in &line.sources {
            given.entry((*source, line.destination, line.port)).or_default().extend(&line.permits);
        }
    }
    given
}

/// No caller asks, and no issuer is named, on both channels. Plain ports have no requests.
fn channels(tables: &Tables, parties: &Parties<'_>) -> Result<(), TablesError> {
    let mut callers: BTreeMap<ServiceId, Channel> = BTreeMap::new();
    for line in tables.access.iter().filter(|line| line.action.is_some()) {
        let Some(port) = parties.get(line.destination).and_then(|party| party.port(line.port)) else { continue };
        let mut crosses = |source: &&ServiceId| *callers.entry(**source).or_insert(port.channel) != port.channel;
        if let Some(source) = line.sources.iter().find(|source| crosses(source)) {
            return wrong(format!("source {} has rules on ports for admin and for traffic", source.0));
        }
    }
    let mut issuers: BTreeMap<&str, Channel> = BTreeMap::new();
    for port in tables.services.iter().flat_map(|service| &service.ports) {
        let Some(issuer) = &port.issuer else { continue };
        if *issuers.entry(issuer).or_insert(port.channel) != port.channel {
            return wrong(format!("issuer {issuer} vouches on ports for admin and for traffic"));
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
