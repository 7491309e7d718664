//! Which routes there are on which port of the active bundle.

use gate_tables::{Protocol, Route, ServiceId, Tables, Value};
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
    /// Method, path or parameters are not the route's.
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
    /// Those of a bundle's tables.
    #[must_use]
    pub fn new(tables: &Tables) -> Self {
        let mut listeners = HashMap::new();
        for service in &tables.services {
            for port in service.ports.iter().filter(|port| port.protocol == Protocol::Http) {
                let routes = port.routes.iter().map(|route| (route.action.clone(), route.clone())).collect();
                listeners.insert(port.number, Listener { service: service.id, routes });
            }
        }
        Self(listeners)
    }

    /// Whether a request on a connection to `port` is one of the route that the proxy says it is. The proxy's word is
    /// not taken for it: the port is attested, and the parameters follow from the path.
    ///
    /// # Errors
    /// [`NoRoute`].
    pub fn check(
        &self,
        port: u16,
        destination: ServiceId,
        action: &str,
        method: &str,
        path: &str,
        parameters: &[(String, Value)],
    ) -> Result<(), NoRoute> {
        let listener = self.0.get(&port).filter(|listener| listener.service == destination);
        let listener = listener.ok_or(NoRoute::Port { port, destination })?;
        let route = listener.routes.get(action).ok_or_else(|| NoRoute::Action { port, action: action.to_owned() })?;
        let follows = |matched: Vec<(&str, Value)>| {
            matched.len() == parameters.len()
                && matched.iter().zip(parameters).all(|((name, value), given)| (*name, value) == (&*given.0, &given.1))
        };
        if route.method == method && route.path.matches(path).is_some_and(follows) {
            return Ok(());
        }
        Err(NoRoute::Request { method: method.to_owned(), path: path.to_owned(), action: action.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate_tables::{FORMAT, PathPattern, Port, PortId, Service, Transport};

    fn listeners() -> Listeners {
        let path = PathPattern::parse("/orders/{id:int}").unwrap();
        let route = Route { action: "orders.getOrder".into(), method: "GET".into(), path, ..Route::default() };
        let port = |id, name: &str, number, protocol, routes| Port {
            id: PortId(id),
            name: name.into(),
            transport: Transport::Tcp,
            number,
            protocol,
            routes,
            ..Port::default()
        };
        let orders = Service {
            id: ServiceId(2),
            name: "orders".into(),
            owner: String::new(),
            cgroup: "orders.service".into(),
            observe: false,
            ports: vec![
                port(1, "api", 8080, Protocol::Http, vec![route]),
                port(2, "raw", 9000, Protocol::Plain, vec![]),
            ],
            ..Service::default()
        };
        Listeners::new(&Tables {
            format: FORMAT,
            environment: "demo".into(),
            services: vec![orders],
            retired: Default::default(),
            reach: vec![],
            access: vec![],
            rules: vec![],
            ..Tables::default()
        })
    }

    #[test]
    fn a_request_is_what_its_route_says() {
        let id = |value| vec![("id".to_owned(), value)];
        let (listeners, one) = (listeners(), id(Value::Int(1)));
        let check = |port, service, action, method, path, parameters: &[(String, Value)]| {
            listeners.check(port, ServiceId(service), action, method, path, parameters)
        };
        assert_eq!(check(8080, 2, "orders.getOrder", "GET", "/orders/1", &one), Ok(()));

        let no_port = |result| matches!(result, Err(NoRoute::Port { .. }));
        assert!(no_port(check(8081, 2, "orders.getOrder", "GET", "/orders/1", &one)));
        assert!(no_port(check(8080, 3, "orders.getOrder", "GET", "/orders/1", &one)));
        assert!(no_port(check(9000, 2, "orders.getOrder", "GET", "/orders/1", &one)), "an opaque port");
        let no_action = check(8080, 2, "orders.delete", "GET", "/orders/1", &one);
        assert!(matches!(no_action, Err(NoRoute::Action { .. })));
        for (method, path, parameters) in [
            ("POST", "/orders/1", one.clone()),
            ("GET", "/orders", one.clone()),
            ("GET", "/orders/2", one.clone()),
            ("GET", "/orders/1", id(Value::Int(2))),
            ("GET", "/orders/1", id(Value::Text("1".into()))),
            ("GET", "/orders/1", vec![("other".to_owned(), Value::Int(1))]),
            ("GET", "/orders/1", vec![]),
            ("GET", "/orders/1", [one.clone(), one.clone()].concat()),
        ] {
            let found = check(8080, 2, "orders.getOrder", method, path, &parameters);
            assert!(matches!(found, Err(NoRoute::Request { .. })), "{method} {path} {parameters:?}");
        }
    }
}
