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
mod route;

pub use access::{Access, Condition};
pub use change::{Cell, Change, Difference, compare};
pub use route::{ParameterKind, PathPattern, PathSegment, PatternError, Value};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the encoding. A reader refuses any other.
pub const FORMAT: u32 = 1;

/// Most services that one policy may declare, retired ones included.
pub const MAX_SERVICES: usize = 16_384;

/// A service's number in the kernel's maps. 0 is "not governed"; numbers from `0xffff_0000` on are Gate's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub u32);

/// A port's number inside its service, in the order of the ports' names, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

/// One service of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its number in the kernel's maps.
    pub id: ServiceId,
    /// Its name, as rules and people write it.
    pub name: String,
    /// The team that answers for it.
    pub owner: String,
    /// The cgroup it is recognized by, relative to the host's cgroup root, without a leading slash:
    /// `system.slice/orders.service`.
    pub cgroup: String,
    /// `true`: judged and recorded as would-deny, not enforced.
    pub observe: bool,
    /// Its declared ports, sorted by name.
    pub ports: Vec<Port>,
}

/// One declared listener of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its number inside the service.
    pub id: PortId,
    /// Its name: `api`.
    pub name: String,
    /// The transport. Only `tcp` is in this version.
    pub transport: Transport,
    /// The port number.
    pub number: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// The named routes of an L7 port, sorted by action; empty for [`Protocol::Opaque`].
    pub routes: Vec<Route>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP over IPv4 or IPv6.
    Tcp,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Judged as a flow only (L4).
    Opaque,
    /// HTTP/1.1; reached only through the proxy (L7).
    Http,
}

/// A named route of an L7 port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The Cedar action that it is: `orders.getOrder`.
    pub action: String,
    /// The method, upper case: `GET`.
    pub method: String,
    /// The path it matches.
    pub path: PathPattern,
}

/// One line of the reachability table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// Who connects. `ServiceId(0)` is `Host::"self"`.
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
        tables.check()?;
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

    fn check(&self) -> Result<(), TablesError> {
        let wrong = |what: String| Err(TablesError::Inconsistent(what));
        if self.format != FORMAT {
            return wrong(format!("format is {}, this version reads {FORMAT}", self.format));
        }
        if self.services.len() + self.retired.len() > MAX_SERVICES {
            return wrong(format!("{} services, at most {MAX_SERVICES}", self.services.len() + self.retired.len()));
        }
        if !self.services.is_sorted_by(|a, b| a.name < b.name) {
            return wrong("services are not sorted by name, or a name is there twice".into());
        }
        if !self.reach.is_sorted_by(|a, b| (a.source, a.destination, a.port) < (b.source, b.destination, b.port)) {
            return wrong("reach is not sorted, or a line is there twice".into());
        }
        if !self.rules.is_sorted_by(|a, b| a.id < b.id) {
            return wrong("rules are not sorted by id, or an id is there twice".into());
        }
        let mut numbers: Vec<ServiceId> =
            self.services.iter().map(|s| s.id).chain(self.retired.values().copied()).collect();
        numbers.sort_unstable();
        if !numbers.is_sorted_by(|a, b| a < b) {
            return wrong("two services have one number".into());
        }
        if let Some(id) = numbers.iter().find(|id| id.0 == 0 || id.0 >= 0xffff_0000) {
            return wrong(format!("service number {} is reserved", id.0));
        }
        let mut listeners = BTreeMap::new();
        for service in &self.services {
            if !service.ports.is_sorted_by(|a, b| a.name < b.name && a.id < b.id) {
                return wrong(format!("ports of {} are not sorted, or one is there twice", service.name));
            }
            for port in &service.ports {
                if let Some(other) = listeners.insert((port.transport, port.number), &service.name) {
                    return wrong(format!("{} and {other} both declare port {}", service.name, port.number));
                }
                if port.protocol == Protocol::Opaque && !port.routes.is_empty() {
                    return wrong(format!("port {} of {} has routes and no protocol", port.name, service.name));
                }
                if !port.routes.is_sorted_by(|a, b| a.action < b.action) {
                    return wrong(format!("routes of {} are not sorted, or one is there twice", service.name));
                }
            }
        }
        for line in &self.reach {
            if line.source.0 != 0 && self.service(line.source).is_none() {
                return wrong(format!("reach names source {}, which is no service", line.source.0));
            }
            let port = self.service(line.destination).and_then(|s| s.ports.iter().find(|p| p.id == line.port));
            let Some(port) = port else {
                return wrong(format!(
                    "reach names port {} of service {}, which is not declared",
                    line.port.0, line.destination.0
                ));
            };
            if (port.protocol == Protocol::Http) != (line.via == Via::Proxy) {
                return wrong(format!(
                    "reach to port {} is {:?}, which its protocol does not allow",
                    port.number, line.via
                ));
            }
            if line.rule as usize >= self.rules.len() {
                return wrong(format!("reach names rule {}, which is not there", line.rule));
            }
            if line.via == Via::Proxy && !line.times.is_always() {
                return wrong(format!("reach to port {} has times, which a proxied port has not", port.number));
            }
            if let Times { from: Some(from), until: Some(until) } = line.times
                && from >= until
            {
                return wrong(format!("reach to port {} holds from {from} until {until}, which is never", port.number));
            }
        }
        self.check_access()
    }

    fn check_access(&self) -> Result<(), TablesError> {
        let wrong = |what: String| Err(TablesError::Inconsistent(what));
        if !self.access.is_sorted_by(|a, b| a < b) {
            return wrong("access is not sorted, or a line is there twice".into());
        }
        let known: BTreeSet<ServiceId> = self.services.iter().map(|service| service.id).chain([ServiceId(0)]).collect();
        let ports: BTreeMap<(ServiceId, PortId), &Port> =
            self.services.iter().flat_map(|s| s.ports.iter().map(|port| ((s.id, port.id), port))).collect();
        for line in &self.access {
            let place = format!("access to port {} of service {}", line.port.0, line.destination.0);
            let Some(port) = ports.get(&(line.destination, line.port)) else {
                return wrong(format!("{place}: no such port is declared"));
            };
            let fits = match &line.action {
                None => port.protocol == Protocol::Opaque,
                Some(action) => port.routes.binary_search_by(|route| route.action.cmp(action)).is_ok(),
            };
            if !fits {
                let action = line.action.as_deref().unwrap_or("connect");
                return wrong(format!("{place}: the port has no action {action}"));
            }
            for (effect, rules) in [("permit", &line.permits), ("forbid", &line.forbids)] {
                let ascend = rules.is_sorted_by(|a, b| a < b);
                let named = |index: &u32| self.rules.get(*index as usize).is_some_and(|rule| rule.effect == effect);
                if !ascend || !rules.iter().all(named) {
                    return wrong(format!("{place}: {effect}s {rules:?} are not ascending indexes of {effect} rules"));
                }
            }
            if line.permits.is_empty() {
                return wrong(format!("{place}: no rule permits it; such a line is left out"));
            }
            if line.sources.is_empty() || !line.sources.is_sorted_by(|a, b| a < b) {
                return wrong(format!("{place}: its sources are not ascending, or there are none"));
            }
            if let Some(source) = line.sources.iter().find(|source| !known.contains(source)) {
                return wrong(format!("{place}: source {} is no service", source.0));
            }
        }
        self.check_cells()
    }

    /// One cell, one line: a second one would be hidden from whoever looks at the first.
    fn check_cells(&self) -> Result<(), TablesError> {
        let mut cells = BTreeSet::new();
        for line in &self.access {
            for source in &line.sources {
                if !cells.insert((line.destination, line.port, line.action.as_deref(), *source)) {
                    return Err(TablesError::Inconsistent(format!(
                        "access of source {} to port {} of service {} is said in two lines; one says it",
                        source.0, line.port.0, line.destination.0
                    )));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
