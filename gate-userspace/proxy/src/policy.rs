//! What the proxy needs of a bundle's tables: which service a port belongs to, and its routes. No rule is in here.

use crate::headers;
use crate::path;
use gate_tables::{Field, HostPattern, PathPattern, PathSegment, ServiceId, Tables, Value};
use hyper::Method;
use std::collections::HashMap;

/// The L7 ports of one bundle.
#[derive(Debug, Default)]
pub struct Policy {
    version: u64,
    ports: HashMap<u16, L7Port>,
    /// Declared L7 ports on which nothing is served, and why.
    not_served: HashMap<u16, String>,
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
    hosts: Vec<HostPattern>,
    headers: Vec<Field>,
    query: Vec<Field>,
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
    /// The headers that rules may read.
    pub headers: &'a [Field],
    /// The parameters of the query that rules may read.
    pub query: &'a [Field],
}

/// Why a request takes no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No declared route has this method, path and host.
    #[error("no declared route has this method, path and host")]
    None,
    /// Two have: the tables contradict themselves.
    #[error("two declared routes match this request")]
    Two,
}

impl Policy {
    /// From what this host takes of the tables of an admitted bundle.
    ///
    /// # Errors
    /// A route with a method that is none, or with a header that does not pass; two services of this host with one port.
    pub fn new(version: u64, tables: &Tables) -> Result<Self, String> {
        let (mut ports, mut not_served) = (HashMap::new(), HashMap::new());
        let mut numbers = 0..;
        for service in &tables.services {
            for port in service.ports.iter().filter(|port| port.protocol.is_l7()) {
                if let Some(why) = port.not_served() {
                    not_served.insert(port.number, format!("port {} of {}: {why}", port.number, service.name));
                    continue;
                }
                let mut l7 = L7Port::new(service.id, &service.name);
                for (route, number) in port.routes.iter().zip(&mut numbers) {
                    let method = Method::from_bytes(route.method.as_bytes())
                        .map_err(|_| format!("route {}: {:?} is no method", route.action, route.method))?;
                    // A rule would read what the backend never sees.
                    if let Some(header) = route.headers.iter().find(|header| !headers::passes(&header.name)) {
                        return Err(format!("route {}: clients' header {} is taken away", route.action, header.name));
                    }
                    l7.add(method, Route::new(route, number));
                }
                if let Some(other) = ports.insert(port.number, l7) {
                    return Err(format!("{} and {} both have port {} here", other.name, service.name, port.number));
                }
            }
        }
        Ok(Self { version, ports, not_served })
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

    /// Why nothing is served on a declared L7 port.
    #[must_use]
    pub fn not_served(&self, number: u16) -> Option<&str> {
        self.not_served.get(&number).map(String::as_str)
    }

    /// How many L7 ports there are.
    #[must_use]
    pub fn ports(&self) -> usize {
        self.ports.len()
    }
}

impl Route {
    fn new(route: &gate_tables::Route, number: u32) -> Self {
        Self {
            action: route.action.clone(),
            number,
            pattern: route.path.clone(),
            hosts: route.hosts.clone(),
            headers: route.headers.clone(),
            query: route.query.clone(),
        }
    }

    fn is_for(&self, host: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host))
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

    /// The one route of a request, by its method, normalized path and host.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn route(&self, method: &Method, path: &str, host: &str) -> Result<Matched<'_>, NoRoute> {
        let candidates = self.by_method.get(method).ok_or(NoRoute::None)?;
        let first = path.split('/').nth(1).unwrap_or_default();
        let named = candidates.by_first_segment.get(first).map(Vec::as_slice).unwrap_or_default();
        let mut found = None;
        for route in named.iter().chain(&candidates.any_first_segment).filter_map(|index| self.routes.get(*index)) {
            let Some(parameters) = route.pattern.matches(path).filter(|_| route.is_for(host)) else { continue };
            if found.is_some() {
                return Err(NoRoute::Two);
            }
            let parameters = parameters.into_iter().map(|(name, value)| (name, decoded(value))).collect();
            let (headers, query) = (route.headers.as_slice(), route.query.as_slice());
            found = Some(Matched { action: &route.action, number: route.number, parameters, headers, query });
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
