//! Attacks with sockets that are older than the governance of who made them.

use anyhow::ensure;
use gate_common::limits::NESTED;
use gate_host::Role;
use gate_tests::{Host, ORDERS_PORT, OUTSIDE, attacker::Outcome, left_out};
use std::{fs, net::SocketAddr};

/// A port that nobody declares, served by a process of no service.
const FREE: &str = "127.0.0.1:7777";

fn reached(host: &Host, line: &str) -> anyhow::Result<bool> {
    Ok(fs::read_to_string(host.path(&format!("logs/{OUTSIDE}.log")))?.contains(&format!("got {line}")))
}

#[test]
fn older_than_governance() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::prepare()?;
    host.start_roles(&Role::ALL)?;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service(OUTSIDE, &[&attacker, "echo", FREE])?;
    host.wait_for_listener(OUTSIDE, 7777)?;
    // Nothing is in force yet: web is nobody, and so is orders.
    let to: SocketAddr = FREE.parse()?;
    let (mut web, mut later) = (host.hold_plain("web", to)?, host.hold_plain("later", to)?);
    let mut below = host.hold_plain("web.service/below/that", to)?;
    for held in [&mut web, &mut later, &mut below] {
        let came = held.ask("before")?;
        ensure!(came.worked_with("echo before"), "before the first bundle: {came}");
    }
    host.start_orders()?;
    host.wait_for_listener("orders", ORDERS_PORT)?;
    host.load_first()?;

    let came = web.ask("after-the-first")?;
    ensure!(matches!(came, Outcome::Refused { .. }), "web, on a connection that is older than the bundle: {came}");
    let came = below.ask("after-the-first")?;
    ensure!(matches!(came, Outcome::Refused { .. }), "the same, in a cgroup below web's: {came}");
    ensure!(!reached(&host, "after-the-first")?, "web's byte arrived");
    let came = later.ask("not-yet-governed")?;
    ensure!(came.worked_with("echo not-yet-governed"), "who is not declared is not governed: {came}");

    let mut orders = host.hold("web", SocketAddr::from(([127, 0, 0, 1], ORDERS_PORT)))?;
    let came = orders.ask("GET /orders/1")?;
    ensure!(came.worked_with("200"), "orders, whose listener is older than the bundle, through gate-proxy: {came}");
    let came = orders.ask("DELETE /orders/1")?;
    ensure!(came.worked_with("403"), "and gate-proxy decides: {came}");
    let came = host.attempt(OUTSIDE, &["connect", &format!("127.0.0.1:{ORDERS_PORT}")])?;
    ensure!(came.is("connect", "EPERM"), "straight at it: {came}");

    let declared = "\n[service.later]\ncgroup = \"later.service\"\nowner = \"team-shop\"\n";
    host.publish(host.policy.clone().with("services.toml", declared))?;
    let came = later.ask("after-the-second")?;
    ensure!(
        matches!(came, Outcome::Refused { .. }),
        "later, on a connection that is older than its governance: {came}"
    );
    ensure!(!reached(&host, "after-the-second")?, "later's byte arrived");
    host.end();
    Ok(())
}

/// In a cgroup for which the table of nested ones had no place: only its ancestors say whose it is.
#[test]
fn older_than_governance_and_nested_beyond_what_is_noted() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::prepare()?;
    let many = host.cgroups().join("web.service/many");
    fs::create_dir_all(&many)?;
    for number in 0..=NESTED {
        fs::create_dir(many.join(number.to_string()))?;
    }
    host.start_roles(&Role::ALL)?;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service(OUTSIDE, &[&attacker, "echo", FREE])?;
    host.wait_for_listener(OUTSIDE, 7777)?;
    // gate-net notes them in the order of their numbers; the first and the last are not both noted.
    let mut held = vec![];
    for number in [0, NESTED] {
        let mut one = host.hold_plain(&format!("web.service/many/{number}"), FREE.parse()?)?;
        let came = one.ask("before")?;
        ensure!(came.worked_with("echo before"), "before the first bundle, cgroup {number}: {came}");
        held.push((number, one));
    }
    host.load_first()?;
    for (number, one) in &mut held {
        let came = one.ask("after")?;
        ensure!(
            matches!(came, Outcome::Refused { .. }),
            "web, in nested cgroup {number}, on its old connection: {came}"
        );
    }
    ensure!(!reached(&host, "after")?, "web's byte arrived");
    drop(held);
    host.end();
    Ok(())
}
