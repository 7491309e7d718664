//! Access between what runs here and the machines of another environment.

use super::Held;
use super::view::ids;
use gate_tables::{Network, Parties, ServiceId, Tables};
use std::collections::BTreeMap;

/// A network of another environment, and who is joined with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Across<'t> {
    pub(super) network: &'t str,
    pub(super) environment: &'t str,
    /// The service, or `host`.
    pub(super) holder: &'t str,
}

/// Everybody who reaches such a network, or is reached from it, and how.
pub(super) fn across(tables: &Tables) -> BTreeMap<Across<'_>, Vec<Held>> {
    let mut found: BTreeMap<Across<'_>, Vec<Held>> = BTreeMap::new();
    let foreign = foreign(tables);
    if foreign.is_empty() {
        return found;
    }
    let parties = Parties::new(tables);
    for line in &tables.access {
        let Some(destination) = parties.get(line.destination) else { continue };
        let Some(port) = destination.port(line.port) else { continue };
        let connect = || format!("connect {}:{}", destination.name(), port.name);
        let rules = || ids(line.permits.iter().filter_map(|index| tables.rules.get(*index as usize)));
        for (id, source) in line.sources.iter().filter_map(|id| Some((id, parties.get(*id)?))) {
            let ends = [(id, destination), (&line.destination, source)];
            for ((network, environment), other) in
                ends.into_iter().filter_map(|(id, other)| Some((foreign.get(id)?, other)))
            {
                let held = Held {
                    action: line.action.clone().unwrap_or_else(connect),
                    by: source.name().to_owned(),
                    rules: rules(),
                };
                found.entry(Across { network, environment, holder: other.name() }).or_default().push(held);
            }
        }
    }
    found
}

/// Networks whose machines are of another environment. One that says none is of that of the narrowest around it: a
/// nameless part of production is production.
fn foreign(tables: &Tables) -> BTreeMap<ServiceId, (&str, &str)> {
    let of = |network: &Network| {
        let around = tables.networks.iter().filter(|outer| outer.environment.is_some() && outer.encloses(network));
        // Of those around, each holds the next: the narrowest is held by every other.
        around
            .reduce(|one, other| if one.encloses(other) { other } else { one })
            .and_then(|one| one.environment.as_deref())
    };
    let all = tables
        .networks
        .iter()
        .filter_map(|network| Some((network, network.environment.as_deref().or_else(|| of(network))?)));
    let foreign = all.filter(|(_, environment)| *environment != tables.environment);
    foreign.map(|(network, environment)| (network.id, (network.name.as_str(), environment))).collect()
}
