//! `gatectl`: what people do with Gate. It runs as the caller, with the caller's keys, and decides nothing that a
//! daemon would not check again.

mod audit;
mod bundle;
mod difference;
mod explain;
mod host;
mod policy;
mod report;
mod status;
mod text;

use clap::{Parser, Subcommand};
use gate_host::Clock;
use report::{Failure, Report};
use std::process::ExitCode;

/// Check, sign, approve, load, explain, watch and verify.
#[derive(Parser)]
#[command(name = "gatectl", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    /// Answer with one JSON object on standard output, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all is well; 1 refused, denied, or something was found; 2 usage error, or it \
                          could not be done. Refusals and findings are printed with every reason.";

#[derive(Subcommand)]
enum Command {
    /// Check policies.
    #[command(subcommand, after_help = EXIT_CODES)]
    Policy(policy::Command),
    /// Build, sign, show and load bundles.
    #[command(subcommand, after_help = EXIT_CODES)]
    Bundle(bundle::Command),
    /// Say what each layer would decide, by which rule, and what is missing.
    #[command(after_help = EXIT_CODES)]
    Explain(explain::Arguments),
    /// Show each process: up or down, bundle, sandbox, and what is degraded.
    #[command(after_help = EXIT_CODES)]
    Status(status::Arguments),
    /// Verify and read the record.
    #[command(subcommand, after_help = EXIT_CODES)]
    Audit(audit::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { json, command } = Arguments::parse();
    Ok(report::print(run(command, json, &Clock::system()), json)?)
}

fn run(command: Command, json: bool, clock: &Clock) -> Result<Report, Failure> {
    match command {
        Command::Policy(command) => policy::run(&command),
        Command::Bundle(command) => bundle::run(command, clock.unix_ms() / 1_000),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Audit(command) => audit::run(&command, json),
    }
}
