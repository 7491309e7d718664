//! Bundles that go back: by themselves where nobody confirms them, and by one operator. The real roles, and what the kernel
//! lets through meanwhile.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_record::Event;
use gate_tests::{Host, LEDGER_PORT, at, left_out, operator::ORDER, until, until_within};
use std::time::Duration;

const GIVES: &str = "\n@id(\"batch-books\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                     permit (principal == Service::\"batch\", action == Action::\"connect\", \
                     resource == Port::\"ledger:tcp/9000\");\n";

fn version_of(host: &Host, role: Role) -> anyhow::Result<u64> {
    at(&host.operator().status(role)?, "/version").as_u64().context("a version")
}

fn all_on(host: &Host, version: u64) -> anyhow::Result<bool> {
    ORDER.into_iter().try_fold(true, |all, role| Ok(all && version_of(host, role)? == version))
}

fn batch_books(host: &mut Host) -> anyhow::Result<bool> {
    let came = host.attempt("batch", &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    ensure!(came.worked_with("booked") || came.is("connect", "EPERM"), "{came}");
    Ok(came.worked_with("booked"))
}

fn gatectl(host: &Host, words: &[&str]) -> anyhow::Result<gate_tests::Output> {
    let config = host.config().display().to_string();
    let words = words.iter().copied().chain(["--config", &config]).map(str::to_owned);
    host.gatectl(&words.collect::<Vec<_>>())
}

/// One host's story: each part begins where the one before left it.
#[test]
fn a_bundle_goes_back_unless_it_is_confirmed_and_by_one_operator_once_it_is() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut host = Host::start()?;
    let result = story(&mut host).with_context(|| host.logs());
    host.end();
    result
}

fn story(host: &mut Host) -> anyhow::Result<()> {
    let first = host.bundle()?.manifest().version();
    ensure!(!batch_books(host)?, "the shop lets batch book");
    let next = host.candidate(host.policy.clone().without_cases()?.with("shop.cedar", GIVES))?;
    let file = host.bundle_file(next.version()).display().to_string();
    let mark = host.mark()?;

    // Nobody confirms it, and gate-net is killed and started again meanwhile.
    let loaded = gatectl(host, &["bundle", "load", &file, "--confirm", "10s"])?;
    ensure!(loaded.succeeded(), "{}", loaded.text());
    ensure!(all_on(host, next.version())? && batch_books(host)?, "it is not in force");
    let mut held = host.hold_plain("batch", format!("127.0.0.1:{LEDGER_PORT}").parse()?)?;
    ensure!(held.ask("one")?.worked_with("booked"), "a connection under it");
    host.kill_role(Role::Net)?;
    host.start_roles(&[Role::Net])?;
    ensure!(version_of(host, Role::Net)? == next.version(), "gate-net forgot it before its time");
    until("every role to go back", || Ok(all_on(host, first)?.then_some(())))?;
    ensure!(!batch_books(host)?, "batch books after everything went back");
    ensure!(!held.ask("two")?.worked_with("booked"), "a byte passes on a connection of the bundle that went back");
    for role in ORDER {
        recorded(host, mark, role, "expired")?;
    }

    // The same one, with time to confirm it. It stays past any deadline, and over a restart.
    let loaded = gatectl(host, &["bundle", "load", &file, "--confirm", "10s"])?;
    ensure!(loaded.succeeded(), "{}", loaded.text());
    let confirmed = gatectl(host, &["bundle", "confirm"])?;
    ensure!(confirmed.succeeded(), "{}", confirmed.text());
    host.kill_role(Role::Authz)?;
    host.start_roles(&[Role::Authz])?;
    let gone = until_within(Duration::from_secs(12), "some role to go back", || {
        Ok((!all_on(host, next.version())?).then_some(()))
    });
    ensure!(gone.is_err(), "a role went back from a bundle that was confirmed");
    ensure!(batch_books(host)?, "it is not in force");

    // One who may operate goes back, and one who may not does not.
    let (alice, bob) = (host.people.key("alice").display().to_string(), host.people.key("bob").display().to_string());
    let refused = gatectl(host, &["bundle", "revert", "--key", &bob])?;
    ensure!(!refused.succeeded() && all_on(host, next.version())?, "{}", refused.text());
    let reverted = gatectl(host, &["bundle", "revert", "--key", &alice])?;
    ensure!(reverted.succeeded(), "{}", reverted.text());
    ensure!(all_on(host, first)? && !batch_books(host)?, "it is still in force");
    for role in ORDER {
        recorded(host, mark, role, "reverted")?;
    }
    let again = gatectl(host, &["bundle", "load", &file])?;
    ensure!(!again.succeeded() && all_on(host, first)?, "a reverted bundle came again: {}", again.text());
    Ok(())
}

fn recorded(host: &Host, mark: gate_tests::record::Mark, role: Role, happened: &str) -> anyhow::Result<()> {
    let entry = host.entry_after(mark, |entry| {
        entry.role == role.name() && matches!(&entry.report.event, Event::Bundle { step, .. } if step == happened)
    })?;
    ensure!(entry.is_some(), "the record does not say that gate-{role} {happened}");
    Ok(())
}
