//! The Cedar schema of a policy, written from its declarations: a rule that misspells anything is an error.

use crate::services::{Declarations, Route};
use gate_tables::{ParameterKind, PathPattern, PathSegment};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

const ENTITIES: &str = "\
// Generated from services.toml.
entity Group;
entity Service in [Group];
// Host::\"self\": every process that no service claims.
entity Host;
// World and Unattested are known and may do nothing.
entity World;
entity Unattested;
// A port that is judged as a flow: Port::\"ledger:tcp/9000\".
entity Port;

action \"connect\" appliesTo { principal: [Service, Host], resource: [Port], context: { now: Long } };
";

/// The schema's text, the same for the same declarations.
pub(crate) fn schema(declarations: &Declarations) -> String {
    schema_of(declarations, |_| true)
}

/// The same with the actions of some services only.
pub(crate) fn schema_of(declarations: &Declarations, wanted: impl Fn(&str) -> bool) -> String {
    let mut text = ENTITIES.to_owned();
    for (name, service) in declarations.services.iter().filter(|(name, _)| wanted(name)) {
        let routes = service.ports.values().flat_map(|port| &port.routes);
        // Writing to a string does not fail.
        let _ = service_actions(&mut text, name, routes.collect());
    }
    text
}

/// The resource that stands for an L4 port.
pub(crate) fn port_name(service: &str, number: u16) -> String {
    format!("{service}:tcp/{number}")
}

fn service_actions(text: &mut String, service: &str, routes: Vec<(&String, &Route)>) -> fmt::Result {
    if routes.is_empty() {
        return Ok(());
    }
    let groups: BTreeSet<&str> = routes.iter().flat_map(|(_, route)| &route.groups).map(String::as_str).collect();
    writeln!(text, "\naction \"{service}:all\";")?;
    for group in groups {
        writeln!(text, "action \"{service}:{group}\";")?;
    }
    for (name, route) in routes {
        let parents = route.groups.iter().map(|group| format!(", \"{service}:{group}\"")).collect::<String>();
        write!(text, "action \"{service}.{name}\" in [\"{service}:all\"{parents}] {}", applies(&kind_of(&route.path)))?;
    }
    Ok(())
}

/// What requests of a route with these parameters are made of.
fn applies(parameters: &str) -> String {
    format!(
        "appliesTo {{\n  \
         principal: [Service, Host], resource: [Service],\n  context: {{\n    \
         params: {{ {parameters} }},\n    method: String, path: String,\n    source: {{ uid: Long }},\n    \
         now: Long, local: {{ weekday: Long, minute: Long }},\n  }},\n}};\n"
    )
}

/// The parameters of a route, as the schema writes them: all that tells its requests from those of another route.
pub(crate) fn kind_of(path: &PathPattern) -> String {
    let mut parameters: Vec<String> = path.segments().iter().filter_map(parameter).collect();
    parameters.sort_unstable();
    parameters.join(", ")
}

/// The kind of what has no route: a connection.
pub(crate) const KINDLESS: &str = "connect";

/// A schema with one action of each kind, which is its name.
pub(crate) fn schema_of_kinds(kinds: &[&String]) -> String {
    let mut text = ENTITIES.to_owned();
    for kind in kinds.iter().filter(|kind| ***kind != KINDLESS) {
        // Writing to a string does not fail.
        let _ = write!(text, "action {kind:?} {}", applies(kind));
    }
    text
}

fn parameter(segment: &PathSegment) -> Option<String> {
    match segment {
        PathSegment::Literal(_) => None,
        PathSegment::Parameter { name, kind: ParameterKind::Int } => Some(format!("\"{name}\": Long")),
        PathSegment::Parameter { name, kind: ParameterKind::Text } | PathSegment::Rest(name) => {
            Some(format!("\"{name}\": String"))
        }
    }
}
