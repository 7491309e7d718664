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
use gate_tests::{Host, left_out, operator::ORDER};
use rustix::process::Signal;

/// A host of its own for each test: what one leaves behind when it fails is not the next one's failure.
fn on_a_host(test: impl FnOnce(&mut Host) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::start()?;
    let result = test(&mut host).with_context(|| host.logs());
    host.end();
    result
}

/// Kills a role at these points of one activation after another.
fn killed(role: Role, points: &[Point]) -> anyhow::Result<()> {
    on_a_host(|host| {
        let each = |point: &Point| Trial::of(host, role, *point).with_context(|| format!("gate-{role} killed {point}"));
        points.iter().try_for_each(each)
    })
}

/// Between whole calls of an operator, and where each role writes the new bundle down: before gate-authz's confirmation is
/// kept, before the chain has the bundle, before the copy of the bundle in force is replaced, and once it is.
fn points() -> Vec<Point> {
    let between = [Point::BeforeStaging, Point::Staged, Point::Switched, Point::Alone];
    let writing = [("rename", 1), ("rename", 2), ("rename", 3), ("unlink", 1)];
    between.into_iter().chain(writing.map(|(call, number)| Point::During(call, number))).collect()
}

#[test]
fn gate_authz_killed() -> anyhow::Result<()> {
    killed(Role::Authz, &points())
}

#[test]
fn gate_authn_killed() -> anyhow::Result<()> {
    killed(Role::Authn, &points())
}

#[test]
fn gate_audit_killed() -> anyhow::Result<()> {
    killed(Role::Audit, &points())
}

#[test]
fn gate_proxy_killed() -> anyhow::Result<()> {
    killed(Role::Proxy, &points())
}

#[test]
fn gate_net_killed() -> anyhow::Result<()> {
    killed(Role::Net, &points())
}

/// Where gate-net fills the kernel's tables: before anything is written, while the copy that is not in force is, before
/// anybody has his new identity, and before the last one has.
#[test]
fn gate_net_killed_while_it_fills_the_kernel() -> anyhow::Result<()> {
    let filling = [("membarrier", 1), ("bpf", 5), ("statx", 1), ("getdents64", 1)];
    killed(Role::Net, &filling.map(|(call, number)| Point::During(call, number)))
}

/// Everything is staged, and nobody ever says "switch".
#[test]
fn gatectl_killed_before_the_first_switch() -> anyhow::Result<()> {
    on_a_host(|host| {
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
    })
}

/// gatectl has had some roles switched, and is killed while it waits for the next one.
#[test]
fn gatectl_killed_between_two_switches() -> anyhow::Result<()> {
    on_a_host(|host| {
        for held_up in [Role::Authn, Role::Audit, Role::Proxy, Role::Net] {
            between_two_switches(Trial::begin(host)?, held_up)
                .with_context(|| format!("waiting for gate-{held_up}"))?;
        }
        Ok(())
    })
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
