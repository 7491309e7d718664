//! Attacks from the address and port of a dead connection of a service, whose tag the kernel still has.

use anyhow::ensure;
use gate_host::Role;
use gate_tests::{Held, Host, OUTSIDE, attacker::Outcome, left_out, shared};
use std::fs;

/// The ways of somebody else to the ledger, from the port of web's dead connection.
struct Heir {
    what: &'static str,
    from: &'static str,
    to: &'static str,
    socket: Held,
}

/// Who is not governed, with a socket that no hook saw being made.
fn heir(host: &mut Host, what: &'static str, ends: (&'static str, &'static str)) -> anyhow::Result<Heir> {
    let (from, to) = ends;
    let kind: &[&str] = if what == "mptcp" { &["--mptcp"] } else { &[] };
    let socket = host.keep(OUTSIDE, &[&["later", to, from], kind].concat())?;
    ensure!(socket.opened.worked_with("made"), "{what}: {}", socket.opened);
    Ok(Heir { what, from, to, socket })
}

#[test]
fn p15_who_has_no_state_inherits_no_tag() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::prepare()?;
    // Made before the programs are there.
    let mut heirs = vec![
        heir(&mut host, "older than Gate", ("127.0.0.1:40011", "127.0.0.1:9000"))?,
        heir(&mut host, "older than Gate", ("[::1]:40012", "[::1]:9000"))?,
    ];
    host.start_roles(&Role::ALL)?;
    host.load_first()?;
    // MPTCP's connections are sockets that the kernel makes; a hook sees only the one that stands for all of them.
    if fs::read_to_string("/proc/sys/net/mptcp/enabled").is_ok_and(|text| text.trim() == "1") {
        heirs.push(heir(&mut host, "mptcp", ("127.0.0.1:40013", "127.0.0.1:9000"))?);
    }
    let mut dead = vec![];
    for heir in &heirs {
        let mut web = host.keep("web", &["later", heir.to, heir.from])?;
        let came = web.ask("web")?;
        ensure!(came.is("connect", "ECONNREFUSED"), "web, while nobody listens at {}: {came}", heir.to);
        dead.push(web);
    }
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service("ledger", &[&attacker, "echo", "[::]:9000"])?;
    host.wait_for_listener("ledger", 9000)?;
    for heir in &mut heirs {
        let came = heir.socket.ask("inherited")?;
        ensure!(
            matches!(&came, Outcome::Refused { call, .. } if call == "connect"),
            "{} to {}: {came}",
            heir.what,
            heir.to
        );
    }
    let log = fs::read_to_string(host.path("logs/ledger.log"))?;
    ensure!(!log.contains("accepted"), "the ledger took somebody for web: {log}");
    // From there the ledger can be reached, by who may.
    drop(dead);
    drop(heirs);
    let came = host.attempt("web", &["connect", "127.0.0.1:9000", "--from", "127.0.0.1:40011"])?;
    ensure!(came.worked_with("echo hello"), "web, from the port of its dead connection: {came}");
    host.end();
    Ok(())
}

/// A port that web may reach.
const DOOR: &str = "\n[service.vault]\ncgroup = \"vault.service\"\nowner = \"team-finance\"\n\n\
                    [service.vault.port.door]\nlisten = \"tcp/9100\"\n";
const RULE: &str = "\n@id(\"web-opens-the-vault\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                    permit (principal == Service::\"web\", action == Action::\"connect\", resource == Port::\"vault:tcp/9100\");\n";

#[test]
fn p15_who_is_not_governed_is_not_taken_for_who_had_its_port() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let (from, to) = ("127.0.0.1:40014", "127.0.0.1:9100");
    let shop = host.policy.clone();
    host.publish(shop.clone().with("services.toml", DOOR).with("shop.cedar", RULE))?;
    let mut dead = host.keep("web", &["later", to, from])?;
    let came = dead.ask("web")?;
    // The port is nobody's again, and somebody of no service serves it.
    host.publish(shop)?;
    ensure!(came.is("connect", "ECONNREFUSED"), "web, at the vault, which is not there: {came}");
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service("free.scope", &[&attacker, "echo", to])?;
    host.wait_for_listener("free.scope", 9100)?;
    let came = host.keep(OUTSIDE, &["later", to, from])?.ask("nobody");
    host.stop_service("free.scope")?;
    let came = came?;
    ensure!(came.worked_with("echo nobody"), "a process of no service, from the port of web's dead connection: {came}");
    Ok(())
}
