//! What the proxy needs of a bundle's tables: which service a port belongs to, and its routes. No rule is in here.

use crate::path;
use gate_tables::{PathPattern, PathSegment, Protocol, ServiceId, Tables, Value};
use hyper::Method;
use std::collections::HashMap;

/// The L7 ports of one bundle.
#[derive(Debug, Default)]
pub struct Policy {
    version: u64,
    ports: HashMap<u16, L7Port>,
}

/// An L7 port of a service.
#[derive(Debug)]
pub struct L7Port {
    service: ServiceId,
    name: String,
    routes: Vec<Route>,
    by_method: HashMap<Method, Candidates>,
}

#[derive(Debug)]
struct Route {
    action: String,
    number: u32,
    pattern: PathPattern,
}

/// Indices into the routes of a port.
#[derive(Debug, Default)]
struct Candidates {
    by_first_segment: HashMap<String, Vec<usize>>,
    any_first_segment: Vec<usize>,
}

/// The route that a request takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Matched<'a> {
    /// Its Cedar action.
    pub action: &'a str,
    /// The action's number, unique within the bundle.
    pub number: u32,
    /// Its parameters in the pattern's order, text decoded.
    pub parameters: Vec<(&'a str, Value)>,
}

/// Why a request takes no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No declared route has this method and path.
    #[error("no declared route has this method and path")]
    None,
    /// Two have: the tables contradict themselves.
    #[error("two declared routes match this request")]
    Two,
}

impl Policy {
    /// From the tables of an admitted bundle.
    ///
    /// # Errors
    /// A route with a method that is none.
    pub fn new(version: u64, tables: &Tables) -> Result<Self, String> {
        let mut number = 0;
        let mut ports = HashMap::new();
        for service in &tables.services {
            for port in service.ports.iter().filter(|port| port.protocol == Protocol::Http) {
                let mut l7 = L7Port::new(service.id, &service.name);
                for route in &port.routes {
                    let method = Method::from_bytes(route.method.as_bytes())
                        .map_err(|_| format!("route {}: {:?} is no method", route.action, route.method))?;
                    l7.add(method, Route { action: route.action.clone(), number, pattern: route.path.clone() });
                    number += 1;
                }
                ports.insert(port.number, l7);
            }
        }
        Ok(Self { version, ports })
    }

    /// The bundle's version; 0 before the first.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The L7 port of that number.
    #[must_use]
    pub fn port(&self, number: u16) -> Option<&L7Port> {
        self.ports.get(&number)
    }

    /// How many L7 ports there are.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.ports.len()
    }
}

impl L7Port {
    fn new(service: ServiceId, name: &str) -> Self {
        Self { service, name: name.to_owned(), routes: Vec::new(), by_method: HashMap::new() }
    }

    fn add(&mut self, method: Method, route: Route) {
        let index = self.routes.len();
        let candidates = self.by_method.entry(method).or_default();
        match route.pattern.segments().first() {
            Some(PathSegment::Literal(text)) => {
                candidates.by_first_segment.entry(text.clone()).or_default().push(index);
            }
            _ => candidates.any_first_segment.push(index),
        }
        self.routes.push(route);
    }

    /// The service that it belongs to.
    #[must_use]
    pub fn service(&self) -> ServiceId {
        self.service
    }

    /// That service's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one route of a request, by its method and normalized path.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn route(&self, method: &Method, path: &str) -> Result<Matched<'_>, NoRoute> {
        let candidates = self.by_method.get(method).ok_or(NoRoute::None)?;
        let first = path.split('/').nth(1).unwrap_or_default();
        let named = candidates.by_first_segment.get(first).map(Vec::as_slice).unwrap_or_default();
        let mut found = None;
        for route in named.iter().chain(&candidates.any_first_segment).filter_map(|index| self.routes.get(*index)) {
            let Some(parameters) = route.pattern.matches(path) else { continue };
            if found.is_some() {
                return Err(NoRoute::Two);
            }
            let parameters = parameters.into_iter().map(|(name, value)| (name, decoded(value))).collect();
            found = Some(Matched { action: &route.action, number: route.number, parameters });
        }
        found.ok_or(NoRoute::None)
    }
}

/// What a rule sees of a parameter is the text that it stands for, not its encoding.
fn decoded(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(path::decode(&text)),
        Value::Int(number) => Value::Int(number),
    }
}

#[cfg(test)]
mod tests;
