//! gate-demo: Gate's main job, line by line, on a host of its own.

use clap::Parser;
use gate_tests::{Host, Report, give_back_on_signals, record::Mark, steps};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

/// Shows what Gate does, on this machine's kernel: what was expected, and what happened.
#[derive(Parser)]
#[command(name = "gate-demo")]
struct Arguments {
    /// Writes every line to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Runs these steps only.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
    only: Vec<usize>,
    /// Writes the whole record to this file, one entry a line.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let begun = Instant::now();
    give_back_on_signals()?;
    println!("Starting a host: gate-loader, five daemons under five users, nginx as orders, a ledger.");
    let mut host = Host::start()?;
    println!(
        "Started in {:.1} s, in {} and {}.",
        begun.elapsed().as_secs_f32(),
        host.path("").display(),
        host.cgroups().display()
    );
    let mut report = Report::shown();
    for (number, step) in (1..).zip(steps::ALL) {
        if arguments.only.is_empty() || arguments.only.contains(&number) {
            step.run(&mut host, &mut report);
        }
    }
    if let Some(file) = &arguments.record {
        write_record(&host, file)?;
    }
    host.end();
    if let Some(file) = &arguments.json {
        fs::write(file, format!("{:#}\n", report.json()))?;
    }
    let (passed, failed) = report.counts();
    println!("\ndemo: {passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_record(host: &Host, file: &Path) -> anyhow::Result<()> {
    let entries = host.entries(Mark::START)?;
    let lines: Result<Vec<String>, _> = entries.iter().map(serde_json::to_string).collect();
    Ok(fs::write(file, lines?.join("\n") + "\n")?)
}
