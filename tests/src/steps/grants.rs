//! Step 5: what a compromised gate-proxy reaches. Everything here runs as gate-proxy's user in gate-proxy's cgroup.

use crate::{
    Host, ORDERS_PORT, Output, Report, at,
    attacker::{Outcome, grants::AFTER_THE_END},
    record::words,
    until,
};
use anyhow::Context as _;
use gate_host::Role;
use gate_record::Event;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    // What gate-proxy was granted before must have ended.
    until("the grants to end", || {
        Ok((*at(&host.operator().status(Role::Net)?, "/duty/live_grants") == 0).then_some(()))
    })?;
    let mark = host.mark()?;
    for address in ["127.0.0.1", "[::1]"] {
        let came = attack(host, address, "web", &["--no-grant"])?;
        let expected = format!("the proxy's cgroup to orders at {address} without a grant: EPERM");
        report.line(expected, connect(&came), is_eperm(&came));
    }
    forged(host, report)?;
    unreachable(host, report)?;
    granted(host, report)?;
    let refused = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Grant { why, .. } if entry.role == "net" && why.contains("gate grant"))
    })?;
    report.line("the record: gate-net refused a forged grant", words(refused.as_ref()), refused.is_some());
    Ok(())
}

fn forged(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for (keys, what, named) in [
        (["--authz-key"].as_slice(), "gate-authz alone signed", "gate assertion"),
        (&["--authn-key"], "gate-authn alone signed", "gate grant"),
    ] {
        let stolen = steal(host, keys)?;
        let came = attack(host, "127.0.0.1", "web", &stolen.iter().map(String::as_str).collect::<Vec<_>>())?;
        let refusal = at(&came, "/net/refused").as_str().unwrap_or_default().to_owned();
        report.line(format!("a grant that {what}: gate-net refuses it"), &refusal, refusal.contains(named));
        report.line(format!("a grant that {what}: EPERM"), connect(&came), is_eperm(&came));
    }
    Ok(())
}

/// Both keys stolen, and gate-net's own table still says no.
fn unreachable(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let stolen = steal(host, &["--authn-key", "--authz-key"])?;
    let words: Vec<&str> = stolen.iter().map(String::as_str).collect();
    let came = attack(host, "127.0.0.1", "batch", &words)?;
    let refusal = at(&came, "/net/refused").as_str().unwrap_or_default().to_owned();
    let right = refusal.contains("no rule lets") && is_eperm(&came);
    report.line("both keys stolen, for batch, which no rule lets to orders: refused, EPERM", refusal, right);
    Ok(())
}

fn granted(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let mark = host.mark()?;
    let stolen = steal(host, &["--authn-key", "--authz-key"])?;
    let mut given: Vec<&str> = stolen.iter().map(String::as_str).collect();
    let came = attack(host, "127.0.0.1", "web", &[given.as_slice(), &["--no-behalf"]].concat())?;
    let expected = "a good grant, without saying on whose behalf: EPERM";
    report.line(expected, connect(&came), at(&came, "/net/until_ms").is_u64() && is_eperm(&came));

    let nobody = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { why, source, .. }
            if source == "gate-proxy" && why.contains("did not say on whose behalf"))
    })?;
    report.line("the record: it did not say on whose behalf", words(nobody.as_ref()), nobody.is_some());

    given.push("--until-it-ends");
    let came = attack(host, "127.0.0.1", "web", &given)?;
    let works = at(&came, "/connect/worked").as_str().is_some_and(|text| text.contains("200"));
    report.line("a good grant: works", connect(&came), works);
    let (answers, last) = (at(&came, "/answers").as_u64().unwrap_or(0), at(&came, "/last_byte").as_i64());
    let happened = format!("{answers} answers, the last {} ms before the grant ended", -last.unwrap_or(i64::MAX));
    // The conversion between the two clocks is good to a few milliseconds.
    report.line(
        "no byte passes after it ends",
        happened,
        answers > 1 && last.is_some_and(|last| (-500..10).contains(&last)),
    );
    let expected = "the same connection afterwards: nothing comes back";
    report.line(expected, at(&came, "/ended").to_string(), *at(&came, "/ended/refused") == "read");
    let log = fs::read_to_string(host.path("services/orders/access.log")).context("reading nginx's log")?;
    let arrived = log.lines().filter(|line| line.contains(AFTER_THE_END)).count();
    let happened = format!("{arrived} of {} requests in nginx's log", log.lines().count());
    let right = arrived == 0 && log.contains("/orders/1");
    report.line("what is sent afterwards on another open connection does not arrive", happened, right);
    let expected = "a new connection afterwards: EPERM";
    report.line(expected, at(&came, "/afterwards").to_string(), *at(&came, "/afterwards/error") == "EPERM");
    Ok(())
}

/// Runs gate-attacker as gate-proxy's user in gate-proxy's cgroup.
fn attack(host: &mut Host, address: &str, source: &str, further: &[&str]) -> anyhow::Result<Value> {
    let tables = host.bundle()?.tables();
    let id = |name: &str| {
        tables.service_named(name).map(|service| service.id.0.to_string()).with_context(|| format!("no service {name}"))
    };
    let (source, destination) = (id(source)?, id("orders")?);
    let version = host.bundle()?.manifest().version().to_string();
    let (config, to) = (host.config().display().to_string(), format!("{address}:{ORDERS_PORT}"));
    let mut words = vec!["grant", "--config", &config, "--to", &to, "--source", &source];
    words.extend(["--destination", &destination, "--version", &version]);
    words.extend(further);
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let output = Output::of(&mut host.stand(Role::Proxy).command(attacker.as_str(), &words)?)?;
    serde_json::from_str(output.out.trim()).with_context(|| format!("gate-attacker said {:?}", output.text()))
}

/// The keys, where the attacker can read them: what a compromised role would sign for him.
fn steal(host: &Host, keys: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut words = Vec::new();
    for argument in keys {
        let role = argument.trim_start_matches("--").trim_end_matches("-key");
        let stolen: PathBuf = host.path("services").join(format!("stolen-{role}"));
        fs::copy(host.path("state").join(role).join("role.key"), &stolen)?;
        fs::set_permissions(&stolen, fs::Permissions::from_mode(0o644))?;
        words.extend([(*argument).to_owned(), stolen.display().to_string()]);
    }
    Ok(words)
}

fn connect(came: &Value) -> String {
    Outcome::from_json(&at(came, "/connect").to_string())
        .map_or_else(|| came.to_string(), |outcome| outcome.to_string())
}

fn is_eperm(came: &Value) -> bool {
    *at(came, "/connect/refused") == "connect" && *at(came, "/connect/error") == "EPERM"
}
