//! `gatectl`: what people do with Gate. It runs as the caller, with the caller's keys, and decides nothing that a
//! daemon would not check again.

mod audit;
mod bundle;
mod difference;
mod explain;
mod host;
mod policy;
mod report;
mod review;
mod status;
mod text;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use gate_host::Clock;
use report::{Failure, Report};
use std::process::ExitCode;

/// Check, sign, approve, load, explain, watch and verify.
#[derive(Parser)]
#[command(name = "gatectl", version, arg_required_else_help = true)]
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
    /// Check, compare, draw and format policies, and ask who may do what.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Say what an approver reads before signing: what changes, and what that takes.
    Review(review::Arguments),
    /// Build, sign, show and load bundles.
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Set up this host.
    #[command(subcommand)]
    Host(host::Command),
    /// Say what each layer would decide, by which rule, and what is missing.
    Explain(explain::Arguments),
    /// Show each process: up or down, bundle, sandbox, and what is degraded.
    Status(status::Arguments),
    /// Verify and read the record.
    #[command(subcommand)]
    Audit(audit::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    let matches = with_exit_codes(Arguments::command()).get_matches();
    let Arguments { json, command } = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    Ok(report::print(run(command, json, &Clock::system()), json)?)
}

/// The help of every command states them.
fn with_exit_codes(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let own = command.get_after_help().is_some();
    let command = if own { command } else { command.after_help(EXIT_CODES) };
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_exit_codes))
}

fn run(command: Command, json: bool, clock: &Clock) -> Result<Report, Failure> {
    match command {
        Command::Policy(command) => policy::run(&command),
        Command::Review(arguments) => review::run(&arguments, clock.unix_ms() / 1_000),
        Command::Bundle(command) => bundle::run(command, clock),
        Command::Host(command) => host::run(&command, clock.unix_ms() / 1_000),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Audit(command) => audit::run(&command, json),
    }
}
