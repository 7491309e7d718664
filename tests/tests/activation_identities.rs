//! Who is who changes with a bundle, too: nobody is somebody of the new bundle while the old one says what that one may.

#[path = "activation_crashes/tracer.rs"]
#[allow(dead_code, reason = "shared with the other tests of activation")]
mod tracer;

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_tests::{Host, LEDGER_PORT, Policy, left_out, operator::ORDER, shared};
use tracer::Tracer;

/// batch books in the ledger, and web does not.
fn batch_books(shop: &Policy) -> anyhow::Result<Policy> {
    let of = |name: &str| format!("principal == Service::\"{name}\", action == Action::\"connect\"");
    shop.clone().without_cases()?.replace("shop.cedar", &of("web"), &of("batch"))
}

/// batch and web have each other's cgroups, and nobody books in the ledger.
fn exchanged(before: &Policy) -> anyhow::Result<Policy> {
    let rule = "permit (principal == Service::\"batch\", action == Action::\"connect\"";
    let policy = before.clone().replace("shop.cedar", rule, &rule.replace("permit", "forbid"))?;
    let policy = policy.replace("services.toml", "\"web.service\"", "\"a.service\"")?;
    let policy = policy.replace("services.toml", "\"batch.service\"", "\"web.service\"")?;
    policy.replace("services.toml", "\"a.service\"", "\"batch.service\"")
}

fn books(host: &mut Host, place: &str) -> anyhow::Result<bool> {
    let came = host.attempt(place, &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    ensure!(came.worked_with("booked") || came.is("connect", "EPERM"), "{place}: {came}");
    Ok(came.worked_with("booked"))
}

/// What runs in `web.service` is web under the old bundle and batch under the new one, and may book under neither. While
/// gate-net writes down who is who it is killed; the old table stays in force.
#[test]
fn nobody_becomes_somebody_else_before_the_flip() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let before = batch_books(&host.policy)?;
    host.publish(before.clone())?;
    ensure!(books(host, "batch")? && !books(host, "web")?, "the old bundle: batch books, web does not");
    let next = host.candidate(exchanged(&before)?)?;
    host.stage_everywhere(&next)?;
    ORDER.into_iter().filter(|role| *role != Role::Net).try_for_each(|role| host.activate(role, &next))?;
    // batch is the first by name: its new cgroup's children are listed once it is written down itself.
    let tracer = Tracer::attach(host.pid_of(Role::Net).context("it runs")?, "getdents64", 1)?;
    ensure!(host.activate(Role::Net, &next).is_err(), "gate-net was to be killed while it switched");
    host.wait_for_end(Role::Net)?;
    drop(tracer);
    let there = books(host, "web")?;
    // A cgroup that is made now is matched by its path.
    host.remove_cgroup("web")?;
    let anew = books(host, "web")?;
    host.start_roles(&[Role::Net])?;
    let (batch, web) = (books(host, "batch")?, books(host, "web")?);
    let loaded = host.load(&next)?;
    host.has_loaded(next);
    ensure!(!there, "in the old table, what runs in web.service is batch already, and books");
    ensure!(!anew, "what is started in web.service is batch already, and books");
    ensure!(!batch && !web, "the new bundle lets nobody book: batch {batch}, web {web}");
    ensure!(loaded.succeeded(), "loading it again: {}", loaded.text());
    Ok(())
}

/// The two change back: each is what it is again, and so are processes that ran all the while.
#[test]
fn who_moved_is_who_it_is_after_the_flip() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = Policy::shop(&host.people.duties()?)?.without_cases()?;
    // Which of the two bundles is in force depends on the other test.
    host.publish(shop.clone().with("shop.cedar", "\n// Once more.\n"))?;
    ensure!(books(host, "web")? && !books(host, "batch")?, "web is in its own place");
    let swap = |policy: Policy| -> anyhow::Result<Policy> {
        let policy = policy.replace("services.toml", "\"web.service\"", "\"a.service\"")?;
        let policy = policy.replace("services.toml", "\"batch.service\"", "\"web.service\"")?;
        policy.replace("services.toml", "\"a.service\"", "\"batch.service\"")
    };
    host.publish(swap(shop.clone())?)?;
    ensure!(books(host, "batch")? && !books(host, "web")?, "what runs in batch.service is web now");
    host.publish(shop)?;
    ensure!(books(host, "web")? && !books(host, "batch")?, "and again what it was");
    Ok(())
}
