//! What tables must be for anybody to rely on them: order, uniqueness, and every reference.

mod declared;
mod given;
mod networks;
mod ports;

use crate::{FORMAT, MAX_SERVICES, Parties, ServiceId, Tables, TablesError};

/// The first contradiction, if there is one.
pub(crate) fn check(tables: &Tables) -> Result<(), TablesError> {
    if tables.format != FORMAT {
        return wrong(format!("format is {}, this version reads {FORMAT}", tables.format));
    }
    names(tables)?;
    numbers(tables)?;
    declared::check(tables)?;
    networks::check(tables)?;
    ports::check(tables)?;
    given::check(tables, &Parties::new(tables))
}

fn wrong(what: String) -> Result<(), TablesError> {
    Err(TablesError::Inconsistent(what))
}

/// Names that mean something else to rules or to people.
const OWN: [&str; 5] = ["any", "host", "self", "unattested", "world"];
/// Longest name.
const MAX_NAME: usize = 63;

/// Whether a name is one wherever names are written: in rules, in `duties.toml`, on a command line.
fn is_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(legal)
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
    let living = tables.services.iter().map(|service| &service.name).chain(tables.networks.iter().map(|one| &one.name));
    if let Some(name) = living.clone().chain(tables.retired.keys()).find(|name| !is_name(name)) {
        return wrong(format!(
            "{name:?} is no name of a service or a network: those are lower-case letters, digits and \"-\""
        ));
    }
    // Cells are compared by names: a service of this name would hide what the host may.
    if let Some(name) = living.clone().find(|name| OWN.contains(&name.as_str())) {
        return wrong(format!("{name} is Gate's own name, and no service's or network's"));
    }
    if let Some(name) = living.clone().find(|name| tables.retired.contains_key(*name)) {
        return wrong(format!("{name} is declared, and a former service, too"));
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

#[cfg(test)]
mod tests;
