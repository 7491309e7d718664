//! Attacks on what a flip leaves alone: open connections whose port has another owner or another way now, and cgroups
//! that were a service's.

use anyhow::ensure;
use gate_record::{Entry, Event, Outcome as Recorded};
use gate_tests::{Host, LEDGER_PORT, Policy, attacker::Outcome, left_out, record::Mark, shared};
use std::{fs, net::SocketAddr};

const LEDGER: &str = "127.0.0.1:9000";

/// The shop, with the port for `vault`, and another for the ledger. web may connect to both.
fn moved(shop: &Policy) -> anyhow::Result<Policy> {
    let vault = "\n[service.vault]\ncgroup = \"vault.service\"\nowner = \"team-finance\"\n\n\
                 [service.vault.port.door]\nlisten = \"tcp/9000\"\n";
    let rule = "\n@id(\"web-opens-the-vault\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                permit (principal == Service::\"web\", action == Action::\"connect\", resource == Port::\"vault:tcp/9000\");\n";
    let shop = shop.clone().replace("services.toml", "listen = \"tcp/9000\"", "listen = \"tcp/9100\"")?;
    let shop = shop.replace("shop.cedar", "ledger:tcp/9000", "ledger:tcp/9100")?;
    shop.with("services.toml", vault).with("shop.cedar", rule).without_cases()
}

/// The shop, where the ledger speaks HTTP, and web may read there.
fn proxied(shop: &Policy) -> anyhow::Result<Policy> {
    let http = "listen = \"tcp/9000\"\nprotocol = \"http\"\n\n[service.ledger.port.journal.route]\n\
                read = { match = \"GET /journal\" }\n";
    let shop = shop.clone().replace("services.toml", "listen = \"tcp/9000\"\n", http)?;
    let (old, new) = (
        "action == Action::\"connect\", resource == Port::\"ledger:tcp/9000\"",
        "action == Action::\"ledger.read\", resource == Service::\"ledger\"",
    );
    shop.replace("shop.cedar", old, new)?.without_cases()
}

/// The ledger's place is taken by a server that says what reaches it.
fn ledger_that_tells(host: &mut Host) -> anyhow::Result<()> {
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.stop_service("ledger")?;
    host.start_service("ledger", &[&attacker, "echo", &format!("[::]:{LEDGER_PORT}")])?;
    host.wait_for_listener("ledger", LEDGER_PORT)
}

fn reached_the_ledger(host: &Host, line: &str) -> anyhow::Result<bool> {
    Ok(fs::read_to_string(host.path("logs/ledger.log"))?.contains(&format!("got {line}")))
}

fn changed(entry: &Entry) -> bool {
    matches!(&entry.report.event, Event::Flow { outcome: Recorded::Deny, source, why, .. }
        if source == "web" && why.contains("the port belongs to another service now"))
}

/// An open connection web → ledger, and the flip to `policy`: not a byte after it.
fn cut_by(host: &mut Host, policy: Policy, word: &str) -> anyhow::Result<()> {
    let shop = host.policy.clone();
    let mut held = host.hold_plain("web", LEDGER.parse::<SocketAddr>()?)?;
    let before = format!("before-{word}");
    let came = held.ask(&before)?;
    ensure!(came.worked_with(&before) && reached_the_ledger(host, &before)?, "before the flip: {came}");
    let mark: Mark = host.mark()?;
    host.publish(policy)?;
    let after = format!("after-{word}");
    let came = held.ask(&after)?;
    let reached = reached_the_ledger(host, &after)?;
    let entry = host.entry_after(mark, changed)?;
    host.publish(shop)?;
    ensure!(matches!(came, Outcome::Refused { .. }), "an answer on the old connection: {came}");
    ensure!(!reached, "the old owner of the port got a byte");
    ensure!(entry.is_some(), "the record does not say why the connection was cut");
    Ok(())
}

#[test]
fn flip_moves_a_port_to_another_service() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    ledger_that_tells(host)?;
    let policy = moved(&host.policy)?;
    cut_by(host, policy, "moved")
}

#[test]
fn flip_puts_the_proxy_before_a_port() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    ledger_that_tells(host)?;
    let policy = proxied(&host.policy)?;
    cut_by(host, policy, "proxied")
}

/// The negative of the two above: a flip that changes nothing about a flow cuts nothing.
#[test]
fn flip_that_changes_nothing_lets_a_connection_live() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    ledger_that_tells(host)?;
    let mut held = host.hold_plain("web", LEDGER.parse::<SocketAddr>()?)?;
    let shop = host.policy.clone();
    host.publish(shop.clone().with("shop.cedar", "\n// A remark.\n"))?;
    let came = held.ask("still-here")?;
    host.publish(shop)?;
    ensure!(came.worked_with("still-here"), "web, on its connection: {came}");
    Ok(())
}

#[test]
fn flip_gives_a_service_another_cgroup() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    ledger_that_tells(host)?;
    // Made while they are web's.
    let places = ["web.service", "web.service/below", "web.service/below/that"];
    for place in places {
        let came = host.attempt(place, &["connect", LEDGER])?;
        ensure!(came.worked_with("echo hello"), "{place}, while it is web: {came}");
    }
    let shop = host.policy.clone();
    host.publish(shop.clone().replace("services.toml", "\"web.service\"", "\"other.service\"")?)?;
    let mark = host.mark()?;
    let tried = no_longer_web(host, &places);
    let said = host.entries(mark)?;
    let came = host.attempt("other.service", &["connect", LEDGER])?;
    host.publish(shop)?;
    tried?;
    let web = said.iter().find(|entry| matches!(&entry.report.event, Event::Flow { source, .. } if source == "web"));
    ensure!(web.is_none(), "the record takes somebody for web: {web:?}");
    ensure!(came.worked_with("echo hello"), "web, in its new cgroup: {came}");
    Ok(())
}

fn no_longer_web(host: &mut Host, places: &[&str]) -> anyhow::Result<()> {
    let mark = host.mark()?;
    // The last one is made after the flip.
    for place in places.iter().copied().chain(["web.service/later"]) {
        let came = host.attempt(place, &["connect", LEDGER])?;
        ensure!(came.is("connect", "EPERM"), "{place}, which was web: {came}");
    }
    // What the test reads next is in the log once these are.
    let entry = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { outcome: Recorded::Deny, destination, .. }
            if destination == "ledger")
    })?;
    ensure!(entry.is_some(), "the record does not name the denied connections");
    Ok(())
}
