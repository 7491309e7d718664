//! Attacks that fill the kernel's tables: what is full denies to who filled it, and to nobody else.

use anyhow::{Context as _, ensure};
use gate_common::limits::{NESTED, TAGS_PER_SOURCE};
use gate_record::{Event, Outcome as Recorded};
use gate_tests::{Host, OUTSIDE, left_out, shared, until};
use std::fs;

const LEDGER: &str = "127.0.0.1:9000";
/// A port of a service that does not run.
const MUTE: &str = "127.0.0.1:9100";
/// Further ports than a source may have flows.
const TOO_MANY: u32 = TAGS_PER_SOURCE + 100;

/// The shop, with a port that three sources reach: `noisy` and processes of no service by a rule, `watched` because it is
/// observed.
const MUTE_SERVICES: &str = r#"
[service.mute]
cgroup = "mute.service"
owner = "team-finance"

[service.mute.port.door]
listen = "tcp/9100"

[service.noisy]
cgroup = "noisy.service"
owner = "team-shop"

[service.watched]
cgroup = "watched.service"
owner = "team-shop"
mode = "observe"
"#;
const MUTE_RULES: &str = r#"
@id("noisy-reaches-mute") @reason("a test") @ticket("OPS-1")
permit (principal == Service::"noisy", action == Action::"connect", resource == Port::"mute:tcp/9100");
@id("web-reaches-mute") @reason("a test") @ticket("OPS-2")
permit (principal == Service::"web", action == Action::"connect", resource == Port::"mute:tcp/9100");
@id("nobody-reaches-mute") @reason("a test") @ticket("OPS-3")
permit (principal == Host::"self", action == Action::"connect", resource == Port::"mute:tcp/9100");
"#;

#[test]
fn p16_a_flood_of_flows_is_refused_to_its_source_and_to_nobody_else() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    host.publish(shop.clone().with("services.toml", MUTE_SERVICES).with("shop.cedar", MUTE_RULES))?;
    let tried = [("noisy", "noisy"), (OUTSIDE, ""), ("watched", "watched")]
        .into_iter()
        .try_for_each(|(source, name)| flood(host, source, name).with_context(|| format!("a flood of {source}")));
    host.publish(shop)?;
    tried
}

fn flood(host: &mut Host, source: &str, name: &str) -> anyhow::Result<()> {
    let flood = host.keep(source, &["flood", MUTE, &TOO_MANY.to_string()])?;
    ensure!(flood.opened.worked_with(&TAGS_PER_SOURCE.to_string()), "flows that it was let open: {}", flood.opened);
    let mark = host.mark()?;
    // What it may say in a second is bounded, too: the record has it when it tries again later.
    until("the record to say why", || {
        let came = host.attempt(source, &["connect", MUTE])?;
        ensure!(came.is("connect", "EPERM"), "another process of it, at {MUTE}: {came}");
        let full = host.entries(mark)?.into_iter().find(|entry| {
            matches!(&entry.report.event, Event::Flow { outcome: Recorded::Deny, source, why, .. }
                if source == name && why.contains("the table of flows is full"))
        });
        Ok(full)
    })?;
    for other in ["noisy", "web", "watched", OUTSIDE].into_iter().filter(|other| *other != source) {
        let came = host.attempt(other, &["connect", MUTE])?;
        ensure!(came.is("connect", "ECONNREFUSED"), "{other} at {MUTE}, where nobody listens: {came}");
    }
    let came = host.attempt("web", &["connect", LEDGER])?;
    ensure!(came.worked_with("booked 1"), "web at the ledger: {came}");
    drop(flood);
    let came = host.attempt(source, &["connect", MUTE])?;
    ensure!(came.is("connect", "ECONNREFUSED"), "it, once its flows were closed: {came}");
    Ok(())
}

#[test]
fn p38_more_nested_cgroups_than_the_kernel_notes_are_still_their_services() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let many = host.stand_of("batch").cgroup.join("many");
    fs::create_dir_all(&many)?;
    for number in 0..NESTED {
        fs::create_dir(many.join(number.to_string()))?;
    }
    let tried = beyond_what_is_noted(host);
    for number in 0..NESTED {
        fs::remove_dir(many.join(number.to_string()))?;
    }
    tried
}

fn beyond_what_is_noted(host: &mut Host) -> anyhow::Result<()> {
    for place in ["batch.service/late", "batch.service/many/late/deep"] {
        for to in ["127.0.0.1:7790", LEDGER] {
            let came = host.attempt(place, &["connect", to])?;
            ensure!(came.is("connect", "EPERM"), "{place}, which is batch, at {to}: {came}");
        }
    }
    // A service that is started now has its declared cgroup's identity: nested ones take no place from it.
    host.remove_cgroup("web")?;
    for place in ["web.service", "web.service/late", "web.service/late/two/three"] {
        let came = host.attempt(place, &["connect", LEDGER])?;
        ensure!(came.worked_with("booked 1"), "{place}, which is web: {came}");
        let came = host.attempt(place, &["connect", "127.0.0.1:7790"])?;
        ensure!(came.is("connect", "EPERM"), "{place}, at a port of nobody: {came}");
    }
    let came = host.attempt(OUTSIDE, &["connect", "127.0.0.1:7790"])?;
    ensure!(came.is("connect", "ECONNREFUSED"), "who is of no service is not governed: {came}");
    Ok(())
}
