//! `gatectl policy`.

mod check;
mod diff;
mod fmt;
mod graph;
mod schema;
mod side;
mod who;

pub(crate) use check::{Problem, Summary, check, check_files};
pub(crate) use side::{Policy, compare};

use crate::report::{Failure, Report};
use std::path::Path;

pub(crate) const SERVICES: &str = "services.toml";
pub(crate) const DUTIES: &str = "duties.toml";
pub(crate) const CASES: &str = "cases.toml";

#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Check a policy directory: every problem at once, and every case of cases.toml.
    Check(check::Arguments),
    /// Say exactly who gains and who loses what, by which rules.
    Diff(diff::Arguments),
    /// Say everybody who may ask for a route or connect to a port.
    WhoCan(who::WhoArguments),
    /// Say everything that a service may.
    WhatCan(who::WhatArguments),
    /// Draw the services and what they reach, as SVG or DOT.
    Graph(graph::Arguments),
    /// Print the Cedar schema that the rules are checked against.
    Schema(schema::Arguments),
    /// Bring the rules of a policy directory into one form.
    Fmt(fmt::Arguments),
}

pub(crate) fn run(command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::WhoCan(arguments) => who::who(arguments),
        Command::WhatCan(arguments) => who::what(arguments),
        Command::Graph(arguments) => graph::run(arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Fmt(arguments) => fmt::run(arguments),
    }
}

/// Most commands read a policy as people edit it.
fn must_be_directory(directory: &Path) -> Result<(), Failure> {
    if directory.is_dir() {
        return Ok(());
    }
    let found = if directory.exists() { "is no directory" } else { "does not exist" };
    Err(Failure::cannot(format!(
        "{}: {found}; give the policy directory, the one that holds services.toml",
        directory.display()
    )))
}
