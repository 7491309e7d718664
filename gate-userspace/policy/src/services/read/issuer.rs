//! `[issuer.NAME]`: who vouches for users.

use super::complain;
use crate::diagnostic::Report;
use crate::document::{Found, Section};
use crate::names;
use crate::services::{DeclaredIssuer, keys};
use crate::source::SERVICES;
use crate::spelling::suggestion;
use gate_tables::{Algorithm, Claim, ClaimKind, Issuer, Roles};

/// Checked of every token, whatever a policy says; `sub` is in every `context.user`.
const OWN: [&str; 5] = ["sub", "iss", "aud", "exp", "nbf"];
const KINDS: [(&str, ClaimKind); 4] = [
    ("string", ClaimKind::String),
    ("int", ClaimKind::Int),
    ("bool", ClaimKind::Bool),
    ("strings", ClaimKind::Strings),
];

pub(super) fn issuer(name: &str, section: &Section<'_>, report: &mut Report) -> DeclaredIssuer {
    section.only(&keys::ISSUER, report);
    complain(names::check_name("issuer", name), section.line, report);
    let url = section.required_string("url", "\"https://login.example\" (the tokens' iss)", report);
    if let Some(url) = url.as_ref().filter(|url| !is_https(url.value)) {
        report.at(SERVICES, url.line, format!("url = {:?}; write the issuer's https:// address", url.value));
    }
    let claims = claims(section, report);
    let issuer = Issuer {
        name: name.to_owned(),
        url: url.map(|url| url.value.to_owned()).unwrap_or_default(),
        audiences: texts(section, "audiences", "the tokens' aud: \"payments\"", report),
        algorithms: algorithms(section, report),
        keys: keys_at(section, report).unwrap_or_default(),
        roles: roles(section, &claims, report),
        claims,
    };
    DeclaredIssuer { line: section.line, issuer }
}

fn is_https(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or_default();
    !host.is_empty() && !host.starts_with('/') && url.chars().all(|c| c.is_ascii_graphic())
}

/// Where its keys are.
fn keys_at(section: &Section<'_>, report: &mut Report) -> Option<String> {
    let keys =
        section.required_string("keys", "\"https://login.example/jwks.json\" (or the path of a file)", report)?;
    if !is_https(keys.value) && !names::is_normal_path(keys.value) {
        let message = format!("keys = {:?}; write an https:// address or the absolute path of a file", keys.value);
        report.at(SERVICES, keys.line, message);
    }
    Some(keys.value.to_owned())
}

/// A list of at least one text, sorted.
fn texts(section: &Section<'_>, key: &str, what: &str, report: &mut Report) -> Vec<String> {
    let found = section.strings(key, report);
    if found.is_empty() {
        report.at(SERVICES, section.line, format!("\"{key}\" is missing{}; list {what}", section.place()));
    }
    for text in found.iter().filter(|text| text.value.is_empty() || text.value.chars().any(names::is_invisible)) {
        report.at(SERVICES, text.line, format!("{key} = {:?}; write visible text", text.value));
    }
    let mut texts: Vec<String> = found.into_iter().map(|text| text.value.to_owned()).collect();
    texts.sort_unstable();
    texts
}

fn algorithms(section: &Section<'_>, report: &mut Report) -> Vec<Algorithm> {
    let found = section.strings("algorithms", report);
    if found.is_empty() {
        let message = format!("\"algorithms\" is missing{}; list those of its keys: \"ES256\"", section.place());
        report.at(SERVICES, section.line, message);
    }
    let mut algorithms: Vec<Algorithm> = found.iter().filter_map(|name| algorithm(name, report)).collect();
    algorithms.sort_unstable();
    algorithms
}

fn algorithm(name: &Found<&str>, report: &mut Report) -> Option<Algorithm> {
    let known = Algorithm::ALL.iter().find(|(known, _)| *known == name.value);
    if known.is_none() {
        let hint = if name.value.starts_with("HS") {
            " has a shared secret: whoever checks tokens could make them; use one with a public key, as \"ES256\""
                .into()
        } else if name.value.eq_ignore_ascii_case("none") {
            " is no signature; write one, as \"ES256\"".into()
        } else {
            suggestion(name.value, Algorithm::ALL.iter().map(|(known, _)| *known))
        };
        report.at(SERVICES, name.line, format!("algorithms = {:?}{hint}", name.value));
    }
    known.map(|(_, algorithm)| *algorithm)
}

fn claims(section: &Section<'_>, report: &mut Report) -> Vec<Claim> {
    let Some(table) = section.section("claims", report) else { return Vec::new() };
    let mut claims = Vec::new();
    for (name, text) in table.texts(report) {
        complain(names::check_attribute("claim", name), text.line, report);
        if OWN.contains(&name) {
            let message = match name {
                "sub" => "claim \"sub\" is in every user already, as a string; remove it".to_owned(),
                _ => format!("claim \"{name}\" is checked of every token and not for rules; remove it"),
            };
            report.at(SERVICES, text.line, message);
        }
        let (kind, optional) = text.value.strip_suffix('?').map_or((text.value, false), |kind| (kind, true));
        match KINDS.iter().find(|(known, _)| *known == kind) {
            Some((_, kind)) => claims.push(Claim { name: name.to_owned(), kind: *kind, optional }),
            None => {
                let hint = suggestion(kind, KINDS.iter().map(|(known, _)| *known));
                let message =
                    format!("claim {name} = {:?}{hint} (with \"?\" at the end: it may be missing)", text.value);
                report.at(SERVICES, text.line, message);
            }
        }
    }
    claims.sort_unstable();
    claims
}

fn roles(section: &Section<'_>, claims: &[Claim], report: &mut Report) -> Option<Roles> {
    let table = section.section("roles", report)?;
    table.only(&keys::ROLES, report);
    let values = texts(&table, "values", "every role: \"teller\"", report);
    let claim = table.required_string("claim", "\"role\"", report)?;
    match claims.iter().find(|known| known.name == claim.value) {
        None => {
            let hint = suggestion(claim.value, claims.iter().map(|claim| claim.name.as_str()));
            report.at(
                SERVICES,
                claim.line,
                format!("roles are of claim {:?}, which is not in claims{hint}", claim.value),
            );
        }
        Some(Claim { kind: ClaimKind::String | ClaimKind::Strings, .. }) => {}
        Some(_) => {
            let message =
                format!("roles are of claim \"{}\"; a claim of roles is \"string\" or \"strings\"", claim.value);
            report.at(SERVICES, claim.line, message);
        }
    }
    Some(Roles { claim: claim.value.to_owned(), values })
}
