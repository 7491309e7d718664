//! A whole policy directory.

use crate::directory::{compiled, files, is_stable, without_places};
use crate::{Finding, Verdict};
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use gate_policy::{Compiled, run_cases};
use gate_tables::{Protocol, ServiceId, Via};

/// As `gatectl policy fmt` has it.
const FORM: Config = Config { line_width: 120, indent_width: 2 };
/// Asking for every flow is quadratic in the services.
const MOST_SERVICES: usize = 16;

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let files = files(input);
    let Some(first) = compiled(files.clone())? else { return Ok(Verdict::Refused) };
    is_stable(&files, &first)?;
    formatted_is_the_same(&files, &first)?;
    flows_are_the_tables(&first)?;
    // Texts for people are made of what was read, too.
    run_cases(&first).iter().for_each(|result| drop(result.to_string()));
    drop(first.remarks());
    Ok(Verdict::Accepted)
}

/// Rules in the formatter's form are the same rules.
fn formatted_is_the_same(files: &[(String, Vec<u8>)], first: &Compiled) -> Result<(), Finding> {
    let mut other = files.to_vec();
    for (name, bytes) in other.iter_mut().filter(|(name, _)| name.ends_with(".cedar")) {
        let text = std::str::from_utf8(bytes).map_err(|_| Finding(format!("{name} is accepted and no UTF-8")))?;
        // The formatter is Cedar's; where it gives up, there is nothing to compare.
        let Ok(formatted) = policies_str_to_pretty(text, &FORM) else { return Ok(()) };
        *bytes = formatted.into_bytes();
    }
    let Some(again) = compiled(other)? else {
        return Err(Finding("refused once it is formatted".to_owned()));
    };
    let same = without_places(again.tables) == without_places(first.tables.clone());
    Finding::unless(same, || "other tables once it is formatted".to_owned())
}

/// What the kernel will do, by the tables, is what the rules say when they are asked.
fn flows_are_the_tables(compiled: &Compiled) -> Result<(), Finding> {
    let tables = &compiled.tables;
    if tables.services.len() > MOST_SERVICES {
        return Ok(());
    }
    let bounds = tables.reach.iter().flat_map(|line| [line.times.from, line.times.until]).flatten();
    let around = bounds.flat_map(|bound| [bound.saturating_sub(1), bound]);
    let times: Vec<i64> = around.chain([0]).filter_map(|time| i64::try_from(time).ok()).take(32).collect();
    let sources = tables.services.iter().map(|service| service.id).chain([ServiceId(0)]);
    for source in sources {
        for service in &tables.services {
            for port in service.ports.iter().filter(|port| port.protocol == Protocol::Plain) {
                let line = tables.reach(source, service.id, port.id);
                for now in &times {
                    let asked = compiled.decider.decide_connect(source.into(), service.id, port.id, *now).allow;
                    let holds =
                        |now: &i64| u64::try_from(*now).is_ok_and(|now| line.is_some_and(|l| l.times.hold(now)));
                    let told = line.is_some_and(|line| line.via == Via::Direct) && holds(now);
                    Finding::unless(asked == told, || {
                        format!("{source:?} to port {} at {now}: by rule {asked}, by table {told}", port.number)
                    })?;
                }
            }
        }
    }
    Ok(())
}
