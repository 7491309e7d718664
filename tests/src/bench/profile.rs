//! Where the processor time goes: perf's samples of the software clock, which needs no hardware counters.

use super::{cpu, figures::table};
use crate::Host;
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Stdio},
};

/// Samples per second: not a divisor of the timer's ticks.
const FREQUENCY: &str = "997";
/// Lines that are kept, and shown.
const KEPT: usize = 60;
const SHOWN: usize = 25;
/// Between perf's columns; no function has it in its name.
const SEPARATOR: char = '^';

/// Where some of the samples were.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Percent of all.
    pub(super) share: f64,
    /// The thread's name.
    pub(super) thread: String,
    /// The file, or `[kernel.kallsyms]`.
    pub(super) object: String,
    /// The function.
    pub(super) symbol: String,
}

/// Samples the processes of these cgroups while `web` runs a command.
///
/// # Errors
/// When perf is not there or says nothing.
pub fn take(host: &mut Host, cgroups: &[PathBuf], load: &[String], seconds: u64) -> anyhow::Result<Value> {
    let mut pids = Vec::new();
    for cgroup in cgroups {
        pids.extend(cpu::processes(cgroup)?.iter().map(u32::to_string));
    }
    let data = host.path("perf.data").display().to_string();
    let mut record = Command::new("perf");
    record.args(["record", "-q", "-e", "cpu-clock", "-F", FREQUENCY, "-o", &data, "-p", &pids.join(",")]);
    record.args(["--", "sleep", &seconds.to_string()]).stdout(Stdio::null()).stderr(Stdio::piped());
    let recording = record.spawn().context("starting perf (Debian: linux-perf)")?;
    let ran = host.run("web", load);
    let recorded = recording.wait_with_output()?;
    anyhow::ensure!(recorded.status.success(), "perf record: {}", String::from_utf8_lossy(&recorded.stderr).trim());
    anyhow::ensure!(ran?.succeeded(), "the load did not end well");
    let mut report = Command::new("perf");
    report.args(["report", "--stdio", "-q", "-i", &data, "-t", &SEPARATOR.to_string(), "--sort", "comm,dso,symbol"]);
    let output = report.output().context("starting perf")?;
    let mut lines = parse(&String::from_utf8_lossy(&output.stdout));
    anyhow::ensure!(!lines.is_empty(), "perf report: {}", String::from_utf8_lossy(&output.stderr).trim());
    let objects = objects(&lines);
    lines.truncate(KEPT);
    show(&lines, &objects);
    Ok(json!({ "objects": objects, "functions": lines.iter().map(Line::json).collect::<Vec<_>>() }))
}

/// Percent by thread and object: how much of each process is its own code, and how much the kernel's.
pub(super) fn objects(lines: &[Line]) -> Vec<(String, f64)> {
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    for line in lines {
        *shares.entry(format!("{} in {}", line.thread, line.object)).or_default() += line.share;
    }
    let mut shares: Vec<_> = shares.into_iter().filter(|(_, share)| *share >= 0.5).collect();
    shares.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    shares
}

/// The lines of perf's report, the largest first.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = text.lines().filter_map(Line::parse).collect();
    lines.sort_by(|one, other| other.share.total_cmp(&one.share));
    lines
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(SEPARATOR).map(str::trim);
        let share = fields.next()?.strip_suffix('%')?.parse().ok()?;
        let (thread, object, symbol) = (fields.next()?, fields.next()?, fields.next()?);
        // perf marks the mode: [k] the kernel, [.] user space.
        let symbol = symbol.trim_start_matches("[k] ").trim_start_matches("[.] ");
        Some(Self { share, thread: thread.into(), object: object.into(), symbol: symbol.into() })
    }

    fn json(&self) -> Value {
        json!({ "percent": self.share, "thread": self.thread, "object": self.object, "symbol": self.symbol })
    }
}

fn show(lines: &[Line], objects: &[(String, f64)]) {
    let rows = objects.iter().map(|(object, share)| vec![format!("{share:.1}"), object.clone()]);
    table("Gate's processor time by thread and object", &["%", "thread and object"], &rows.collect::<Vec<_>>());
    let rows = lines.iter().take(SHOWN).map(|line| {
        vec![format!("{:.1}", line.share), line.thread.clone(), line.object.clone(), format!("`{}`", line.symbol)]
    });
    table("Where Gate's processor time goes", &["%", "thread", "object", "function"], &rows.collect::<Vec<_>>());
}
