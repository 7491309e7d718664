//! Attacks by ways into the kernel that hooks might not see, or see otherwise than the kernel acts. The scripts are in
//! Perl, which every Debian has: there is no safe Rust for these calls.

use anyhow::{Context as _, ensure};
use gate_tests::{Host, LEDGER_PORT, ORDERS_PORT, OUTSIDE, Output, PROXY_PORT, Stand, left_out, shared};
use std::fs;

const URING: &str = include_str!("attacks_calls/uring.pl");
const CHANGING: &str = include_str!("attacks_calls/changing.pl");
const FRAME: &str = include_str!("attacks_calls/frame.pl");

const EPERM: &str = "1";
const EINVAL: &str = "22";
const EPROTONOSUPPORT: &str = "93";
const ECONNREFUSED: &str = "111";
const WORKED: &str = "0";

/// Runs a script in a service's place, and says what it printed.
fn perl(host: &mut Host, service: &str, script: &str, words: &[&str]) -> anyhow::Result<String> {
    let output = host.run(service, &[&["perl", "-e", script], words].concat())?;
    ensure!(output.succeeded(), "{service}, {words:?}: {}", output.text());
    Ok(output.out.trim().to_owned())
}

#[test]
fn p09_calls_through_io_uring_meet_the_same_hooks() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let cases: [(&str, &[&str], &str); 10] = [
        ("web", &["connect", "127.0.0.1", "9000"], WORKED),
        ("web", &["connect", "127.0.0.1", "7790"], EPERM),
        ("batch", &["connect", "127.0.0.1", "9000"], EPERM),
        (OUTSIDE, &["connect", "127.0.0.1", "7790"], ECONNREFUSED),
        (OUTSIDE, &["connect", "127.0.0.1", "9000"], EPERM),
        ("web", &["send", "127.0.0.1", "7790"], EPERM),
        // MPTCP; UDP-Lite.
        ("web", &["socket", "1", "262"], EPROTONOSUPPORT),
        ("web", &["socket", "2", "136"], EPERM),
        (OUTSIDE, &["bind", "127.0.0.9", "9000"], EPERM),
        (OUTSIDE, &["bind", "127.0.0.9", "7790"], WORKED),
    ];
    let first = perl(host, OUTSIDE, URING, &["inline", "bind", "127.0.0.9", "7790"])?;
    if first == "no io_uring" {
        eprintln!("nothing was tried: this kernel has no io_uring, or it is turned off");
        return Ok(());
    }
    // Before Linux 6.11 there is no bind() in it.
    let tried = |words: &[&str]| first != EINVAL || words.first() != Some(&"bind");
    // In the calling thread, and in one that the kernel makes.
    for how in ["inline", "worker"] {
        for (source, words, right) in cases.into_iter().filter(|(_, words, _)| tried(words)) {
            let came = perl(host, source, URING, &[&[how], words].concat())?;
            ensure!(came == right, "{source}, {how}, {words:?}: error {came}, {right} is right");
        }
    }
    Ok(())
}

#[test]
fn p10_an_address_that_changes_while_it_is_looked_at() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service(OUTSIDE, &[&attacker, "echo", "127.0.0.1:7790"])?;
    host.wait_for_listener(OUTSIDE, 7790)?;
    let came = perl(host, "web", CHANGING, &["9000", "7790", "5"])?;
    let log = fs::read_to_string(host.path(&format!("logs/{OUTSIDE}.log")))?;
    host.stop_service(OUTSIDE)?;
    let counts: Vec<u32> = came.split(' ').map(str::parse).collect::<Result<_, _>>().context(came)?;
    let [let_through, refused, elsewhere] = counts[..] else { anyhow::bail!("{counts:?}") };
    ensure!(elsewhere == 0 && !log.contains("accepted"), "web got to 7790 {elsewhere} times");
    // That the address did change.
    ensure!(let_through >= 50 && refused >= 50, "{let_through} were let, {refused} refused: nothing was raced");
    Ok(())
}

#[test]
fn p19_frames_that_go_past_what_leaving_packets_meet() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut administrator = host.stand_of(OUTSIDE);
    (administrator.uid, administrator.gid, administrator.capabilities) = (0, 0, &["net_admin"]);
    // A frame has no route yet, and such addresses are not expected of a device.
    let open = "for all in all lo; do cd /proc/sys/net/ipv4/conf/$all;
                echo 1 > accept_local; echo 1 > route_localnet; echo 0 > rp_filter; done";
    let opened = Output::of(&mut administrator.command("sh", &["-ec", open])?)?;
    ensure!(opened.succeeded(), "{}", opened.text());
    let ledger = host.installed("gate-ledger")?.display().to_string();
    host.start_service(OUTSIDE, &[ledger.as_str(), "7777"])?;
    host.wait_for_listener(OUTSIDE, 7777)?;
    let answer = frame(host.stand_of(OUTSIDE), 40_031, 7777)?;
    host.stop_service(OUTSIDE)?;
    ensure!(answer == "SYN-ACK", "a port of no service answers {answer}");
    for port in [LEDGER_PORT, ORDERS_PORT, PROXY_PORT] {
        let answer = frame(host.stand_of(OUTSIDE), 40_032, port)?;
        ensure!(answer != "SYN-ACK", "a frame to port {port} is answered with {answer}");
    }
    Ok(())
}

/// The answer to a frame of a process with `CAP_NET_RAW`.
fn frame(mut stand: Stand, from: u16, port: u16) -> anyhow::Result<String> {
    (stand.uid, stand.gid, stand.capabilities) = (0, 0, &["net_raw"]);
    let output = Output::of(&mut stand.command("perl", &["-e", FRAME, &from.to_string(), &port.to_string()])?)?;
    ensure!(output.succeeded(), "{}", output.text());
    Ok(output.out.trim().to_owned())
}
