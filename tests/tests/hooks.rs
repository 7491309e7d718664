//! Ways around hooks that do not see everything. Numbers are rows of the list of known bypasses.

use anyhow::{Context as _, ensure};
use gate_tests::{Host, LEDGER_PORT, ORDERS_PORT, OUTSIDE, Output, PROXY_PORT, attacker::Outcome, left_out, shared};
use std::net::SocketAddr;

const LEDGER: &str = "127.0.0.1:9000";
const ORDERS: &str = "127.0.0.1:8080";

/// Runs gate-attacker as root, in a service's cgroup, with these capabilities only.
fn as_root(host: &mut Host, service: &str, caps: &'static [&'static str], words: &[&str]) -> anyhow::Result<Outcome> {
    let mut stand = host.stand_of(service);
    (stand.uid, stand.gid, stand.capabilities) = (0, 0, caps);
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let output = Output::of(&mut stand.command(attacker.as_str(), words)?)?;
    Outcome::from_json(&output.out).with_context(|| format!("gate-attacker said {:?}", output.text()))
}

/// The answer to a SYN made by hand, by a process of no service.
fn syn(host: &mut Host, from: &str, to: &str) -> anyhow::Result<String> {
    match as_root(host, OUTSIDE, &["net_raw"], &["syn", from, to])? {
        Outcome::Worked(answer) => Ok(answer),
        refused @ Outcome::Refused { .. } => anyhow::bail!("{refused}"),
    }
}

#[test]
fn p02_tcp_fast_open() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let came = host.attempt("batch", &["fast-open", LEDGER])?;
    ensure!(came.is("sendto", "EPERM"), "batch: {came}");
    let came = host.attempt("web", &["fast-open", LEDGER])?;
    ensure!(came.worked_with("booked 1"), "web, which may: {came}");
    Ok(())
}

#[test]
fn p03_p04_p05_other_transports_than_tcp() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for service in ["web", "batch", "orders"] {
        let came = host.attempt(service, &["socket", "mptcp"])?;
        ensure!(came.is("socket", "EPROTONOSUPPORT"), "{service}, MPTCP: {came}");
        for kind in ["udplite", "sctp", "dccp"] {
            let came = host.attempt(service, &["socket", kind])?;
            ensure!(matches!(came, Outcome::Refused { .. }), "{service}, {kind}: {came}");
        }
        let came = host.attempt(service, &["datagram", "127.0.0.1:9000"])?;
        ensure!(came.is("sendto", "EPERM"), "{service}, UDP: {came}");
        let came = host.attempt(service, &["socket", "tcp"])?;
        ensure!(came.worked_with("made"), "{service}, TCP: {came}");
    }
    let came = host.attempt(OUTSIDE, &["socket", "mptcp"])?;
    ensure!(!came.is("socket", "EPERM"), "a process of no service is not governed: {came}");
    let came = host.attempt(OUTSIDE, &["socket", "udplite"])?;
    ensure!(came.worked_with("made"), "a process of no service is not governed: {came}");
    Ok(())
}

#[test]
fn p06_raw_sockets_of_a_governed_service() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let came = as_root(host, "web", &["net_raw"], &["socket", "raw"])?;
    ensure!(came.is("socket", "EPERM"), "web with CAP_NET_RAW: {came}");
    let came = as_root(host, OUTSIDE, &["net_raw"], &["socket", "raw"])?;
    ensure!(came.worked_with("made"), "a process of no service: {came}");
    Ok(())
}

#[test]
fn p08_one_address_has_many_spellings() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for address in ["0.0.0.0", "127.0.0.2", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[::ffff:127.8.9.10]"] {
        let to = format!("{address}:{LEDGER_PORT}");
        let came = host.attempt("batch", &["connect", &to])?;
        ensure!(came.is("connect", "EPERM"), "batch at {to}: {came}");
        let came = host.attempt("web", &["connect", &to])?;
        ensure!(came.worked_with("booked 1"), "web, which may, at {to}: {came}");
    }
    for address in ["[::]", "[::ffff:0.0.0.0]", "[64:ff9b::7f00:1]"] {
        for port in [ORDERS_PORT, PROXY_PORT] {
            let came = host.attempt("batch", &["connect", &format!("{address}:{port}")])?;
            ensure!(came.is("connect", "EPERM"), "batch at {address}:{port}: {came}");
        }
    }
    Ok(())
}

#[test]
fn p12_a_socket_that_connects_again() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for then in ["127.0.0.1:15001", "192.0.2.1:9000"] {
        let came = host.attempt("web", &["again", LEDGER, then])?;
        ensure!(came.is("connect", "EPERM"), "web to the ledger, then to {then}: {came}");
    }
    let came = host.attempt("web", &["again", LEDGER, LEDGER])?;
    ensure!(came.worked_with("booked 1"), "web to the ledger twice: {came}");
    Ok(())
}

#[test]
fn p13_p45_addresses_of_the_host_that_gate_does_not_know_yet() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut stand = host.stand_of(OUTSIDE);
    (stand.uid, stand.gid, stand.capabilities) = (0, 0, &["net_admin"]);
    let added = Output::of(&mut stand.command("ip", &["addr", "replace", "198.51.100.7/32", "dev", "lo"])?)?;
    ensure!(added.succeeded(), "adding an address: {}", added.text());
    for port in [LEDGER_PORT, ORDERS_PORT, PROXY_PORT] {
        let to = format!("198.51.100.7:{port}");
        for source in [OUTSIDE, "batch"] {
            let came = host.attempt(source, &["connect", &to])?;
            ensure!(matches!(came, Outcome::Refused { .. }), "{source} at {to}: {came}");
        }
    }
    Ok(())
}

#[test]
fn p15_segments_made_by_hand_with_no_tag_or_a_stale_one() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    // That an answer would be seen: a listener of nobody's.
    let attacker = host.installed("gate-ledger")?.display().to_string();
    host.start_service(OUTSIDE, &[attacker.as_str(), "7777"])?;
    host.wait_for_listener(OUTSIDE, 7777)?;
    let answer = syn(host, "127.0.0.1:40001", "127.0.0.1:7777")?;
    ensure!(answer == "SYN-ACK", "a port of no service answers {answer}");

    for port in [LEDGER_PORT, ORDERS_PORT, PROXY_PORT] {
        let answer = syn(host, "127.0.0.1:40002", &format!("127.0.0.1:{port}"))?;
        ensure!(answer != "SYN-ACK", "without a tag, port {port} answers {answer}");
    }
    // web's own connection, closed: its tag must be gone with it.
    for to in [LEDGER, ORDERS] {
        let came = host.attempt("web", &["connect", to, "--from", "127.0.0.1:40003"])?;
        ensure!(!came.is("connect", "EPERM"), "web to {to}: {came}");
        let answer = syn(host, "127.0.0.1:40003", to)?;
        ensure!(answer != "SYN-ACK", "with the stale tag of web's connection, {to} answers {answer}");
    }
    // The proxy's connections to nginx, closed with the proxy.
    let answer = host.request("web", "GET", "http://127.0.0.1:8080/orders/1")?;
    ensure!(answer.status == Some(200), "{}", answer.text());
    let ports = upstream_ports(host)?;
    ensure!(!ports.is_empty(), "the proxy has no connection to nginx");
    host.kill_role(gate_host::Role::Proxy)?;
    for port in ports {
        let answer = syn(host, &format!("127.0.0.1:{port}"), ORDERS)?;
        ensure!(answer != "SYN-ACK", "with the stale tag of the proxy's port {port}, nginx answers {answer}");
    }
    host.start_roles(&[gate_host::Role::Proxy])?;
    host.stop_service(OUTSIDE)
}

#[test]
fn p15_the_tag_of_a_connection_that_nobody_accepted() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    host.stop_service("ledger")?;
    let came = host.attempt("web", &["connect", LEDGER, "--from", "127.0.0.1:40004"])?;
    host.start_ledger()?;
    ensure!(came.is("connect", "ECONNREFUSED"), "web to the ledger, which is not there: {came}");
    let answer = syn(host, "127.0.0.1:40004", LEDGER)?;
    ensure!(answer != "SYN-ACK", "with the stale tag of that attempt, the ledger answers {answer}");
    Ok(())
}

/// Ports from which somebody is connected to orders: the proxy's, as no client is connected now.
fn upstream_ports(host: &Host) -> anyhow::Result<Vec<u16>> {
    let pid = host.pid_of(gate_host::Role::Proxy).context("no proxy")?;
    let mut ports = Vec::new();
    for file in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{file}"))?;
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(remote), Some(state)) = (words.get(1), words.get(2), words.get(3)) else { continue };
            if *state == "01" && remote.ends_with(&format!(":{ORDERS_PORT:04X}")) {
                let port = local.rsplit_once(':').context("no port")?.1;
                ports.push(u16::from_str_radix(port, 16)?);
            }
        }
    }
    Ok(ports)
}

#[test]
fn p18_ports_that_the_kernel_chooses() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut stand = host.stand_of(OUTSIDE);
    (stand.uid, stand.gid, stand.capabilities) = (0, 0, &["net_admin"]);
    let range = |low: u16, high: u16| format!("echo {low} {high} > /proc/sys/net/ipv4/ip_local_port_range");
    for declared in [ORDERS_PORT, LEDGER_PORT, PROXY_PORT] {
        let (low, high) = (declared - 2, declared + 2);
        let set = Output::of(&mut stand.command("sh", &["-c", &range(low, high)])?)?;
        ensure!(set.succeeded(), "setting the range: {}", set.text());
        for source in [OUTSIDE, "batch"] {
            let came = host.attempt(source, &["autobind", "8"])?;
            let Outcome::Worked(ports) = &came else { anyhow::bail!("{source}: {came}") };
            let ports: Vec<u16> = ports.split_whitespace().filter_map(|port| port.parse().ok()).collect();
            ensure!(!ports.is_empty(), "{source} got no port of {low}-{high}");
            ensure!(!ports.contains(&declared), "{source} got {declared} of {ports:?}, which a service declares");
        }
    }
    let set = Output::of(&mut stand.command("sh", &["-c", &range(32768, 60999)])?)?;
    ensure!(set.succeeded(), "setting the range back: {}", set.text());
    Ok(())
}

#[test]
fn p18_bind_gets_no_declared_port_from_the_kernel_even_where_none_is_reserved() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let reserved = ports_of_the_kernel(host, "cat ip_local_reserved_ports")?;
    ensure!(reserved.contains("9000"), "the ledger's port is not reserved: {reserved}");
    host.stop_service("ledger")?;
    // A free one shows that there is something to get.
    ports_of_the_kernel(host, "echo > ip_local_reserved_ports; echo 7780 7780 > ip_local_port_range")?;
    let free = any_port(host);
    ports_of_the_kernel(host, "echo 9000 9000 > ip_local_port_range")?;
    let declared = any_port(host);
    let back = format!("echo {reserved} > ip_local_reserved_ports; echo 32768 60999 > ip_local_port_range");
    ports_of_the_kernel(host, &back)?;
    host.start_ledger()?;
    for (at, source, came) in free? {
        ensure!(came.worked_with("7780"), "{source} binds {at}, where 7780 is free: {came}");
    }
    for (at, source, came) in declared? {
        ensure!(came.is("bind", "EPERM"), "{source} binds {at}, where the ledger's port alone is left: {came}");
    }
    Ok(())
}

/// Changes or reads the network namespace's choice of ports, as its administrator.
fn ports_of_the_kernel(host: &mut Host, script: &str) -> anyhow::Result<String> {
    let mut stand = host.stand_of(OUTSIDE);
    (stand.uid, stand.gid, stand.capabilities) = (0, 0, &["net_admin"]);
    let script = format!("cd /proc/sys/net/ipv4 && {script}");
    let came = Output::of(&mut stand.command("sh", &["-ec", &script])?)?;
    ensure!(came.succeeded(), "{script}: {}", came.text());
    Ok(came.out.trim().to_owned())
}

/// Several bind port 0, which is whatever the kernel chooses.
fn any_port(host: &mut Host) -> anyhow::Result<Vec<(&'static str, &'static str, Outcome)>> {
    let mut all = vec![];
    for at in ["127.0.0.9:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        for source in [OUTSIDE, "batch"] {
            all.push((at, source, host.attempt(source, &["bind", at])?));
        }
    }
    Ok(all)
}

#[test]
fn p21_datagrams_of_a_service_over_a_socket_that_is_nobodys() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    // The packet is nobody's by its socket; only the call shows who sends it.
    for to in ["127.0.0.1:7790", "[::ffff:127.0.0.1]:7790", "[::1]:7790"] {
        let came = host.borrow_datagram(OUTSIDE, "free.scope", to)?;
        ensure!(came.worked_with("sent"), "a process of no service, to {to}: {came}");
        let came = host.borrow_datagram(OUTSIDE, "web", to)?;
        ensure!(came.is("sendto", "EPERM"), "web, to {to}: {came}");
        let came = host.borrow_datagram("web", OUTSIDE, to)?;
        ensure!(came.is("sendto", "EPERM"), "a process of no service with web's socket, to {to}: {came}");
    }
    Ok(())
}

#[test]
fn p27_a_declared_port_is_its_services_alone() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for port in [ORDERS_PORT, LEDGER_PORT, PROXY_PORT] {
        for address in ["127.0.0.1", "127.0.0.9", "0.0.0.0", "[::]", "[::1]", "[::ffff:127.0.0.1]"] {
            let at = format!("{address}:{port}");
            at.parse::<SocketAddr>()?;
            for source in [OUTSIDE, "batch", "web"] {
                for reuse in [false, true] {
                    let words: &[&str] = if reuse { &["bind", &at, "--reuse"] } else { &["bind", &at] };
                    let came = host.attempt(source, words)?;
                    ensure!(came.is("bind", "EPERM"), "{source} binds {at}, reuse {reuse}: {came}");
                }
            }
        }
    }
    let came = host.attempt(OUTSIDE, &["bind", "127.0.0.1:7780"])?;
    ensure!(came.worked_with("7780"), "a port that nobody declared: {came}");
    let came = host.attempt("orders", &["bind", "127.0.0.9:8080", "--reuse"])?;
    ensure!(!came.is("bind", "EPERM"), "orders binds its own: {came}");
    Ok(())
}
