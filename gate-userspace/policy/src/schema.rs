//! The Cedar schema of a policy, written from its declarations: a rule that misspells anything is an error.

use crate::services::{Declarations, Route};
use gate_tables::{Claim, ClaimKind, Field, Issuer, ParameterKind, PathSegment, Transport};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

const ENTITIES: &str = "\
// Generated from services.toml.
entity Group;
entity Service in [Group];
// Host::\"self\": every process that no service claims.
entity Host;
// World::\"any\": an address of no network.
entity World;
entity Network in [Network, World];
// Unattested is known and may do nothing.
entity Unattested;
// A port that is judged as a flow: Port::\"ledger:tcp/9000\".
entity Port in [Port, Service, Network];

action \"connect\" appliesTo { principal: [Service, Host, Network, World], resource: [Port], context: { now: Long } };
";

/// The schema's text, the same for the same declarations.
pub(crate) fn schema(declarations: &Declarations) -> String {
    schema_of(declarations, |_| true)
}

/// The same with the actions of some services only.
pub(crate) fn schema_of(declarations: &Declarations, wanted: impl Fn(&str) -> bool) -> String {
    let mut text = ENTITIES.to_owned();
    for (name, service) in declarations.services.iter().filter(|(name, _)| wanted(name)) {
        let mut routes = Vec::new();
        for port in service.ports.values() {
            let issuer = declarations.issuer_of(port);
            routes.extend(port.routes.iter().map(|(name, route)| (name.as_str(), route, issuer)));
        }
        // Writing to a string does not fail.
        let _ = service_actions(&mut text, name, &routes);
    }
    text
}

/// The resource that stands for an L4 port.
pub(crate) fn port_name(owner: &str, transport: Transport, number: u16) -> String {
    format!("{owner}:{}/{number}", transport.name())
}

fn service_actions(text: &mut String, service: &str, routes: &[(&str, &Route, Option<&Issuer>)]) -> fmt::Result {
    if routes.is_empty() {
        return Ok(());
    }
    let groups: BTreeSet<&str> = routes.iter().flat_map(|(_, route, _)| &route.groups).map(String::as_str).collect();
    writeln!(text, "\naction \"{service}:all\";")?;
    for group in groups {
        writeln!(text, "action \"{service}:{group}\";")?;
    }
    for (name, route, issuer) in routes {
        let parents = route.groups.iter().map(|group| format!(", \"{service}:{group}\"")).collect::<String>();
        let kind = kind_of(route, *issuer);
        write!(text, "action \"{service}.{name}\" in [\"{service}:all\"{parents}] {}", applies(&kind))?;
    }
    Ok(())
}

/// What requests of that kind are made of.
fn applies(kind: &str) -> String {
    format!(
        "appliesTo {{\n  \
         principal: [Service, Host, Network, World], resource: [Service],\n  context: {{\n    \
         {kind}\n    method: String, path: String, host: String,\n    source: {{ uid?: Long }},\n    \
         now: Long, local: {{ weekday: Long, minute: Long }},\n  }},\n}};\n"
    )
}

/// What requests of a route have of their own, as the schema writes it: all that tells them from those of another route.
pub(crate) fn kind_of(route: &Route, issuer: Option<&Issuer>) -> String {
    let mut parameters: Vec<String> = route.path.segments().iter().filter_map(parameter).collect();
    parameters.sort_unstable();
    let mut kind = format!("params: {{ {} }},", parameters.join(", "));
    for (name, fields) in [("headers", &route.headers), ("query", &route.query)] {
        if !fields.is_empty() {
            let fields: Vec<String> = fields.iter().map(field).collect();
            kind += &format!("\n    {name}: {{ {} }},", fields.join(", "));
        }
    }
    if let Some(issuer) = issuer {
        let claims: String = issuer.claims.iter().map(claim).collect();
        kind += &format!("\n    user?: {{ \"sub\": String{claims} }},");
    }
    kind
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
        PathSegment::Parameter { name, kind } => Some(format!("\"{name}\": {}", cedar(*kind))),
        PathSegment::Rest(name) => Some(format!("\"{name}\": String")),
    }
}

fn field(field: &Field) -> String {
    format!("\"{}\"?: {}", field.name, cedar(field.kind))
}

fn cedar(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Int => "Long",
        ParameterKind::Text => "String",
    }
}

fn claim(claim: &Claim) -> String {
    let kind = match claim.kind {
        ClaimKind::String => "String",
        ClaimKind::Int => "Long",
        ClaimKind::Bool => "Bool",
        ClaimKind::Strings => "Set<String>",
    };
    format!(", \"{}\"{}: {kind}", claim.name, if claim.optional { "?" } else { "" })
}
