//! What is open while something changes.

use anyhow::ensure;
use gate_host::Role;
use gate_tests::{LEDGER_PORT, ORDERS_PORT, OUTSIDE, attacker::Outcome, left_out, shared, until};
use std::fs;

#[test]
fn p01_an_open_connection_under_a_stricter_policy() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let (before, policy) = (host.policy.clone(), host.policy.clone());
    let mut flow = host.hold_plain("web", format!("127.0.0.1:{LEDGER_PORT}").parse()?)?;
    let mut session = host.hold("web", format!("127.0.0.1:{ORDERS_PORT}").parse()?)?;
    let came = flow.ask("one")?;
    ensure!(came.worked_with("booked 1: one"), "before: {came}");
    let came = session.ask("GET /orders/1")?;
    ensure!(came.worked_with("200"), "before: {came}");

    let stricter = policy
        .replace(
            "shop.cedar",
            "permit (principal == Service::\"web\", action == Action::\"connect\"",
            "permit (principal == Service::\"batch\", action == Action::\"connect\"",
        )?
        .replace(
            "shop.cedar",
            "permit (principal == Service::\"web\", action in",
            "permit (principal == Service::\"batch\", action in",
        )?
        .without_cases()?;
    host.publish(stricter)?;
    let came = flow.ask("two")?;
    ensure!(came.is("read", "EAGAIN") || came.is("write", "EPERM"), "after the flip, to the ledger: {came}");
    let came = session.ask("GET /orders/1")?;
    ensure!(!came.worked_with("200"), "after the flip, to orders: {came}");
    let came = host.attempt("batch", &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    ensure!(came.worked_with("booked 1"), "batch, whom the new policy lets: {came}");

    host.publish(before)?;
    let came = host.attempt("web", &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    ensure!(came.worked_with("booked 1"), "web again: {came}");
    Ok(())
}

#[test]
fn p01_sockets_that_are_older_than_the_policy_that_governs_their_service() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let attacker = host.installed("gate-attacker")?;
    host.start_service("echo.scope", &[attacker.as_os_str(), "echo-udp".as_ref(), "127.0.0.1:7790".as_ref()])?;
    host.start_service(OUTSIDE, &[attacker.as_os_str(), "echo".as_ref(), "127.0.0.1:7791".as_ref()])?;
    host.wait_for_listener(OUTSIDE, 7791)?;
    // late.service is nobody yet, and so are its peers: nothing but the sender's own packets can be judged.
    let mut datagrams = host.hold_udp("late", "127.0.0.1:7790".parse()?)?;
    until("the echo", || Ok(datagrams.ask("one")?.worked_with("one").then_some(())))?;
    let mut flow = host.hold_plain("late", "127.0.0.1:7791".parse()?)?;
    let came = flow.ask("one")?;
    ensure!(came.worked_with("echo one"), "before: {came}");

    let before = host.policy.clone();
    let governed =
        before.clone().with("services.toml", "\n[service.late]\ncgroup = \"late.service\"\nowner = \"team-shop\"\n");
    host.publish(governed)?;
    let came = datagrams.ask("two")?;
    ensure!(matches!(came, Outcome::Refused { .. }), "a connected UDP socket: {came}");
    let came = flow.ask("two")?;
    ensure!(matches!(came, Outcome::Refused { .. }), "a TCP connection: {came}");
    // No answer is not enough: nothing may have arrived.
    for place in ["echo.scope", OUTSIDE] {
        let log = fs::read_to_string(host.path("logs").join(format!("{place}.log")))?;
        ensure!(log.contains("got one") && !log.contains("got two"), "{place} saw: {log}");
    }
    drop((datagrams, flow));
    host.stop_service("echo.scope")?;
    host.stop_service(OUTSIDE)?;
    host.publish(before)
}

#[test]
fn p30_programs_stay_while_the_loader_runs_again() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut flow = host.hold_plain("web", format!("127.0.0.1:{LEDGER_PORT}").parse()?)?;
    let came = flow.ask("one")?;
    ensure!(came.worked_with("booked 1"), "before: {came}");
    host.start_roles(&[Role::Loader])?;
    for _ in 0..3 {
        let came = host.attempt("batch", &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
        ensure!(came.is("connect", "EPERM"), "batch: {came}");
    }
    let came = flow.ask("two")?;
    ensure!(came.worked_with("booked 2"), "a connection that was open: {came}");
    let answer = host.request("web", "GET", "http://127.0.0.1:8080/orders/1")?;
    ensure!(answer.status == Some(200), "{}", answer.text());
    Ok(())
}

#[test]
fn p46_without_the_proxy_nothing_reaches_the_backend() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let answer = host.request("web", "GET", "http://127.0.0.1:8080/orders/1")?;
    ensure!(answer.status == Some(200), "before: {}", answer.text());
    let log = host.path("services/orders/access.log");
    host.kill_role(Role::Proxy)?;
    let before = fs::read_to_string(&log)?.lines().count();
    for source in ["web", "batch", gate_tests::OUTSIDE] {
        for address in ["127.0.0.1", "[::1]"] {
            let to = format!("{address}:{ORDERS_PORT}");
            let came = host.attempt(source, &["connect", &to, "--line", "GET /orders/1 HTTP/1.0\r\n"])?;
            ensure!(matches!(&came, Outcome::Refused { call, .. } if call == "connect"), "{source} at {to}: {came}");
        }
    }
    ensure!(fs::read_to_string(&log)?.lines().count() == before, "nginx answered somebody");
    host.start_roles(&[Role::Proxy])?;
    Ok(())
}
