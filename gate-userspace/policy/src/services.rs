//! `services.toml`: what runs here.

mod check;
pub(crate) mod keys;
mod read;
mod unit;

pub(crate) use check::enclosing;
pub(crate) use read::read;

use gate_tables::{Channel, Field, Host, HostPattern, Issuer, PathPattern, Prefix, Protocol, Selector, Transport};
use std::collections::{BTreeMap, BTreeSet};

/// What `services.toml` declares, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declarations {
    pub(crate) environment: String,
    /// Keys of labels with their values.
    pub(crate) labels: Selector,
    pub(crate) host: Host,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) issuers: BTreeMap<String, DeclaredIssuer>,
    pub(crate) networks: BTreeMap<String, Network>,
    pub(crate) services: BTreeMap<String, Service>,
}

impl Declarations {
    /// The issuer of a port.
    pub(crate) fn issuer_of(&self, port: &Port) -> Option<&Issuer> {
        Some(&self.issuers.get(port.issuer.as_ref()?)?.issuer)
    }
}

/// A group of services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) line: usize,
}

/// Who vouches for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredIssuer {
    pub(crate) line: usize,
    pub(crate) issuer: Issuer,
}

/// Addresses outside the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) line: usize,
    pub(crate) owner: String,
    pub(crate) environment: Option<String>,
    pub(crate) addresses: BTreeSet<Prefix>,
    pub(crate) ports: BTreeSet<(Transport, u16)>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) line: usize,
    pub(crate) owner: String,
    pub(crate) cgroup: String,
    pub(crate) uid: Option<u32>,
    pub(crate) exe: Option<String>,
    pub(crate) observe: bool,
    pub(crate) groups: Vec<String>,
    /// The hosts it is on.
    pub(crate) on: Selector,
    /// Groups that its routes may be in.
    pub(crate) route_groups: Vec<RouteGroup>,
    pub(crate) ports: BTreeMap<String, Port>,
}

/// A group of a service's routes, declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteGroup {
    pub(crate) line: usize,
    pub(crate) name: String,
}

/// One declared listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) line: usize,
    pub(crate) transport: Transport,
    pub(crate) number: u16,
    pub(crate) protocol: Protocol,
    pub(crate) channel: Channel,
    /// The name of its issuer.
    pub(crate) issuer: Option<String>,
    pub(crate) routes: BTreeMap<String, Route>,
}

/// One named route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) line: usize,
    pub(crate) groups: Vec<String>,
    pub(crate) method: String,
    pub(crate) path: PathPattern,
    /// Sorted; none: any.
    pub(crate) hosts: Vec<HostPattern>,
    /// Sorted by name.
    pub(crate) headers: Vec<Field>,
    /// Sorted by name.
    pub(crate) query: Vec<Field>,
}

#[cfg(test)]
mod tests;
