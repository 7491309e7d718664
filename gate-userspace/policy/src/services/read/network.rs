//! `[network.NAME]`: addresses outside the host.

use super::{complain, endpoint, owner};
use crate::diagnostic::Report;
use crate::document::{Found, Section};
use crate::names;
use crate::services::{Network, keys};
use crate::source::SERVICES;
use gate_tables::Prefix;
use std::collections::BTreeSet;

pub(super) fn network(name: &str, section: &Section<'_>, report: &mut Report) -> Network {
    section.only(&keys::NETWORK, report);
    complain(names::check_party_name("network", name), section.line, report);
    let environment = section.string("environment", report);
    if let Some(environment) = &environment {
        complain(names::check_name("environment", environment.value), environment.line, report);
    }
    let ports = section.strings("ports", report);
    Network {
        line: section.line,
        owner: owner(section, "\"team-network\"", report),
        environment: environment.map(|environment| environment.value.to_owned()),
        addresses: addresses(name, section, report),
        ports: ports.iter().filter_map(|port| endpoint("ports", port, report)).collect(),
    }
}

fn addresses(name: &str, section: &Section<'_>, report: &mut Report) -> BTreeSet<Prefix> {
    let found = section.strings("addresses", report);
    if found.is_empty() {
        let message = format!("network \"{name}\" has no addresses; write addresses = [\"10.0.0.0/8\", \"fd00::/8\"]");
        report.at(SERVICES, section.line, message);
    }
    let mut blocks: Vec<Prefix> = Vec::new();
    for text in found {
        let Some(block) = address(&text, report) else { continue };
        if let Some(other) = blocks.iter().find(|other| other.holds(&block) || block.holds(other)) {
            let message =
                format!("addresses = \"{}\" overlaps \"{other}\" of the same network; write one of them", text.value);
            report.at(SERVICES, text.line, message);
        }
        blocks.push(block);
    }
    blocks.into_iter().collect()
}

fn address(text: &Found<&str>, report: &mut Report) -> Option<Prefix> {
    let block = Prefix::parse(text.value).map_err(|error| error.to_string());
    let block = block.map_err(|error| report.at(SERVICES, text.line, format!("addresses: {error}"))).ok()?;
    // What comes from this host is of the process that sent it.
    let inside = |host: &str| Prefix::parse(host).is_ok_and(|host| host.holds(&block));
    if inside("127.0.0.0/8") || inside("::1") || inside("0.0.0.0") || inside("::") {
        let message = format!(
            "addresses = \"{}\" is of this host; its processes are services or Host::\"self\", and a network is outside",
            text.value
        );
        report.at(SERVICES, text.line, message);
    }
    Some(block)
}
