//! Attacks with listeners that were something else before, and from cgroups deep below a service's.

use anyhow::{Context as _, ensure};
use gate_tests::{Host, LEDGER_PORT, OUTSIDE, attacker::Outcome, left_out, shared};
use std::fs;

const LEDGER: &str = "127.0.0.1:9000";

/// `relisten` as web; what processes of no service get of it.
fn listens_again(host: &mut Host, port: u16, dissolve: bool) -> anyhow::Result<()> {
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let at = format!("127.0.0.1:{port}");
    let mut words = vec![attacker.as_str(), "relisten", &at, LEDGER];
    words.extend(dissolve.then_some("--dissolve"));
    let read = |host: &Host| fs::read_to_string(host.path("logs/web.log")).unwrap_or_default();
    let before = read(host).len();
    host.start_service("web", &words)?;
    host.wait_for_listener("web", port)?;
    // Data in the third ACK, and data in the SYN.
    let came = [host.attempt(OUTSIDE, &["connect", &at])?, host.attempt(OUTSIDE, &["fast-open", &at])?];
    let log = read(host).split_off(before);
    host.stop_service("web")?;
    ensure!(log.contains("listening"), "web did not listen: {log}");
    for came in came {
        ensure!(matches!(came, Outcome::Refused { .. }), "a client of web's undeclared port {port}: {came}");
    }
    ensure!(!log.contains("accepted") && !log.contains("got"), "web, on a port that it does not declare: {log}");
    Ok(())
}

#[test]
fn a_listener_that_was_connected_once() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    // Who is not governed may, which shows that it works otherwise.
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service(OUTSIDE, &[&attacker, "relisten", "127.0.0.1:7780", "127.0.0.1:7790"])?;
    host.wait_for_listener(OUTSIDE, 7780)?;
    let came = host.attempt("free.scope", &["connect", "127.0.0.1:7780"])?;
    ensure!(came.worked_with("echo hello"), "a listener of no service: {came}");

    let dissolved = listens_again(host, 7781, true);
    host.stop_service("ledger")?;
    let refused = listens_again(host, 7782, false);
    host.start_ledger()?;
    dissolved.context("ended by AF_UNSPEC")?;
    refused.context("refused")
}

#[test]
fn cgroups_three_deep_in_a_service_are_the_service() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for service in ["web", "batch"] {
        let root = host.stand_of(service).cgroup;
        for number in 0..100 {
            fs::create_dir_all(root.join(format!("{number}/two/three")))?;
        }
    }
    for number in [0, 50, 99] {
        let place = |service: &str| format!("{service}.service/{number}/two/three");
        let came = host.attempt(&place("web"), &["connect", LEDGER])?;
        ensure!(came.worked_with("booked 1"), "{}, which is web: {came}", place("web"));
        for to in ["127.0.0.1:15001", "127.0.0.1:7790", "192.0.2.1:9000"] {
            let came = host.attempt(&place("web"), &["connect", to])?;
            ensure!(came.is("connect", "EPERM"), "{}, which is web, at {to}: {came}", place("web"));
        }
        let came = host.attempt(&place("web"), &["bind", &format!("127.0.0.1:{LEDGER_PORT}"), "--reuse"])?;
        ensure!(came.is("bind", "EPERM"), "{}, which is web, takes the ledger's port: {came}", place("web"));
        let came = host.attempt(&place("batch"), &["connect", LEDGER])?;
        ensure!(came.is("connect", "EPERM"), "{}, which is batch: {came}", place("batch"));
    }
    Ok(())
}
