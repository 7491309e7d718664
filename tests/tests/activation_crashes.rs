//! Activation in two phases across the processes, and crashes within it: whoever dies at whatever point, no flow and no
//! request is served by a mix of two bundles, and loading once more repairs everything.

mod activation_crashes {
    pub mod probe;
    pub mod tracer;
    pub mod trial;
}

use activation_crashes::trial::{Point, Trial};
use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_tests::{left_out, operator::ORDER, shared};
use rustix::process::Signal;

/// Kills a role at these points of one activation after another.
fn killed(role: Role, points: &[Point]) -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    for point in points {
        Trial::of(shared.host()?, role, *point).with_context(|| format!("gate-{role} killed {point}"))?;
    }
    Ok(())
}

/// Between whole calls of an operator.
const BETWEEN: [Point; 4] = [Point::BeforeStaging, Point::Staged, Point::Switched, Point::Alone];

/// Where each role writes the new bundle down: before gate-authz's confirmation is kept, before the chain has the bundle,
/// before the copy of the bundle in force is replaced, and at the very end, once it is.
const WRITING: [Point; 4] =
    [Point::During("rename", 1), Point::During("rename", 2), Point::During("rename", 3), Point::During("unlink", 1)];

#[test]
fn gate_authz_killed() -> anyhow::Result<()> {
    killed(Role::Authz, &BETWEEN)?;
    killed(Role::Authz, &WRITING)
}

#[test]
fn gate_authn_killed() -> anyhow::Result<()> {
    killed(Role::Authn, &BETWEEN)?;
    killed(Role::Authn, &WRITING)
}

#[test]
fn gate_audit_killed() -> anyhow::Result<()> {
    killed(Role::Audit, &BETWEEN)?;
    killed(Role::Audit, &WRITING)
}

#[test]
fn gate_proxy_killed() -> anyhow::Result<()> {
    killed(Role::Proxy, &BETWEEN)?;
    killed(Role::Proxy, &WRITING)
}

#[test]
fn gate_net_killed() -> anyhow::Result<()> {
    killed(Role::Net, &BETWEEN)?;
    killed(Role::Net, &WRITING)
}

/// Where gate-net fills the kernel's tables: before anything is written, while the copy that is not in force is, before
/// anybody has his new identity, and before the last one has.
#[test]
fn gate_net_killed_while_it_fills_the_kernel() -> anyhow::Result<()> {
    let filling = ["membarrier:1", "bpf:5", "statx:1", "getdents64:1"];
    let points: Vec<Point> = filling
        .iter()
        .filter_map(|point| {
            let (call, number) = point.split_once(':')?;
            Some(Point::During(call, number.parse().ok()?))
        })
        .collect();
    killed(Role::Net, &points)
}

/// Everything is staged, and nobody ever says "switch".
#[test]
fn gatectl_killed_before_the_first_switch() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut trial = Trial::begin(host)?;
    trial.host.signal_role(Role::Net, Signal::STOP)?;
    let loading = trial.host.start_loading(&trial.next)?;
    trial.until_staged(Role::Proxy)?;
    loading.kill()?;
    trial.host.signal_role(Role::Net, Signal::CONT)?;
    trial.host.stage_everywhere(&trial.next)?;
    let seen = trial.look("after gatectl's end")?;
    ensure!(seen.is_all_of(trial.from), "staging changed something: {seen}");
    trial.repaired(&[])
}

/// gatectl has had some roles switched, and is killed while it waits for the next one.
#[test]
fn gatectl_killed_between_two_switches() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    for held_up in [Role::Authn, Role::Audit, Role::Proxy, Role::Net] {
        let host = shared.host()?;
        between_two_switches(Trial::begin(host)?, held_up).with_context(|| format!("waiting for gate-{held_up}"))?;
    }
    Ok(())
}

fn between_two_switches(mut trial: Trial<'_>, held_up: Role) -> anyhow::Result<()> {
    let before = ORDER.iter().position(|role| *role == held_up).and_then(|index| ORDER.get(index.checked_sub(1)?));
    let before = *before.context("somebody switches before")?;
    // gate-net is the last to stage. While it is stopped, so is gatectl.
    trial.host.signal_role(Role::Net, Signal::STOP)?;
    let loading = trial.host.start_loading(&trial.next)?;
    trial.until_staged(Role::Proxy)?;
    if held_up == Role::Net {
        // It has to stage first: gatectl is held up by gate-proxy meanwhile.
        trial.host.signal_role(Role::Proxy, Signal::STOP)?;
        trial.host.signal_role(Role::Net, Signal::CONT)?;
        trial.until_switched(Role::Audit)?;
        trial.host.signal_role(Role::Net, Signal::STOP)?;
        trial.host.signal_role(Role::Proxy, Signal::CONT)?;
    } else {
        trial.host.signal_role(held_up, Signal::STOP)?;
        trial.host.signal_role(Role::Net, Signal::CONT)?;
    }
    trial.until_switched(before)?;
    trial.look("while gatectl waits")?;
    loading.kill()?;
    trial.host.signal_role(held_up, Signal::CONT)?;
    trial.look("after gatectl's end")?;
    trial.repaired(&[])
}
