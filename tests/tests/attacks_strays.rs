//! Attacks from the wire: the host's own address, somewhere else. Whoever is there pretends to be a service of this host.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_record::Event;
use gate_tests::{Host, OUTSIDE, Output, Process, Stand, attacker::Outcome, left_out, record::words, until};
use std::{fs, path::Path, process::Command};

/// The network device between this host and the other, by number.
const DEVICE: u32 = 77;

/// The host's own addresses, all on `own0`; the other has them, too, behind `out0`.
const HOST: &str = "
    for all in all default; do echo 0 > /proc/sys/net/ipv6/conf/$all/accept_dad; done
    ip link add own0 type veth peer name own1
    ip link add out0 index 77 type veth peer name in0
    ip link set in0 netns \"$1\"
    for device in own0 own1 out0; do ip link set $device up; done
    ip -6 addr add fe80::aaaa/64 dev own0 nodad
    ip -6 addr add 2001:db8:1::1/128 dev own0 nodad
    ip addr add 192.0.2.7/32 dev own0
    ip -6 addr add fe80::bbbb/64 dev out0 nodad
    ip -6 addr add 2001:db8:2::1/64 dev out0 nodad
    ip addr add 198.51.100.1/24 dev out0
    ip -6 route add default dev out0
    ip route add default dev out0";
const OTHER: &str = "
    for all in all default in0; do echo 0 > /proc/sys/net/ipv6/conf/$all/accept_dad; done
    for device in lo in0; do ip link set $device up; done
    # A kernel without segment routing has no such file.
    for all in all in0; do echo 1 > /proc/sys/net/ipv6/conf/$all/seg6_enabled || true; done
    ip -6 addr add fe80::aaaa/64 dev in0 nodad
    ip -6 addr add 2001:db8:1::1/128 dev in0 nodad
    ip -6 addr add 2001:db8:2::2/64 dev in0 nodad
    ip addr add 192.0.2.7/32 dev in0
    ip addr add 198.51.100.2/24 dev in0";

/// Connects to the host's own address with a routing header, which needs no privilege: the first hop is the other host.
/// (In Perl, which every Debian has: there is no safe Rust for this option.) The last line that it prints is the answer.
const ROUTED: &str = r#"
    use strict; use Socket qw(:all);
    my ($port) = @ARGV;
    my $address = sub { inet_pton(AF_INET6, $_[0]) };
    socket(my $socket, AF_INET6, SOCK_STREAM, 0) or die "socket: $!";
    bind($socket, pack_sockaddr_in6(0, $address->("2001:db8:2::1"))) or die "bind: $!";
    # Next header, length, type 4, segments left, last entry, flags, tag; the last segment is filled in by the kernel.
    my $header = pack("C6n", 0, 4, 4, 1, 1, 0, 0) . $address->("::") . $address->("2001:db8:2::2");
    setsockopt($socket, 41, 57, $header) or die "setsockopt: $!";
    $SIG{ALRM} = sub { die "no answer" };
    alarm 2;
    connect($socket, pack_sockaddr_in6($port, $address->("2001:db8:1::1"))) or die "connect: $!";
    syswrite($socket, "hello\n") or die "write: $!";
    print scalar readline($socket);"#;

fn sh(words: &[&str]) -> anyhow::Result<()> {
    let (program, arguments) = words.split_first().context("no command")?;
    let output = Output::of(Command::new(program).args(arguments))?;
    ensure!(output.succeeded(), "{}", output.text());
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Another host: a network namespace, joined to the first by a pair of devices.
fn other_host(host: &mut Host) -> anyhow::Result<Stand> {
    let (here, there) = (host.stand_of(OUTSIDE).netns, host.path("other-netns"));
    fs::write(&there, "")?;
    sh(&["unshare", "--net", "mount", "--bind", "/proc/self/ns/net", &text(&there)])?;
    let enter = |netns: &Path| format!("--net={}", text(netns));
    sh(&["nsenter", &enter(&here), "sh", "-euc", HOST, "sh", &text(&there)])?;
    sh(&["nsenter", &enter(&there), "sh", "-euc", OTHER])?;
    Ok(Stand { netns: there, ..host.stand_of(OUTSIDE) })
}

/// A server there, as an attacker has it.
fn serve(host: &Host, other: &Stand, port: u16) -> anyhow::Result<Process> {
    let attacker = text(&host.installed("gate-attacker")?);
    let log = host.path(&format!("logs/other-{port}.log"));
    let at = format!("[::]:{port}");
    let mut process = Process::start("other", &mut other.command(attacker.as_str(), &["echo", &at])?, &log)?;
    until("the other host's server", || {
        process.check()?;
        Ok(fs::read_to_string(&log)?.contains("listening").then_some(()))
    })?;
    Ok(process)
}

/// The ways off the host that an unprivileged process has, to one port.
fn ways(port: u16) -> Vec<Vec<String>> {
    let way = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let scoped = format!("[fe80::aaaa%{DEVICE}]:{port}");
    let bound = format!("[fe80::bbbb%{DEVICE}]:0");
    vec![
        way(&["connect", &scoped]),
        way(&["connect", "--from", &bound, &scoped]),
        way(&["connect", "--from", &bound, &format!("[fe80::aaaa]:{port}")]),
        way(&["through", "out0", &format!("[2001:db8:1::1]:{port}"), "--from", "[2001:db8:2::1]:0"]),
        // The host drops answers from its own address; the way there is open nevertheless.
        way(&["through", "out0", &format!("192.0.2.7:{port}"), "--from", "198.51.100.1:0"]),
    ]
}

fn attempt(host: &mut Host, service: &str, way: &[String]) -> anyhow::Result<Outcome> {
    host.attempt(service, &way.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn p13_scope_ids_devices_and_routing_headers_lead_off_the_host() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::prepare()?;
    host.start_roles(&Role::ALL)?;
    // Before the bundle: gate-net reads the host's addresses when it puts one in force.
    let other = other_host(&mut host)?;
    host.load_first()?;
    host.start_services()?;
    let _servers = [serve(&host, &other, 9000)?, serve(&host, &other, 7777)?];

    let mut led_off = 0;
    for way in ways(7777) {
        // Who is not governed gets there: the way exists.
        let came = attempt(&mut host, OUTSIDE, &way)?;
        led_off += u32::from(came.worked_with("echo hello"));
        println!("not governed, {way:?}: {came}");
    }
    ensure!(led_off >= 4, "only {led_off} ways lead to the other host; nothing is shown by going them");
    let routed = host.run(OUTSIDE, &["perl", "-e", ROUTED, "7777"])?;
    let segments = fs::exists("/proc/sys/net/ipv6/conf/all/seg6_enabled")?;
    ensure!(routed.out.contains("echo hello") || !segments, "a routing header leads nowhere: {}", routed.text());
    for to in ["[2001:db8:1::1]:9000", "192.0.2.7:9000"] {
        let came = host.attempt("web", &["connect", to])?;
        ensure!(came.worked_with("booked 1"), "web, at the host's own {to}: {came}");
    }
    let mark = host.mark()?;
    let routed = host.run("web", &["perl", "-e", ROUTED, "9000"])?;
    let mut led_off = vec![];
    if routed.succeeded() {
        led_off.push(format!("a routing header: {}", routed.text()));
    }
    for way in ways(9000) {
        let came = attempt(&mut host, "web", &way)?;
        if !matches!(came, Outcome::Refused { .. }) {
            led_off.push(format!("{way:?}: {came}"));
        }
    }
    ensure!(led_off.is_empty(), "web got to the other host: {led_off:#?}");
    let log = fs::read_to_string(host.path("logs/other-9000.log"))?;
    ensure!(!log.contains("accepted") && !log.contains("got"), "the other host got something: {log}");
    let strayed = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { why, source, .. }
            if source == "web" && why.contains("would leave it"))
    })?;
    ensure!(strayed.is_some(), "{}", words(strayed.as_ref()));
    // And from there.
    let attacker = text(&host.installed("gate-attacker")?);
    let output = Output::of(&mut other.command(attacker.as_str(), &["connect", "198.51.100.1:9000"])?)?;
    let came = Outcome::from_json(&output.out).with_context(|| output.text())?;
    ensure!(matches!(came, Outcome::Refused { .. }), "the other host, at the ledger: {came}");
    host.end();
    Ok(())
}

/// The other host has an address of this one, and sends what a dead connection of web's left the kernel ready for.
#[test]
fn p15_a_segment_from_outside_with_a_services_tag_arrives_nowhere() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::prepare()?;
    host.start_roles(&Role::ALL)?;
    let other = other_host(&mut host)?;
    host.load_first()?;
    let (from, to) = ("[2001:db8:1::1]:40021", "[2001:db8:2::1]:9000");
    let mut dead = host.keep("web", &["later", to, from])?;
    let came = dead.ask("hello")?;
    ensure!(came.is("connect", "ECONNREFUSED"), "web, while the ledger is not there: {came}");
    host.start_ledger()?;
    let mark = host.mark()?;
    let attacker = text(&host.installed("gate-attacker")?);
    let output = Output::of(&mut other.command(attacker.as_str(), &["connect", "--from", from, to])?)?;
    let came = Outcome::from_json(&output.out).with_context(|| output.text())?;
    ensure!(matches!(&came, Outcome::Refused { call, .. } if call == "connect"), "the other host: {came}");
    let strayed = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { why, source, hook, .. }
            if source == "web" && hook == "ingress" && why.contains("comes from outside"))
    })?;
    ensure!(strayed.is_some(), "{}", words(strayed.as_ref()));
    drop(dead);
    let came = host.attempt("web", &["connect", "--from", from, to])?;
    ensure!(came.worked_with("booked 1"), "web, by the same addresses, inside: {came}");
    host.end();
    Ok(())
}
