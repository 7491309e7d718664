//! `gatectl audit tail`.

use super::line::line;
use super::records::Records;
use crate::host::{Admin, ConfigArguments, NoAnswer, block_on};
use crate::report::{Exit, Failure, Report, out};
use gate_host::Role;
use serde_json::json;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);
/// Each look at the log is a record itself, so it is not looked at all the time.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many records.
    #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
    number: u64,
    /// Go on with what is recorded from now on.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(crate) fn run(arguments: &Arguments, as_json: bool) -> Result<Report, Failure> {
    let config = arguments.config.load()?;
    block_on(async {
        let records = Records::new(Admin::new(&config, Role::Audit, DEADLINE));
        let failure = |why: NoAnswer| why.failure();
        let size = records.size().await.map_err(failure)?;
        let first = size.saturating_sub(arguments.number);
        let entries = records.read(first, size).await.map_err(failure)?;
        if !arguments.follow {
            return Ok(report(&entries, size));
        }
        let mut next = size;
        show(&entries, as_json)?;
        loop {
            tokio::time::sleep(PAUSE).await;
            let entries = records.read(next, u64::MAX).await.map_err(failure)?;
            next += entries.len() as u64;
            // What this command itself makes gate-audit record would never end.
            let others: Vec<_> = entries.into_iter().filter(|(_, entry)| as_json || !is_reading(entry)).collect();
            show(&others, as_json)?;
        }
    })
}

/// Whether it records that somebody read the log.
fn is_reading(entry: &[u8]) -> bool {
    let event = gate_record::decode(entry).map(|entry| (entry.role, entry.report.event));
    matches!(event, Ok((role, gate_record::Event::Administration { act, .. })) if role == "audit" && act.starts_with("read "))
}

fn show(entries: &[(u64, Vec<u8>)], as_json: bool) -> Result<(), Failure> {
    let text: String = entries.iter().map(|(index, entry)| one(*index, entry, as_json)).collect();
    out(&text).map_err(|error| Failure::cannot(format!("standard output: {error}")))
}

fn one(index: u64, entry: &[u8], as_json: bool) -> String {
    if as_json { format!("{}\n", numbered(index, entry)) } else { line(index, entry) }
}

fn numbered(index: u64, entry: &[u8]) -> serde_json::Value {
    match serde_json::from_slice::<serde_json::Value>(entry) {
        Ok(entry) => json!({ "index": index, "entry": entry }),
        Err(_) => json!({ "index": index, "unreadable": hex::encode(entry) }),
    }
}

fn report(entries: &[(u64, Vec<u8>)], size: u64) -> Report {
    let lines: Vec<_> = entries.iter().map(|(index, entry)| numbered(*index, entry)).collect();
    Report {
        exit: Exit::Fine,
        text: entries.iter().map(|(index, entry)| line(*index, entry)).collect(),
        json: json!({ "size": size, "entries": lines }),
    }
}
