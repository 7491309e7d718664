//! `gatectl bundle`.

mod build;
mod confirm;
mod file;
mod follows;
mod git;
mod judge;
mod load;
mod load_report;
mod revert;
mod show;
mod sign;
mod snapshot;
mod ssh;

use crate::report::{Failure, Report};
use gate_host::Clock;

pub(crate) use file::create as create_file;

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Check and compile a policy directory into a bundle that nobody has signed yet.
    Build(build::Arguments),
    /// Sign a bundle with an SSH key, once its tables were compiled again from its rules and agree.
    Sign(sign::Arguments),
    /// Sign a bundle as its approver.
    Approve(sign::ApproveArguments),
    /// Show what a bundle holds and who signed it.
    Show(show::Arguments),
    /// Vouch for a bundle that is in force, so that hosts which join late may begin with it.
    Snapshot(snapshot::Arguments),
    /// Put a bundle into force: every role verifies it, then every role switches.
    Load(load::Arguments),
    /// Let a provisional bundle stay.
    Confirm(confirm::Arguments),
    /// Let a provisional bundle go back now.
    Abandon(confirm::Arguments),
    /// Go back to the bundle before, where that only takes access away: one operator signs.
    Revert(revert::Arguments),
}

pub(crate) fn run(command: Command, clock: &Clock) -> Result<Report, Failure> {
    let now = clock.unix_ms() / 1_000;
    match command {
        Command::Build(arguments) => build::run(&arguments, now),
        Command::Sign(arguments) => sign::run(&arguments.as_role()),
        Command::Approve(arguments) => sign::run(&arguments.as_role()),
        Command::Show(arguments) => show::run(&arguments, now),
        Command::Snapshot(arguments) => snapshot::run(&arguments, now),
        Command::Load(arguments) => load::run(&arguments, clock),
        Command::Confirm(arguments) => confirm::run(&arguments),
        Command::Abandon(arguments) => confirm::abandon(&arguments),
        Command::Revert(arguments) => revert::run(&arguments, now),
    }
}
