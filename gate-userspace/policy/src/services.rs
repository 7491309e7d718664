//! `services.toml`: what runs here.

mod check;
mod read;

pub(crate) use read::read;

use gate_tables::{PathPattern, Protocol};
use std::collections::BTreeMap;

/// What `services.toml` declares, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declarations {
    pub(crate) environment: String,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) services: BTreeMap<String, Service>,
}

/// A group of services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) line: usize,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) line: usize,
    pub(crate) owner: String,
    pub(crate) cgroup: String,
    pub(crate) observe: bool,
    pub(crate) groups: Vec<String>,
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
    pub(crate) number: u16,
    pub(crate) protocol: Protocol,
    pub(crate) routes: BTreeMap<String, Route>,
}

/// One named route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) line: usize,
    pub(crate) method: String,
    pub(crate) path: PathPattern,
    pub(crate) groups: Vec<String>,
}

#[cfg(test)]
mod tests;
