//! What a route declares of its requests besides users: parameters, headers, query.

use crate::universe::TargetRoute;
use gate_tables::{Field, ParameterKind, PathPattern, PathSegment, Value};

/// Whether these are exactly the route's parameters, each of its type.
pub(crate) fn check_params(params: &[(String, Value)], path: &PathPattern) -> Result<(), String> {
    let declared: Vec<(&str, ParameterKind)> = path.segments().iter().filter_map(parameter).collect();
    for (name, kind) in &declared {
        match params.iter().find(|(given, _)| given == name) {
            None => return Err(format!("the parameter \"{name}\" of {path} is missing")),
            Some((_, value)) => typed(value, *kind, || format!("the parameter \"{name}\" of {path}"))?,
        }
    }
    match params.iter().find(|(name, _)| !declared.iter().any(|(declared, _)| declared == name)) {
        Some((name, _)) => Err(format!("{path} has no parameter \"{name}\"")),
        None if params.len() != declared.len() => Err(format!("a parameter of {path} is there twice")),
        None => Ok(()),
    }
}

/// Whether these are headers and parameters of the query that the route declares, each at most once and of its type.
pub(crate) fn check_fields(
    headers: &[(String, Value)],
    query: &[(String, Value)],
    route: &TargetRoute,
) -> Result<(), String> {
    among("header", headers, &route.headers)?;
    among("query parameter", query, &route.query)
}

fn among(what: &str, given: &[(String, Value)], declared: &[Field]) -> Result<(), String> {
    for (index, (name, value)) in given.iter().enumerate() {
        let Some(field) = declared.iter().find(|field| field.name == *name) else {
            return Err(format!("the route declares no {what} \"{name}\""));
        };
        if given.iter().take(index).any(|(other, _)| other == name) {
            return Err(format!("the {what} \"{name}\" is there twice"));
        }
        typed(value, field.kind, || format!("the {what} \"{name}\""))?;
    }
    Ok(())
}

fn typed(value: &Value, kind: ParameterKind, what: impl Fn() -> String) -> Result<(), String> {
    match (kind, value) {
        (ParameterKind::Int, Value::Int(_)) | (ParameterKind::Text, Value::Text(_)) => Ok(()),
        (ParameterKind::Int, Value::Text(_)) => Err(format!("{} is a string; an integer would be right", what())),
        (ParameterKind::Text, Value::Int(_)) => Err(format!("{} is an integer; a string would be right", what())),
    }
}

fn parameter(segment: &PathSegment) -> Option<(&str, ParameterKind)> {
    match segment {
        PathSegment::Literal(_) => None,
        PathSegment::Parameter { name, kind } => Some((name, *kind)),
        PathSegment::Rest(name) => Some((name, ParameterKind::Text)),
    }
}
