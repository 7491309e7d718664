//! `gatectl policy`.

mod check;

pub(crate) use check::{Problem, Summary, check, check_files};

use crate::report::{Failure, Report};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Check a policy directory: every problem at once, and every case of cases.toml.
    Check(check::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments),
    }
}
