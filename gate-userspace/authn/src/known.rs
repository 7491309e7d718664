//! What this process knows from its own copy of the active bundle.

use gate_tables::Tables;
use std::collections::{HashMap, HashSet};

/// The services and L7 ports of the active bundle.
#[derive(Debug, Clone)]
pub struct Known {
    version: u64,
    names: HashMap<u32, String>,
    ports: HashSet<(u32, u16)>,
}

impl Known {
    /// From what this host takes of the tables of an admitted bundle.
    #[must_use]
    pub fn new(version: u64, tables: &Tables) -> Self {
        let names = tables.services.iter().map(|service| (service.id.0, service.name.clone())).collect();
        let ports = tables.services.iter().flat_map(|service| {
            let l7 = service.ports.iter().filter(|port| port.is_served());
            l7.map(|port| (service.id.0, port.number))
        });
        Self { version, names, ports: ports.collect() }
    }

    /// The bundle's version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The name of a service; empty for 0, a process of no service. `None`: the bundle declares no such service.
    #[must_use]
    pub fn name(&self, id: u32) -> Option<&str> {
        if id == gate_common::identity::NOT_GOVERNED {
            return Some("");
        }
        self.names.get(&id).map(String::as_str)
    }

    /// Whether the service declares this port, and gate-proxy serves it.
    #[must_use]
    pub fn has_l7_port(&self, service: u32, port: u16) -> bool {
        self.ports.contains(&(service, port))
    }

    /// How many services there are.
    #[must_use]
    pub fn services(&self) -> usize {
        self.names.len()
    }
}
