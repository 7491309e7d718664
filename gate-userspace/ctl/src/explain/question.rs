//! What is asked.

use super::Arguments;
use crate::report::Failure;
use crate::text::plain;
use gate_ipc::messages::AdminRequest;
use gate_tables::Value;
use serde_json::json;
use std::fmt;

const CONNECT: &str = "connect";

/// A question with everything that the roles need to know.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// Empty: a process of no service.
    source: String,
    destination: String,
    action: String,
    port: String,
    parameters: Vec<(String, Value)>,
}

impl Question {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let Arguments { source, action, destination, port, parameters, .. } = arguments;
        let destination = match (destination, action.rsplit_once('.')) {
            (Some(destination), Some((service, _))) if destination != service => {
                return Err(Failure::cannot(format!(
                    "the route {action:?} is one of {service:?}, not of {destination:?}; leave DEST out"
                )));
            }
            (Some(destination), _) => destination.clone(),
            (None, Some((service, _))) => service.to_owned(),
            (None, None) if action == CONNECT => {
                return Err(Failure::cannot(format!(
                    "connect to what? Name the service: gatectl explain {source} connect SERVICE [--port NAME]"
                )));
            }
            (None, None) => {
                return Err(Failure::cannot(format!(
                    "{action:?} is no action; write a route as SERVICE.ROUTE, such as orders.getOrder, or \"connect\""
                )));
            }
        };
        if action == CONNECT && !parameters.is_empty() {
            return Err(Failure::cannot("a connection has no parameters; leave --param out"));
        }
        if action != CONNECT && !action.contains('.') {
            return Err(Failure::cannot(format!(
                "{action:?} is no action; write a route as SERVICE.ROUTE ({destination}.{action}?), or \"connect\""
            )));
        }
        Ok(Self {
            source: if source == "host" { String::new() } else { source.clone() },
            destination,
            action: action.clone(),
            port: port.clone().unwrap_or_default(),
            parameters: parameters.clone(),
        })
    }

    pub(crate) fn is_connect(&self) -> bool {
        self.action == CONNECT
    }

    pub(crate) fn port(&self) -> &str {
        &self.port
    }

    pub(crate) fn request(&self, port: &str) -> AdminRequest {
        AdminRequest::Explain {
            source: self.source.clone(),
            destination: self.destination.clone(),
            action: self.action.clone(),
            port: port.to_owned(),
            parameters: self.parameters.clone(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "source": self.source, "action": self.action, "destination": self.destination, "port": self.port,
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.source.is_empty() { "a process of no service" } else { &self.source };
        write!(f, "{} -> {} on {}", plain(source), plain(&self.action), plain(&self.destination))?;
        if self.port.is_empty() { Ok(()) } else { write!(f, " port {}", plain(&self.port)) }
    }
}

/// `id=1`, `name=alice`, `name="1"`.
pub(crate) fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("{text:?} is no parameter; write NAME=VALUE, such as id=1"))?;
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let number = || value.parse::<i64>().ok().filter(|number| number.to_string() == value);
    let value = match (quoted, number()) {
        (Some(text), _) => Value::Text(text.to_owned()),
        (None, Some(number)) => Value::Int(number),
        (None, None) => Value::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let value = |text| parameter(text).unwrap().1;
        assert_eq!(value("id=1"), Value::Int(1));
        assert_eq!(value("id=-7"), Value::Int(-7));
        assert_eq!(value("id=01"), Value::Text("01".into()));
        assert_eq!(value("id=\"1\""), Value::Text("1".into()));
        assert_eq!(value("name=a=b"), Value::Text("a=b".into()));
        assert!(parameter("id").is_err());
        assert!(parameter("=1").is_err());
    }
}
