//! From TOML to declarations. Every function reports all that it finds and goes on.

mod host;
mod issuer;
mod network;
mod port;
mod route;
mod selector;
mod service;

use super::{Declarations, Group, check, keys};
use crate::diagnostic::Report;
use crate::document::{Found, Section, read_document};
use crate::names;
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::Transport;
use std::collections::BTreeMap;

/// Reads `services.toml`. `None` when anything in it was reported.
pub(crate) fn read(text: &str, report: &mut Report) -> Option<Declarations> {
    let mut own = Report::default();
    let declarations = read_document(SERVICES, text, &mut own, read_root).flatten();
    if let Some(declarations) = &declarations {
        check::check(declarations, &mut own);
    }
    let clean = own.is_empty();
    report.append(own);
    declarations.filter(|_| clean)
}

fn read_root(root: &Section<'_>, report: &mut Report) -> Option<Declarations> {
    root.only(&keys::ROOT, report);
    let environment = root.required_string("environment", "\"demo\"", report);
    if let Some(environment) = &environment {
        complain(names::check_name("environment", environment.value), environment.line, report);
    }
    let labels = selector::labels(root, report);
    let host = host::host(root, &labels, report);
    let groups = all(root, "group", group, report);
    let issuers = all(root, "issuer", issuer::issuer, report);
    let networks = all(root, "network", network::network, report);
    let mut services = BTreeMap::new();
    for (name, section) in root.sections("service", report) {
        services.insert(name.to_owned(), service::service(name, &section, &labels, report));
    }
    if services.is_empty() {
        report.file(
            SERVICES,
            "declares no service; write [service.NAME] with unit = \"NAME.service\" and owner = \"TEAM\"",
        );
    }
    let environment = environment?.value.to_owned();
    Some(Declarations { environment, labels, host, groups, issuers, networks, services })
}

fn all<T>(
    root: &Section<'_>,
    kind: &str,
    read: impl Fn(&str, &Section<'_>, &mut Report) -> T,
    report: &mut Report,
) -> BTreeMap<String, T> {
    let sections = root.sections(kind, report);
    sections.into_iter().map(|(name, at)| (name.to_owned(), read(name, &at, report))).collect()
}

fn group(name: &str, section: &Section<'_>, report: &mut Report) -> Group {
    section.only(&keys::GROUP, report);
    section.string("description", report);
    complain(names::check_name("group", name), section.line, report);
    Group { line: section.line }
}

/// The team that answers for a service or a network.
fn owner(section: &Section<'_>, example: &str, report: &mut Report) -> String {
    let owner = section.required_string("owner", example, report);
    if let Some(owner) = &owner
        && (owner.value.trim().is_empty() || owner.value.chars().any(names::is_invisible))
    {
        report.at(SERVICES, owner.line, format!("owner = {:?}; name the team that answers for it", owner.value));
    }
    owner.map(|owner| owner.value.to_owned()).unwrap_or_default()
}

/// One of a few words, or `None` when the key is not there or wrong.
fn word<T: Copy>(section: &Section<'_>, key: &str, words: &[(&str, T)], report: &mut Report) -> Option<T> {
    let found = section.string(key, report)?;
    let known = words.iter().find(|(word, _)| *word == found.value);
    if known.is_none() {
        let hint = suggestion(found.value, words.iter().map(|(word, _)| *word));
        report.at(SERVICES, found.line, format!("{key} = {:?}{}{hint}", found.value, section.place()));
    }
    known.map(|(_, meaning)| *meaning)
}

/// `tcp/8080`, `udp/53`.
fn endpoint(what: &str, text: &Found<&str>, report: &mut Report) -> Option<(Transport, u16)> {
    let canonical = |text: &str| text.parse::<u16>().ok().filter(|number| *number != 0 && number.to_string() == text);
    let found = match text.value.split_once('/') {
        Some(("tcp", number)) => canonical(number).map(|number| (Transport::Tcp, number)),
        Some(("udp", number)) => canonical(number).map(|number| (Transport::Udp, number)),
        _ => None,
    };
    if found.is_none() {
        let message = format!("{what} = {:?}; write \"tcp/\" or \"udp/\" and a port from 1 to 65535", text.value);
        report.at(SERVICES, text.line, message);
    }
    found
}

fn complain(result: Result<(), String>, line: usize, report: &mut Report) {
    if let Err(message) = result {
        report.at(SERVICES, line, message);
    }
}
