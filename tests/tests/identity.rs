//! Who is who: sockets, processes, cgroups, and those who pretend.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_tests::{Host, LEDGER_PORT, ORDERS_PORT, OUTSIDE, Output, Stand, at, attacker::Outcome, left_out, shared};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const LEDGER: &str = "127.0.0.1:9000";

/// gate-attacker in any place.
fn attempt(host: &Host, stand: &Stand, words: &[&str]) -> anyhow::Result<Outcome> {
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let output = Output::of(&mut stand.command(attacker.as_str(), words)?)?;
    Outcome::from_json(&output.out).with_context(|| format!("gate-attacker said {:?}", output.text()))
}

#[test]
fn p20_a_socket_stays_its_creators() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let (mut web, mut batch) = (host.stand_of("web"), host.stand_of("batch"));
    for stand in [&mut web, &mut batch] {
        // Only root moves between cgroups.
        (stand.uid, stand.gid) = (0, 0);
        fs::create_dir_all(&stand.cgroup)?;
    }
    let path = |stand: &Stand| stand.cgroup.display().to_string();
    let came = attempt(host, &web, &["migrate", &path(&batch), LEDGER])?;
    ensure!(came.is("connect", "EPERM"), "made by web, connected by batch: {came}");
    let came = attempt(host, &batch, &["migrate", &path(&web), LEDGER])?;
    ensure!(came.is("connect", "EPERM"), "made by batch, connected by web: {came}");
    let came = attempt(host, &web, &["migrate", &path(&web), LEDGER])?;
    ensure!(came.worked_with("booked 1"), "made and connected by web: {came}");
    Ok(())
}

#[test]
fn p21_a_socket_that_was_given_away() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let cases = [("web", "batch", false), ("batch", "web", false), (OUTSIDE, "web", false), ("web", "web", true)];
    for (lender, borrower, allowed) in cases {
        let came = host.borrow(lender, borrower, LEDGER)?;
        let right = if allowed { came.worked_with("booked 1") } else { came.is("connect", "EPERM") };
        ensure!(right, "made by {lender}, connected by {borrower}: {came}");
    }
    Ok(())
}

#[test]
fn p24_nobody_is_exempt_by_user() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let orders = format!("127.0.0.1:{ORDERS_PORT}");
    let outside = host.stand_of(OUTSIDE).cgroup;
    for role in Role::ALL {
        let mut stand = host.stand(role);
        stand.cgroup.clone_from(&outside);
        stand.private_network = false;
        for to in [orders.as_str(), LEDGER] {
            let came = attempt(host, &stand, &["connect", to])?;
            ensure!(came.is("connect", "EPERM"), "gate-{role}'s user outside of its cgroup, to {to}: {came}");
        }
    }
    let words = ["grant", "--config", &host.config().display().to_string(), "--to", &orders, "--source", "1"];
    let further = ["--destination", "1", "--version", "1", "--no-grant"];
    let mut stand = host.stand(Role::Proxy);
    stand.cgroup = outside;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let output = Output::of(&mut stand.command(attacker.as_str(), &[words.as_slice(), &further].concat())?)?;
    let refused = output.out.contains("\"refused\":\"setsockopt\"") && output.out.contains("EPERM");
    ensure!(refused, "the proxy's user outside of its cgroup says on whose behalf: {}", output.text());
    Ok(())
}

#[test]
fn p25_the_first_instruction_of_a_service() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let net = rustix::process::Pid::from_raw(host.pid_of(Role::Net).context("no gate-net")?.try_into()?);
    let net = net.context("no gate-net")?;
    // User space that knows nothing in time, as on a busy machine.
    rustix::process::kill_process(net, rustix::process::Signal::STOP)?;
    let tried = first_instructions(host);
    rustix::process::kill_process(net, rustix::process::Signal::CONT)?;
    tried
}

fn first_instructions(host: &mut Host) -> anyhow::Result<()> {
    for _ in 0..10 {
        for (service, allowed) in [("batch", false), ("web", true)] {
            host.remove_cgroup(service)?;
            let came = host.attempt(service, &["connect", LEDGER])?;
            let right = if allowed { came.worked_with("booked 1") } else { came.is("connect", "EPERM") };
            ensure!(right, "{service}, in a cgroup that was just made: {came}");
        }
    }
    Ok(())
}

#[test]
fn p2a_cgroups_of_version_1_are_nobodys() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mount = host.path("v1");
    fs::create_dir_all(&mount)?;
    let mut command = Command::new("mount");
    command.args(["-t", "cgroup", "-o", "none,name=gate-tests", "none"]).arg(&mount);
    let mounted = Output::of(&mut command)?;
    ensure!(mounted.succeeded(), "mounting a v1 hierarchy: {}", mounted.text());
    let tried = with_v1(host, &mount);
    let unmounted = Output::of(Command::new("umount").arg(&mount))?;
    ensure!(unmounted.succeeded(), "unmounting it: {}", unmounted.text());
    tried
}

/// Directories at the very paths of services, in a v1 hierarchy.
fn with_v1(host: &mut Host, mount: &Path) -> anyhow::Result<()> {
    let tree = mount.join(host.cgroups().file_name().context("no name")?);
    let count = |host: &Host| anyhow::Ok(at(&host.operator().status(Role::Net)?, "/duty/cgroups").clone());
    let before = count(host)?;
    let made: Vec<PathBuf> = ["", "web.service", "batch.service", "gate.slice", "gate.slice/gate-proxy.service"]
        .map(|path| tree.join(path))
        .into();
    let mut tried = made.iter().try_for_each(|path| Ok(fs::create_dir_all(path)?));
    if tried.is_ok() {
        tried = count(host).and_then(|after| {
            ensure!(before == after, "the kernel knows {after} cgroups, {before} before the v1 ones were made");
            Ok(())
        });
    }
    // A v1 id is small: it may be that of a cgroup2 cgroup that is governed.
    let came = host.attempt("web", &["connect", LEDGER])?;
    for path in made.iter().rev() {
        fs::remove_dir(path)?;
    }
    ensure!(came.worked_with("booked 1"), "web: {came}");
    let after = host.attempt("web", &["connect", LEDGER])?;
    ensure!(after.worked_with("booked 1"), "web, after the v1 cgroups were removed: {after}");
    tried
}

#[test]
fn what_was_a_services_cgroup_is_forgotten_when_it_is_removed() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let known = |host: &Host| anyhow::Ok(at(&host.operator().status(Role::Net)?, "/duty/cgroups").as_u64());
    host.remove_cgroup("batch")?;
    let before = known(host)?.context("gate-net does not say how many cgroups it knows")?;
    for _ in 0..3 {
        fs::create_dir(host.stand_of("batch").cgroup)?;
        ensure!(
            known(host)? == Some(before + 1),
            "batch's cgroup was made: {:?} are known, {before} before",
            known(host)?
        );
        host.remove_cgroup("batch")?;
        ensure!(known(host)? == Some(before), "and removed: {:?} are known, {before} before", known(host)?);
    }
    Ok(())
}

#[test]
fn p2b_paths_that_look_like_a_services() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let long = "x".repeat(120);
    let tricks = [
        "outside.scope/web.service".to_owned(),
        "web.service.evil".to_owned(),
        "web.servic".to_owned(),
        "outside.scope/user@1000.service/web.service".to_owned(),
        format!("{long}.scope/{long}.scope/web.service"),
        "batch.service/web.service".to_owned(),
    ];
    for path in tricks {
        let came = host.attempt(&path, &["connect", LEDGER])?;
        ensure!(came.is("connect", "EPERM"), "in {path}: {came}");
    }
    // And what is below web is web, however it is called.
    for path in ["web.service/batch.service".to_owned(), format!("web.service/{long}/{long}/{long}.scope")] {
        let came = host.attempt(&path, &["connect", LEDGER])?;
        ensure!(came.worked_with("booked 1"), "in {path}: {came}");
    }
    Ok(())
}

#[test]
fn p2c_the_kernel_attests_to_gate_authn_alone() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    // In the ledger's place, where connections of web have a peer that the kernel knows.
    host.stop_service("ledger")?;
    let attacker = host.installed("gate-attacker")?.display().to_string();
    host.start_service("ledger", &[&attacker, "peer", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    host.wait_for_listener("ledger", LEDGER_PORT)?;
    let came = host.attempt("web", &["connect", LEDGER])?;
    host.stop_service("ledger")?;
    host.start_ledger()?;
    ensure!(came.worked_with("getsockopt") && came.worked_with("EOPNOTSUPP"), "the ledger asks for its peer: {came}");
    Ok(())
}
