//! Permissions that end by themselves: the kernel keeps the time that a rule names.

use anyhow::ensure;
use gate_record::{Entry, Event, Outcome as Recorded};
use gate_tests::{Host, Policy, attacker::Outcome, left_out, shared, until_within};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

const LEDGER: &str = "127.0.0.1:9000";

/// Long enough to publish the policy and to talk under it.
const ENDS_AFTER: Duration = Duration::from_secs(8);

/// The shop, in which web may book in the ledger from then until then.
fn timed(shop: &Policy, from: u64, until: u64) -> anyhow::Result<Policy> {
    let old = "resource == Port::\"ledger:tcp/9000\")";
    let new = format!("{old} when {{ context.now >= {from} && context.now < {until} }}");
    shop.clone().replace("shop.cedar", old, &new)?.without_cases()
}

fn unix() -> anyhow::Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

fn out_of_time(hook: &'static str) -> impl Fn(&Entry) -> bool {
    move |entry| {
        matches!(&entry.report.event, Event::Flow { outcome: Recorded::Deny, source, why, hook: found, .. }
            if source == "web" && found.contains(hook) && why.contains("does not hold yet, or not any more"))
    }
}

#[test]
fn a_permission_that_has_ended_lets_no_byte_pass_and_opens_nothing() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    let ended = ends(host, &shop);
    host.publish(shop)?;
    ended
}

fn ends(host: &mut Host, shop: &Policy) -> anyhow::Result<()> {
    let to: SocketAddr = LEDGER.parse()?;
    let until = unix()? + ENDS_AFTER.as_secs();
    host.publish(timed(shop, 0, until)?)?;
    let mut held = host.hold_plain("web", to)?;
    let came = held.ask("before")?;
    ensure!(unix()? < until, "the machine is too slow for this test: the time was over before the first byte");
    ensure!(matches!(came, Outcome::Worked(_)), "within its time: {came}");

    until_within(ENDS_AFTER * 2, "the end of the rule's time", || Ok((unix()? >= until).then_some(())))?;
    let mark = host.mark()?;
    let came = held.ask("after")?;
    ensure!(matches!(came, Outcome::Refused { .. }), "a byte after the end: {came}");
    ensure!(host.entry_after(mark, out_of_time(""))?.is_some(), "the record does not say that the time was over");

    let mark = host.mark()?;
    let opened = host.hold_plain("web", to)?.opened.clone();
    ensure!(opened.is("connect", "EPERM"), "a new connection after the end: {opened}");
    ensure!(host.entry_after(mark, out_of_time("connect"))?.is_some(), "the record does not say why connect() failed");
    Ok(())
}

#[test]
fn a_permission_that_has_not_begun_opens_nothing() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    let mark = host.mark()?;
    host.publish(timed(&shop, unix()? + 3_600, unix()? + 7_200)?)?;
    let opened = host.hold_plain("web", LEDGER.parse()?).map(|held| held.opened.clone());
    let entry = host.entry_after(mark, out_of_time("connect"));
    host.publish(shop)?;
    let opened = opened?;
    ensure!(opened.is("connect", "EPERM"), "a connection an hour early: {opened}");
    ensure!(entry?.is_some(), "the record does not say why connect() failed");
    Ok(())
}
