//! Policies with many rules, as a grown host has them.

use crate::Policy;
use std::fmt::Write as _;

/// Rules that the shop's policy has.
pub const SHOP: usize = 3;
/// Most services that connect, and that are connected to.
const CLIENTS: usize = 200;
const SERVERS: usize = 50;
/// Where the servers' ports begin.
const PORTS: usize = 10_000;

/// The shop's policy with so many rules in all, each of a pair of its own among many services.
#[must_use]
pub fn rules(shop: Policy, count: usize) -> Policy {
    let added = count.saturating_sub(SHOP);
    shop.with("services.toml", &services(added)).with("grown.cedar", &cedar(added))
}

fn services(rules: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for client in 0..rules.min(CLIENTS) {
        let _ =
            writeln!(text, "\n[service.c{client}]\ncgroup = \"grown.slice/c{client}.service\"\nowner = \"team-grown\"");
    }
    for server in 0..SERVERS {
        let port = PORTS + server;
        let _ =
            writeln!(text, "\n[service.s{server}]\ncgroup = \"grown.slice/s{server}.service\"\nowner = \"team-grown\"");
        let _ = writeln!(text, "[service.s{server}.port.main]\nlisten = \"tcp/{port}\"");
    }
    text
}

fn cedar(rules: usize) -> String {
    let mut text = String::new();
    for rule in 0..rules {
        let (client, server) = pair(rule);
        let _ = writeln!(
            text,
            "@id(\"grown-{rule}\") @reason(\"a grown host\") @ticket(\"OPS-{rule}\")\n\
             permit (principal == Service::\"c{client}\", action == Action::\"connect\", \
             resource == Port::\"s{server}:tcp/{}\");",
            PORTS + server
        );
    }
    text
}

/// The pair of a rule; no two have the same below 10,000.
pub(super) fn pair(rule: usize) -> (usize, usize) {
    let (client, turn) = (rule % CLIENTS, rule / CLIENTS);
    (client, (client + turn * 11) % SERVERS)
}
