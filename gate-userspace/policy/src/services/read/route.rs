//! One route: what requests it is, and what rules may read of them.

use crate::diagnostic::Report;
use crate::document::{Found, Section};
use crate::names;
use crate::services::{Route, keys};
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::{Field, HostPattern, ParameterKind, PathPattern, Protocol};

const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const KINDS: [(&str, ParameterKind); 2] = [("string", ParameterKind::Text), ("int", ParameterKind::Int)];

pub(super) fn route(section: &Section<'_>, protocol: Protocol, report: &mut Report) -> Option<Route> {
    section.only(&keys::ROUTE, report);
    // Whether they are declared is asked once the service is known.
    let groups = section.strings("groups", report).into_iter().map(|group| group.value.to_owned()).collect();
    let hosts = hosts(section, report);
    let headers = fields(section, "headers", names::check_header, report);
    let query = fields(section, "query", |name| names::check_attribute("query parameter", name), report);
    let pattern = section.required_string("match", example(protocol), report)?;
    let (method, path) = if protocol == Protocol::Grpc { grpc(&pattern, report) } else { http(&pattern, report) }?;
    Some(Route { line: section.line, groups, method, path, hosts, headers, query })
}

pub(super) fn example(protocol: Protocol) -> &'static str {
    if protocol == Protocol::Grpc { "\"shop.Orders/Place\"" } else { "\"GET /path/{id:int}\"" }
}

fn http(pattern: &Found<&str>, report: &mut Report) -> Option<(String, PathPattern)> {
    let Some((method, path)) = pattern.value.split_once(' ') else {
        let message =
            format!("match = {:?}; write a method, a space and a path: \"GET /orders/{{id:int}}\"", pattern.value);
        report.at(SERVICES, pattern.line, message);
        return None;
    };
    if !METHODS.contains(&method) {
        report.at(SERVICES, pattern.line, format!("method {method:?}{}", suggestion(method, METHODS)));
    }
    let path = PathPattern::parse(path).map_err(|error| report.at(SERVICES, pattern.line, error.to_string())).ok()?;
    Some((method.to_owned(), path))
}

/// A method of gRPC is `POST /package.Service/Method`.
fn grpc(pattern: &Found<&str>, report: &mut Report) -> Option<(String, PathPattern)> {
    let identifier = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let parts = pattern.value.split_once('/');
    let fits = parts.is_some_and(|(service, method)| service.split('.').all(identifier) && identifier(method));
    let path = fits.then(|| PathPattern::parse(&format!("/{}", pattern.value)).ok()).flatten();
    if path.is_none() {
        let message =
            format!("match = {:?}; on a grpc port write package.Service/Method: \"shop.Orders/Place\"", pattern.value);
        report.at(SERVICES, pattern.line, message);
    }
    path.map(|path| ("POST".to_owned(), path))
}

fn hosts(section: &Section<'_>, report: &mut Report) -> Vec<HostPattern> {
    let found = section.strings("hosts", report);
    if found.is_empty() && section.has("hosts") {
        let message = format!("hosts = []{} is no request; list hosts, or leave it out for any", section.place());
        report.at(SERVICES, section.line, message);
    }
    let mut hosts = Vec::new();
    for text in found {
        match HostPattern::parse(text.value) {
            Ok(host) => hosts.push(host),
            Err(error) => report.at(SERVICES, text.line, format!("hosts: {error}")),
        }
    }
    hosts.sort_unstable();
    hosts
}

fn fields(
    section: &Section<'_>,
    key: &str,
    check: impl Fn(&str) -> Result<(), String>,
    report: &mut Report,
) -> Vec<Field> {
    let Some(table) = section.section(key, report) else { return Vec::new() };
    let mut fields = Vec::new();
    for (name, text) in table.texts(report) {
        if let Err(message) = check(name) {
            report.at(SERVICES, text.line, message);
        }
        match KINDS.iter().find(|(known, _)| *known == text.value) {
            Some((_, kind)) => fields.push(Field { name: name.to_owned(), kind: *kind }),
            None => {
                let hint = suggestion(text.value, KINDS.iter().map(|(known, _)| *known));
                report.at(SERVICES, text.line, format!("{key}: {name} = {:?}{hint}", text.value));
            }
        }
    }
    fields.sort_unstable();
    fields
}
