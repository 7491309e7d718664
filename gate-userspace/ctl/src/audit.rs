//! `gatectl audit`.

mod line;
mod records;
mod tail;
mod verify;

pub(crate) use records::Records;

use crate::report::{Failure, Report};

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Check a whole log: signature, tree, every entry; names the file and the entry that is wrong. Needs no daemon.
    Verify(verify::Arguments),
    /// Show the last records through gate-audit; that they were read is recorded, too.
    Tail(tail::Arguments),
}

pub(crate) fn run(command: &Command, json: bool) -> Result<Report, Failure> {
    match command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Tail(arguments) => tail::run(arguments, json),
    }
}
