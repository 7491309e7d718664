//! Which routes there are on which port of the active bundle.

use gate_ipc::messages::{MAX_VALUE, Question};
use gate_ipc::percent;
use gate_tables::{Field, ParameterKind, Route, ServiceId, Tables, Value};
use std::collections::HashMap;

/// The L7 ports by their number. The tables give each number to one service.
#[derive(Debug, Default)]
pub struct Listeners(HashMap<u16, Listener>);

#[derive(Debug)]
struct Listener {
    service: ServiceId,
    routes: HashMap<String, Route>,
}

/// What a question names that the active bundle does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// The attested connection went to no L7 port of that service.
    #[error("the connection is to port {port}, which is no L7 port of service {}", .destination.0)]
    Port {
        /// The attested destination port.
        port: u16,
        /// The service that the question names.
        destination: ServiceId,
    },
    /// The port has no such route.
    #[error("port {port} has no route {action:?}")]
    Action {
        /// The port.
        port: u16,
        /// The route that the question names.
        action: String,
    },
    /// Method, path, host or parameters are not the route's.
    #[error("the request {method} {path:?} with its parameters is not one of route {action:?}")]
    Request {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The route.
        action: String,
    },
}

impl Listeners {
    /// Those of what this host takes of a bundle's tables.
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut listeners = HashMap::new();
        for service in &tables.services {
            for port in service.ports.iter().filter(|port| port.is_served()) {
                let routes = port.routes.iter().map(|route| (route.action.clone(), route.clone())).collect();
                listeners.insert(port.number, Listener { service: service.id, routes });
            }
        }
        Self(listeners)
    }

    /// Whether a request on a connection to `port` is one of the route that the proxy says it is. The proxy's word is
    /// not taken for it: the port is attested, the parameters follow from the path, and of headers and query there is what
    /// the route declares and nothing else.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn check(&self, port: u16, question: &Question) -> Result<(), NoRoute> {
        let Question { destination, action, method, path, parameters, host, headers, query, .. } = question;
        let listener = self.0.get(&port).filter(|listener| listener.service == *destination);
        let listener = listener.ok_or(NoRoute::Port { port, destination: *destination })?;
        let route = listener.routes.get(action).ok_or_else(|| NoRoute::Action { port, action: action.to_owned() })?;
        let named = route.hosts.is_empty() || route.hosts.iter().any(|pattern| pattern.matches(host));
        let named = named && is_in_one_spelling(host);
        let declared = are_declared(headers, &route.headers) && are_declared(query, &route.query);
        if route.method == *method && named && declared && follow(route, path, parameters) {
            return Ok(());
        }
        Err(NoRoute::Request { method: method.clone(), path: path.clone(), action: action.clone() })
    }
}

/// Whether rules that compare it as a text compare what the backend is named by.
fn is_in_one_spelling(host: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    host.len() <= 255 && host.bytes().all(legal) && !host.ends_with('.')
}

/// Whether these are the parameters of the path, their text as it stands for something.
fn follow(route: &Route, path: &str, parameters: &[(String, Value)]) -> bool {
    let is = |(name, value): &(&str, Value), given: &(String, Value)| {
        let same = match (value, &given.1) {
            (Value::Text(text), Value::Text(given)) => percent::decode(text.as_bytes()) == given.as_bytes(),
            (value, given) => value == given,
        };
        *name == given.0 && same
    };
    let matched = route.path.matches(path);
    matched.is_some_and(|matched| {
        matched.len() == parameters.len() && matched.iter().zip(parameters).all(|(matched, given)| is(matched, given))
    })
}

/// Whether each is declared, of its type, there once, and in the order of the declaration.
fn are_declared(given: &[(String, Value)], declared: &[Field]) -> bool {
    let mut declared = declared.iter();
    given.iter().all(|(name, value)| {
        declared.find(|field| field.name == *name).is_some_and(|field| match (field.kind, value) {
            (ParameterKind::Int, Value::Int(_)) => true,
            (ParameterKind::Text, Value::Text(text)) => {
                !text.is_empty() && text.len() <= MAX_VALUE && !text.chars().any(char::is_control)
            }
            _ => false,
        })
    })
}

#[cfg(test)]
mod tests;
