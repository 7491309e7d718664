//! Names of two policies as numbers: numbers of ports and services may differ between bundles, names are compared, and a
//! policy has far more cells than names.

use crate::{Parties, Party, PortId, ServiceId, Tables};
use std::collections::{BTreeSet, HashMap};

/// Every name of both policies, sorted: a name's place stands for it, in the same order.
pub(super) struct Names<'a>(Vec<&'a str>);

/// A name's place.
pub(super) type Name = usize;

impl<'a> Names<'a> {
    pub(super) fn of(policies: [&'a Tables; 2]) -> Self {
        let mut names: BTreeSet<&str> = [Party::Host.name(), Party::World.name()].into();
        for tables in policies {
            names.extend(tables.services.iter().map(|service| service.name.as_str()));
            names.extend(tables.networks.iter().map(|network| network.name.as_str()));
            let services = tables.services.iter().flat_map(|service| &service.ports);
            let ports = services.chain(tables.networks.iter().flat_map(|network| &network.ports));
            for port in ports {
                names.insert(&port.name);
                names.extend(port.routes.iter().map(|route| route.action.as_str()));
            }
        }
        Self(names.into_iter().collect())
    }

    pub(super) fn number(&self, name: &str) -> Option<Name> {
        self.0.binary_search(&name).ok()
    }

    pub(super) fn name(&self, number: Name) -> &'a str {
        self.0.get(number).copied().unwrap_or_default()
    }
}

/// Parties and ports of one policy by their numbers, as names.
pub(super) struct Numbered {
    parties: HashMap<ServiceId, Name>,
    ports: HashMap<(ServiceId, PortId), Name>,
}

impl Numbered {
    pub(super) fn new(names: &Names<'_>, tables: &Tables) -> Self {
        let (mut parties, mut ports) = (HashMap::new(), HashMap::new());
        for (id, party) in Parties::new(tables).iter() {
            parties.extend(names.number(party.name()).map(|name| (id, name)));
            ports.extend(party.ports().iter().filter_map(|port| Some(((id, port.id), names.number(&port.name)?))));
        }
        Self { parties, ports }
    }

    pub(super) fn party(&self, id: ServiceId) -> Option<Name> {
        self.parties.get(&id).copied()
    }

    pub(super) fn port(&self, party: ServiceId, port: PortId) -> Option<Name> {
        self.ports.get(&(party, port)).copied()
    }
}
