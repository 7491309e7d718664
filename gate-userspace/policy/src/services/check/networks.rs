//! Networks: every address is of one.

use crate::diagnostic::Report;
use crate::services::{Declarations, Network};
use crate::source::SERVICES;
use gate_tables::Prefix;
use std::collections::BTreeMap;

pub(super) fn check(declarations: &Declarations, report: &mut Report) {
    for (name, network) in &declarations.networks {
        if let Some(service) = declarations.services.get(name) {
            let message =
                format!("\"{name}\" is a network and a service (line {}); each has its own name", service.line);
            report.at(SERVICES, network.line, message);
        }
    }
    let networks: Vec<(&String, &Network)> = declarations.networks.iter().collect();
    for (index, one) in networks.iter().enumerate() {
        for other in networks.iter().take(index) {
            if let Some(message) = clash(*one, *other) {
                report.at(SERVICES, one.1.line, message);
            }
        }
    }
}

/// Why an address would be of two networks.
fn clash((name, network): (&String, &Network), (other_name, other): (&String, &Network)) -> Option<String> {
    let line = other.line;
    if let Some(block) = network.addresses.intersection(&other.addresses).next() {
        return Some(format!(
            "networks \"{name}\" and \"{other_name}\" (line {line}) both have {block}; an address is of one network: \
             write it in one of them"
        ));
    }
    let mut pairs = network.addresses.iter().flat_map(|a| other.addresses.iter().map(move |b| (a, b)));
    let (a, b) = pairs.find(|(a, b)| a.holds(b) || b.holds(a))?;
    if encloses(network, other) || encloses(other, network) {
        return None;
    }
    Some(format!(
        "networks \"{name}\" ({a}) and \"{other_name}\" ({b}, line {line}) overlap in a part; two networks are apart, or one \
         holds all addresses of the other"
    ))
}

fn encloses(outer: &Network, inner: &Network) -> bool {
    inner.addresses.iter().all(|inner| outer.addresses.iter().any(|outer: &Prefix| outer.holds(inner)))
}

/// For each network, those that hold it: the whole way out, without the world.
pub(crate) fn enclosing(networks: &BTreeMap<String, Network>) -> BTreeMap<&str, Vec<&str>> {
    let around = |name: &String, network: &Network| {
        let others = networks.iter().filter(|(other, _)| *other != name);
        others.filter(|(_, other)| encloses(other, network)).map(|(other, _)| other.as_str()).collect()
    };
    networks.iter().map(|(name, network)| (name.as_str(), around(name, network))).collect()
}
