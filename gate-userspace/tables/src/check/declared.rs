//! Labels, what holds for the host itself, and who vouches for users.

use super::wrong;
use crate::host::exclude;
use crate::{ClaimKind, Issuer, Listener, Selector, Service, Tables, TablesError};

pub(super) fn check(tables: &Tables) -> Result<(), TablesError> {
    selectors(tables)?;
    failsafe(tables)?;
    issuers(tables)
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

/// What is failsafe is open whatever the rules say: none of it is a service's.
fn failsafe(tables: &Tables) -> Result<(), TablesError> {
    let everywhere = Selector::new();
    let of_sections = tables.host.sections.iter().map(|section| (&section.on, &section.failsafe));
    for (on, failsafe) in of_sections.chain([(&everywhere, &tables.host.failsafe)]) {
        if !failsafe.is_sorted_by(|a, b| a < b) {
            return wrong("failsafe of [host] is not sorted, or a listener is there twice".into());
        }
        let declares = |service: &&Service, listener: &Listener| {
            let ports = service.ports.iter().map(|port| Listener { transport: port.transport, number: port.number });
            !exclude(&service.on, on) && ports.into_iter().any(|port| port == *listener)
        };
        for listener in failsafe {
            if let Some(service) = tables.services.iter().find(|service| declares(service, listener)) {
                let (transport, number) = (listener.transport.name(), listener.number);
                return wrong(format!("{transport}/{number} is failsafe, and a port of {}", service.name));
            }
        }
    }
    Ok(())
}

fn issuers(tables: &Tables) -> Result<(), TablesError> {
    if !tables.issuers.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("issuers are not sorted by name, or a name is there twice".into());
    }
    tables.issuers.iter().try_for_each(issuer)
}

fn issuer(issuer: &Issuer) -> Result<(), TablesError> {
    let name = &issuer.name;
    if issuer.audiences.is_empty() || issuer.algorithms.is_empty() {
        return wrong(format!("issuer {name} has no audience or no algorithm"));
    }
    if !issuer.audiences.is_sorted_by(|a, b| a < b) || !issuer.algorithms.is_sorted_by(|a, b| a < b) {
        return wrong(format!("audiences or algorithms of issuer {name} are not sorted, or one is there twice"));
    }
    if !issuer.keys.starts_with("https://") && !issuer.keys.starts_with('/') {
        return wrong(format!("keys of issuer {name} are neither at https:// nor in a file of an absolute path"));
    }
    if !issuer.claims.is_sorted_by(|a, b| a.name < b.name) {
        return wrong(format!("claims of issuer {name} are not sorted, or one is there twice"));
    }
    let Some(roles) = &issuer.roles else { return Ok(()) };
    let text = |kind| matches!(kind, ClaimKind::String | ClaimKind::Strings);
    if !issuer.claims.iter().any(|claim| claim.name == roles.claim && text(claim.kind)) {
        return wrong(format!("roles of issuer {name} are of the claim {}, which it has not as text", roles.claim));
    }
    if roles.values.is_empty() || !roles.values.is_sorted_by(|a, b| a < b) {
        return wrong(format!("roles of issuer {name} are not sorted, one is there twice, or there are none"));
    }
    Ok(())
}
