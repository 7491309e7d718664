//! From `cases.toml` to cases.

use super::{Case, Expect, keys, moment};
use crate::context::User;
use crate::diagnostic::Report;
use crate::document::{Found, Section, read_document};
use crate::names::is_invisible;
use crate::source::{CASES, PolicySource};
use crate::spelling::suggestion;
use gate_tables::Value;

/// Reads `cases.toml`; a policy without one has no cases.
pub(crate) fn read(source: &PolicySource, report: &mut Report) -> Vec<Case> {
    let Some(text) = source.text(CASES, report) else { return Vec::new() };
    let cases = read_document(CASES, text, report, |root, report| {
        root.only(&keys::ROOT, report);
        let sections = root.list_of_sections("case", report);
        sections.iter().filter_map(|section| case(section, report)).collect()
    });
    cases.unwrap_or_default()
}

fn case(section: &Section<'_>, report: &mut Report) -> Option<Case> {
    section.only(&keys::CASE, report);
    let name = section.required_string("name", "\"web reads an order\"", report);
    if let Some(name) = name.as_ref().filter(|name| name.value.chars().any(is_invisible)) {
        report.at(
            CASES,
            name.line,
            format!("name = {:?} has invisible characters; write one line of text", name.value),
        );
    }
    let principal =
        section.required_string("principal", "\"web\" (a service, a network, \"host\" or \"world\")", report);
    let action = section.required_string("action", "\"orders.getOrder\" (or \"connect\")", report);
    let expect =
        section.required_string("expect", "\"allow\" or \"deny\"", report).and_then(|e| expectation(&e, report));
    let resource = section.string("resource", report);
    let port = section.string("port", report);
    let host = section.string("host", report).map(|host| host.value.to_owned());
    let rule = section.string("rule", report);
    Some(Case {
        line: section.line,
        params: values(section, "params", report),
        host: host.unwrap_or_default(),
        headers: values(section, "headers", report),
        query: values(section, "query", report),
        user: user(section, report),
        source_uid: source_uid(section, report),
        name: name?.value.to_owned(),
        principal: principal?.value.to_owned(),
        action: action?.value.to_owned(),
        resource: resource.map(|resource| resource.value.to_owned()),
        port: port.map(|port| port.value.to_owned()),
        now: now(section, report),
        expect: expect?,
        rule: rule.map(|rule| rule.value.to_owned()),
    })
}

fn values(section: &Section<'_>, key: &str, report: &mut Report) -> Vec<(String, Value)> {
    let values = section.section(key, report).map(|values| values.scalars(report)).unwrap_or_default();
    values.into_iter().map(|(name, value)| (name.to_owned(), value.value)).collect()
}

/// `user = { sub = "u1", role = "teller" }`: `sub`, and the claims.
fn user(section: &Section<'_>, report: &mut Report) -> Option<User> {
    let table = section.section("user", report)?;
    let sub = table.required_string("sub", "\"u1\"", report);
    let mut claims = Vec::new();
    for (name, value) in table.claims(report) {
        if name != "sub" {
            claims.push((name.to_owned(), value));
        }
    }
    Some(User { sub: sub.map(|sub| sub.value.to_owned()).unwrap_or_default(), claims })
}

/// When it is asked, in seconds since 1970.
fn now(section: &Section<'_>, report: &mut Report) -> i64 {
    let at = section.string("at", report);
    let now = section.integer("now", report);
    if section.has("at") && section.has("now") {
        let message = format!("both \"at\" and \"now\"{}; one of them says when", section.place());
        report.at(CASES, section.line, message);
    }
    let Some(at) = at else { return now.map_or(0, |now| now.value) };
    let seconds = moment::parse(at.value);
    if seconds.is_none() {
        let message = format!("at = {:?}; write a day and a time of UTC: \"2026-11-23 09:30\"", at.value);
        report.at(CASES, at.line, message);
    }
    seconds.unwrap_or_default()
}

fn expectation(expect: &Found<&str>, report: &mut Report) -> Option<Expect> {
    match expect.value {
        "allow" => Some(Expect::Allow),
        "deny" => Some(Expect::Deny),
        other => {
            report.at(CASES, expect.line, format!("expect = {other:?}{}", suggestion(other, ["allow", "deny"])));
            None
        }
    }
}

fn source_uid(section: &Section<'_>, report: &mut Report) -> Option<u32> {
    let source = section.section("source", report)?;
    source.only(&keys::SOURCE, report);
    let uid = source.integer("uid", report)?;
    let number = u32::try_from(uid.value).ok();
    if number.is_none() {
        report.at(CASES, uid.line, format!("uid = {}; a Unix user id is a number of 32 bits", uid.value));
    }
    number
}
