//! Whatever has a number and a name: services, networks, the host itself, the rest of the world.

use crate::{Network, Port, PortId, Service, ServiceId, Tables};
use std::collections::BTreeMap;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party<'t> {
    /// A service.
    Service(&'t Service),
    /// A network.
    Network(&'t Network),
    /// `Host::"self"`.
    Host,
    /// `World::"any"`.
    World,
}

impl<'t> Party<'t> {
    /// As rules and people write it; `host` and `world` are nobody else's names.
    #[must_use]
    pub fn name(self) -> &'t str {
        match self {
            Self::Service(service) => &service.name,
            Self::Network(network) => &network.name,
            Self::Host => "host",
            Self::World => "world",
        }
    }

    /// The team that answers for it; the host and the world are their own.
    #[must_use]
    pub fn owner(self) -> &'t str {
        match self {
            Self::Service(service) => &service.owner,
            Self::Network(network) => &network.owner,
            Self::Host | Self::World => self.name(),
        }
    }

    /// Its declared ports.
    #[must_use]
    pub fn ports(self) -> &'t [Port] {
        match self {
            Self::Service(service) => &service.ports,
            Self::Network(network) => &network.ports,
            Self::Host | Self::World => &[],
        }
    }

    /// Its port of that number.
    #[must_use]
    pub fn port(self, id: PortId) -> Option<&'t Port> {
        self.ports().iter().find(|port| port.id == id)
    }
}

/// The parties of one policy by their numbers.
#[derive(Debug, Clone)]
pub struct Parties<'t>(BTreeMap<ServiceId, Party<'t>>);

impl<'t> Parties<'t> {
    /// Those of `tables`.
    #[must_use]
    pub fn new(tables: &'t Tables) -> Self {
        let services = tables.services.iter().map(|service| (service.id, Party::Service(service)));
        let networks = tables.networks.iter().map(|network| (network.id, Party::Network(network)));
        let own = [(ServiceId::HOST, Party::Host), (ServiceId::WORLD, Party::World)];
        Self(services.chain(networks).chain(own).collect())
    }

    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = (ServiceId, Party<'t>)> {
        self.0.iter().map(|(id, party)| (*id, *party))
    }

    /// Who has that number.
    #[must_use]
    pub fn get(&self, id: ServiceId) -> Option<Party<'t>> {
        self.0.get(&id).copied()
    }
}
