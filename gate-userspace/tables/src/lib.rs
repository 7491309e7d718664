//! The compiled form of a policy: what runs here, what reaches what, and the routes of each port.
//!
//! Tables are made by `gate-policy` from `services.toml` and the Cedar rules, travel inside a bundle as
//! `tables.json`, and are read by processes that must not know Cedar: `gate-net` fills the kernel's maps from
//! them, `gate-proxy` matches routes with them, `gate-authn` names peers by them.
//!
//! The encoding is compact JSON with every list in a fixed order, so that two compilations of the same policy
//! are equal byte for byte.

mod access;
mod change;
mod check;
mod host;
mod issuer;
mod network;
mod party;
mod route;
mod service;

pub use access::{Access, Condition};
pub use change::{Cell, Change, Difference, compare};
pub use host::{Host, HostSection, Labels, Listener, NotThisHost, Posture, Selector, exclude};
pub use issuer::{Algorithm, Claim, ClaimKind, Issuer, Roles};
pub use network::{Network, Prefix, PrefixError};
pub use party::{Parties, Party};
pub use route::{HostPattern, ParameterKind, PathPattern, PathSegment, PatternError, Value};
pub use service::{Channel, Field, Port, Protocol, Route, Service, Transport};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the encoding. A reader refuses any other.
pub const FORMAT: u32 = 2;

/// Most services and networks that one policy may declare, retired ones included.
pub const MAX_SERVICES: usize = 16_384;

/// The number of a service or a network in the kernel's maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub u32);

impl ServiceId {
    /// `Host::"self"`: what no service of this host claims.
    pub const HOST: Self = Self(0);
    /// `World::"any"`: an address of no declared network.
    pub const WORLD: Self = Self(0xffff_fffe);
    /// The first of Gate's own numbers.
    pub const FIRST_RESERVED: Self = Self(0xffff_0000);
}

/// A port's number inside its service or network, from 1: in the order of the ports' names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortId(pub u16);

/// The compiled policy of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    /// [`FORMAT`].
    pub format: u32,
    /// The environment that the policy is for.
    pub environment: String,
    /// Keys of labels that hosts may have, each with its values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Selector,
    /// What holds for processes that no service claims.
    #[serde(default, skip_serializing_if = "Host::is_default")]
    pub host: Host,
    /// Who vouches for users, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<Issuer>,
    /// Addresses outside the host that have a name, sorted by it. Numbers are given as to services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// Every service, sorted by name. Names keep their number from bundle to bundle; a number is never used again.
    pub services: Vec<Service>,
    /// Numbers of names that earlier bundles declared and this one does not.
    pub retired: BTreeMap<String, ServiceId>,
    /// Which service reaches which port, sorted by (source, destination, port).
    pub reach: Vec<Reach>,
    /// Who may ask for what, sorted by all fields in their order; [`compare`] reads it.
    pub access: Vec<Access>,
    /// Every rule of the policy, sorted by id.
    pub rules: Vec<Rule>,
}

/// One line of the reachability table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Who connects: a service, a network, [`ServiceId::HOST`] or [`ServiceId::WORLD`].
    pub source: ServiceId,
    /// Whose port it is.
    pub destination: ServiceId,
    /// Which of its ports.
    pub port: PortId,
    /// How it is reached. What is not listed is denied.
    pub via: Via,
    /// Index into [`Tables::rules`] of the first rule (in the order of ids) that permits it.
    pub rule: u32,
    /// When it holds.
    #[serde(default, skip_serializing_if = "Times::is_always")]
    pub times: Times,
}

/// When a line of the reachability table holds, in seconds since 1970. Only a [`Via::Direct`] line may have times: the
/// rules of a proxied one are asked for each request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// From then on; `None`: it always did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Before then; `None`: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Times {
    /// Whether the time does not matter.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it holds at that time.
    #[must_use]
    pub fn hold(self, seconds: u64) -> bool {
        self.from.is_none_or(|from| from <= seconds) && self.until.is_none_or(|until| seconds < until)
    }
}

/// How a port is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Straight: an L4 port.
    Direct,
    /// Only through gate-proxy: an L7 port of which at least one route may be permitted.
    Proxy,
}

/// What people see of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The `@id` annotation.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The `@reason` annotation.
    pub reason: String,
    /// The `@ticket` annotation.
    pub ticket: String,
    /// File and line, `shop.cedar:12`.
    pub place: String,
    /// Its `when` and `unless`; `None`: it holds for everything in its scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// Why bytes are not a usable table.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The bytes are not the JSON of [`Tables`].
    #[error("tables.json: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A well-formed table that contradicts itself.
    #[error("tables.json: {0}")]
    Inconsistent(String),
}

impl Default for Tables {
    /// Nothing: no service and no rule, for no environment.
    fn default() -> Self {
        Self {
            format: FORMAT,
            environment: String::new(),
            labels: Selector::new(),
            host: Host::default(),
            issuers: Vec::new(),
            networks: Vec::new(),
            services: Vec::new(),
            retired: BTreeMap::new(),
            reach: Vec::new(),
            access: Vec::new(),
            rules: Vec::new(),
        }
    }
}

impl Tables {
    /// The canonical bytes.
    ///
    /// # Errors
    /// Never for tables that came from [`Tables::from_bytes`] or from the compiler.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TablesError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads and checks tables: order, uniqueness and every reference.
    ///
    /// # Errors
    /// [`TablesError`] names the first contradiction.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TablesError> {
        let tables: Self = serde_json::from_slice(bytes)?;
        check::check(&tables)?;
        Ok(tables)
    }

    /// The service of that number.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// The service of that name.
    #[must_use]
    pub fn service_named(&self, name: &str) -> Option<&Service> {
        let index = self.services.binary_search_by(|service| service.name.as_str().cmp(name)).ok()?;
        self.services.get(index)
    }

    /// The line of the reachability table for (source, destination, port).
    #[must_use]
    pub fn reach(&self, source: ServiceId, destination: ServiceId, port: PortId) -> Option<&Reach> {
        let index = self
            .reach
            .binary_search_by_key(&(source, destination, port), |line| (line.source, line.destination, line.port))
            .ok()?;
        self.reach.get(index)
    }
}

#[cfg(test)]
mod tests;
