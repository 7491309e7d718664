//! Everything that differs but rules. What may only take away is told apart; all else may give.

mod host;
mod service;

use super::Difference;
use crate::{Issuer, Network, Tables};

/// What is declared of no service.
const WHOLE: &str = "";

pub(super) fn compare(old: &Tables, new: &Tables, difference: &mut Difference) {
    if old.environment != new.environment {
        let message = format!("the environment is {}, and was {}", new.environment, old.environment);
        difference.declare(WHOLE, message);
    }
    if old.labels != new.labels {
        difference.declare(WHOLE, format!("the labels are {:?}, and were {:?}", new.labels, old.labels));
    }
    host::compare(&old.host, &new.host, difference);
    issuers(&old.issuers, &new.issuers, difference);
    networks(&old.networks, &new.networks, difference);
    for service in &new.services {
        match old.service_named(&service.name) {
            None => difference.declare(&service.name, format!("service {} is new", service.name)),
            Some(before) => service::compare(before, service, difference),
        }
    }
    for service in old.services.iter().filter(|service| new.service_named(&service.name).is_none()) {
        // Its processes are no longer governed, and its ports are anybody's.
        difference.declare(&service.name, format!("service {} is gone", service.name));
    }
    retired(old, new, difference);
}

/// Whose word counts for users: any change may give, to somebody.
fn issuers(old: &[Issuer], new: &[Issuer], difference: &mut Difference) {
    let named = |issuers: &[Issuer], name: &str| issuers.iter().position(|issuer| issuer.name == name);
    for issuer in new {
        match named(old, &issuer.name).and_then(|at| old.get(at)) {
            None => difference.declare(WHOLE, format!("issuer {} is new", issuer.name)),
            Some(before) if before != issuer => {
                difference.declare(WHOLE, format!("issuer {} is {issuer:?}, and was {before:?}", issuer.name));
            }
            Some(_) => {}
        }
    }
    for issuer in old.iter().filter(|issuer| named(new, &issuer.name).is_none()) {
        difference.declare(WHOLE, format!("issuer {} is gone", issuer.name));
    }
}

/// An address that leaves a network is of the one around it, or of the world: that may be allowed more.
fn networks(old: &[Network], new: &[Network], difference: &mut Difference) {
    for network in new {
        let name = &network.name;
        match named(old, name) {
            None => difference.declare(name, format!("network {name} is new")),
            Some(before) if before != network => {
                difference.declare(name, format!("network {name} is {}, and was {}", words(network), words(before)));
            }
            Some(_) => {}
        }
    }
    for network in old.iter().filter(|network| named(new, &network.name).is_none()) {
        difference.declare(&network.name, format!("network {} is gone", network.name));
    }
}

/// Networks are sorted by name.
fn named<'t>(networks: &'t [Network], name: &str) -> Option<&'t Network> {
    networks.get(networks.binary_search_by(|network| network.name.as_str().cmp(name)).ok()?)
}

fn words(network: &Network) -> String {
    let addresses: Vec<String> = network.addresses.iter().map(ToString::to_string).collect();
    let ports: Vec<String> =
        network.ports.iter().map(|port| format!("{}/{}", port.transport.name(), port.number)).collect();
    let environment = network.environment.as_deref().map(|name| format!(" of {name}")).unwrap_or_default();
    format!(
        "number {} of {}{environment}: {} with {}",
        network.id.0,
        network.owner,
        addresses.join(" "),
        ports.join(" ")
    )
}

/// A number that is forgotten may be given to another service, whose flows would then be taken for the old one's.
fn retired(old: &Tables, new: &Tables, difference: &mut Difference) {
    let number_of = |tables: &Tables, name: &str| {
        let network = || named(&tables.networks, name).map(|network| network.id);
        let living = || tables.service_named(name).map(|service| service.id).or_else(network);
        tables.retired.get(name).copied().or_else(living)
    };
    for (name, id) in &old.retired {
        if number_of(new, name) != Some(*id) {
            difference.declare(WHOLE, format!("the number {} of the former service {name} is free again", id.0));
        }
    }
    for (name, id) in &new.retired {
        if number_of(old, name) != Some(*id) {
            difference.declare(WHOLE, format!("{name} is a former service of number {}, and never was one", id.0));
        }
    }
}
