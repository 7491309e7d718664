//! Issuers: which ports they are named by, and on which channel.

use crate::diagnostic::Report;
use crate::services::{Declarations, Port};
use crate::source::SERVICES;
use crate::spelling::suggestion;
use std::collections::BTreeMap;

pub(super) fn check(declarations: &Declarations, report: &mut Report) {
    let mut named: BTreeMap<&str, (String, &Port)> = BTreeMap::new();
    for (service, port_name, port) in ports(declarations) {
        let Some(issuer) = port.issuer.as_deref() else { continue };
        if !declarations.issuers.contains_key(issuer) {
            let hint = suggestion(issuer, declarations.issuers.keys().map(String::as_str));
            let message =
                format!("{service}.{port_name} has the issuer \"{issuer}\", which no [issuer.{issuer}] declares{hint}");
            report.at(SERVICES, port.line, message);
            continue;
        }
        let this = format!("{service}.{port_name}");
        let (other, first) = named.entry(issuer).or_insert_with(|| (this.clone(), port));
        if first.channel != port.channel {
            let message = format!(
                "issuer \"{issuer}\" is named by {this} ({}) and by {other} ({}, line {}); whoever administers has another \
                 issuer than whoever uses: declare one for each channel",
                port.channel.name(),
                first.channel.name(),
                first.line
            );
            report.at(SERVICES, port.line, message);
        }
    }
    twins(declarations, report);
}

fn ports(declarations: &Declarations) -> impl Iterator<Item = (&String, &String, &Port)> {
    let services = declarations.services.iter();
    services.flat_map(|(service, declared)| declared.ports.iter().map(move |(name, port)| (service, name, port)))
}

/// One token would be accepted as two issuers', with the claims of either.
fn twins(declarations: &Declarations, report: &mut Report) {
    let issuers: Vec<_> = declarations.issuers.iter().collect();
    for (index, (name, one)) in issuers.iter().enumerate() {
        for (other_name, other) in issuers.iter().take(index) {
            let shared = one.issuer.audiences.iter().find(|audience| other.issuer.audiences.contains(audience));
            if let Some(audience) = shared.filter(|_| one.issuer.url == other.issuer.url) {
                let message = format!(
                    "issuers \"{name}\" and \"{other_name}\" (line {}) both take tokens of {} for \"{audience}\"; \
                     a token is of one issuer: give each its own audience",
                    other.line, one.issuer.url
                );
                report.at(SERVICES, one.line, message);
            }
        }
    }
}
