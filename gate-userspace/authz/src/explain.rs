//! `gatectl explain`, the layer of decisions: what would be decided, by which rule, and what is missing.

use crate::InForce;
use gate_policy::{ActionId, Decision, LocalTime, Nearest, Principal, RequestContext};
use gate_tables::{PathPattern, PathSegment, Rule, Service, Value};
use serde_json::{Value as Json, json};

/// One question of an operator.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The source service; empty is a process of none.
    pub source: &'a str,
    /// The destination service.
    pub destination: &'a str,
    /// The action, or `connect`.
    pub action: &'a str,
    /// The port's name, for `connect`.
    pub port: &'a str,
    /// Parameters of the route.
    pub parameters: &'a [(String, Value)],
}

/// The verdict with its reasons. Conditions are judged for Unix user 0 at `now_ms`, which the answer says.
///
/// # Errors
/// Names that the active bundle does not have.
pub fn explain(in_force: &InForce, asked: Asked<'_>, now_ms: u64) -> Result<Json, Vec<String>> {
    let version = in_force.version();
    let mut unknown = Vec::new();
    let principal = principal(in_force, asked.source);
    if principal.is_none() {
        unknown.push(format!("bundle version {version} declares no service {:?}", asked.source));
    }
    let service = in_force.tables().service_named(asked.destination);
    if service.is_none() {
        unknown.push(format!("bundle version {version} declares no service {:?}", asked.destination));
    }
    let (Some(principal), Some(service)) = (principal, service) else { return Err(unknown) };
    if asked.action == "connect" {
        return connect(in_force, principal, service, asked, now_ms);
    }
    let decider = in_force.decider();
    let action = decider.action_named(asked.action);
    let found = action.and_then(|action| Some((action, decider.route(action)?)));
    let (action, route) = found
        .filter(|(_, route)| route.service == service.id)
        .ok_or_else(|| vec![format!("service {} has no route {:?}", service.name, asked.action)])?;
    let context = context(route.method, route.path, asked.parameters, now_ms)?;
    Ok(request(in_force, principal, service, action, &context))
}

fn principal(in_force: &InForce, name: &str) -> Option<Principal> {
    if name.is_empty() || name == "host" {
        return Some(Principal::HOST);
    }
    in_force.tables().service_named(name).map(|service| Principal::from(service.id))
}

fn request(in_force: &InForce, principal: Principal, to: &Service, action: ActionId, context: &RequestContext) -> Json {
    let decider = in_force.decider();
    let decision = decider.decide(principal, action, to.id, context);
    let nearest = (!decision.allow).then(|| decider.nearest(principal, action));
    let asked = json!({
        "request": format!("{} {}", context.method, context.path),
        "assumed": { "source_uid": context.source_uid, "now": context.now },
    });
    verdict(in_force, &decision, nearest.as_ref(), asked)
}

fn connect(
    in_force: &InForce,
    principal: Principal,
    to: &Service,
    asked: Asked<'_>,
    now_ms: u64,
) -> Result<Json, Vec<String>> {
    let names = || to.ports.iter().map(|port| port.name.as_str()).collect::<Vec<_>>().join(", ");
    let port = to.ports.iter().find(|port| port.name == asked.port);
    let port = port
        .ok_or_else(|| vec![format!("service {} has no port {:?}; its ports are: {}", to.name, asked.port, names())])?;
    let decider = in_force.decider();
    let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    let decision = decider.decide_connect(principal, to.id, port.id, now);
    let nearest = if decision.allow { None } else { decider.nearest_connect(principal, to.id, port.id) };
    Ok(verdict(in_force, &decision, nearest.as_ref(), Json::Null))
}

fn context(
    method: &str,
    path: &PathPattern,
    parameters: &[(String, Value)],
    now_ms: u64,
) -> Result<RequestContext, Vec<String>> {
    let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
    Ok(RequestContext {
        params: parameters.to_vec(),
        method: method.to_owned(),
        path: fill(path, parameters)?,
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(0),
        now,
        local: LocalTime::at(now, 0),
    })
}

/// The path with its parameters in place.
fn fill(pattern: &PathPattern, parameters: &[(String, Value)]) -> Result<String, Vec<String>> {
    let value = |name: &str| match parameters.iter().find(|(given, _)| given == name) {
        Some((_, Value::Text(text))) => Ok(text.clone()),
        Some((_, Value::Int(number))) => Ok(number.to_string()),
        None => Err(vec![format!("the route {pattern} needs the parameter {name:?}")]),
    };
    let mut path = String::new();
    for segment in pattern.segments() {
        path.push('/');
        match segment {
            PathSegment::Literal(text) => path.push_str(text),
            PathSegment::Parameter { name, .. } | PathSegment::Rest(name) => path.push_str(&value(name)?),
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    match pattern.matches(&path) {
        Some(matched) if matched.len() == parameters.len() => Ok(path),
        _ => Err(vec![format!("{path:?} with {} parameters is no request of the route {pattern}", parameters.len())]),
    }
}

fn verdict(in_force: &InForce, decision: &Decision, nearest: Option<&Nearest>, asked: Json) -> Json {
    let named = |id: &str| in_force.tables().rules.iter().find(|rule| rule.id == id).map(rule);
    let rules: Vec<Json> = decision.rules.iter().filter_map(|id| named(id)).collect();
    json!({
        "layer": "decision",
        "version": in_force.version(),
        "outcome": if decision.allow { "allow" } else { "deny" },
        "rules": rules,
        "cacheable": decision.cacheable,
        "errors": decision.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "nearest": nearest.map(ToString::to_string),
        "asked": asked,
    })
}

fn rule(rule: &Rule) -> Json {
    json!({
        "id": rule.id, "effect": rule.effect, "reason": rule.reason, "ticket": rule.ticket, "place": rule.place,
    })
}

#[cfg(test)]
mod tests;
