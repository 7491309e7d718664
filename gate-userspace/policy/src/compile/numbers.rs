//! Numbers of services and networks: a name keeps its number for the life of the environment.

use crate::diagnostic::Report;
use crate::services::Declarations;
use crate::source::SERVICES;
use gate_tables::{MAX_SERVICES, ServiceId, Tables};
use std::collections::BTreeMap;

/// Which name has which number.
pub(super) struct Numbers {
    pub(super) living: BTreeMap<String, ServiceId>,
    pub(super) retired: BTreeMap<String, ServiceId>,
}

impl Numbers {
    /// The number of a name that is declared.
    pub(super) fn of(&self, name: &str) -> ServiceId {
        self.living.get(name).copied().unwrap_or_default()
    }
}

/// Names of services and networks are one set: a network that becomes a service keeps its number, and whatever was
/// known of it under that number was known of that name.
pub(super) fn numbers(declarations: &Declarations, previous: Option<&Tables>, report: &mut Report) -> Option<Numbers> {
    if let Some(previous) = previous.filter(|previous| previous.environment != declarations.environment) {
        let message = format!(
            "environment = \"{}\", but the bundle before is of \"{}\"; each environment has its own chain",
            declarations.environment, previous.environment
        );
        report.file(SERVICES, message);
        return None;
    }
    let mut known = known_numbers(previous);
    let mut next = known.values().map(|id| id.0).max().unwrap_or(0).saturating_add(1);
    let mut living = BTreeMap::new();
    // Services first, so that the first bundle of an environment without networks and one with them number alike.
    for name in declarations.services.keys().chain(declarations.networks.keys()) {
        let id = known.remove(name).unwrap_or_else(|| {
            next = next.saturating_add(1);
            ServiceId(next - 1)
        });
        living.insert(name.clone(), id);
    }
    let count = living.len() + known.len();
    if count > MAX_SERVICES || next > ServiceId::FIRST_RESERVED.0 {
        let message = format!(
            "{count} names of services and networks with the retired ones; at most {MAX_SERVICES} are possible"
        );
        report.file(SERVICES, message);
        return None;
    }
    Some(Numbers { living, retired: known })
}

fn known_numbers(previous: Option<&Tables>) -> BTreeMap<String, ServiceId> {
    let Some(previous) = previous else { return BTreeMap::new() };
    let services = previous.services.iter().map(|service| (service.name.clone(), service.id));
    let networks = previous.networks.iter().map(|network| (network.name.clone(), network.id));
    let retired = previous.retired.iter().map(|(name, id)| (name.clone(), *id));
    // A name that is in both would be living: the later entry wins.
    retired.chain(networks).chain(services).collect()
}
