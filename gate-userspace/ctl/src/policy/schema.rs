//! `gatectl policy schema`: the Cedar schema that rules are checked against, for editors and reviewers.

use super::check::Problem;
use crate::report::{Exit, Failure, Report};
use gate_policy::{PolicySource, compile};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy directory. Only its services.toml is read: mistakes in rules do not matter.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    super::must_be_directory(directory)?;
    let file = directory.join(super::SERVICES);
    let services = fs::read(&file).map_err(|error| {
        Failure::cannot(format!("{}: cannot be read: {error}; it says what runs here", file.display()))
    })?;
    let files = [(super::SERVICES.to_owned(), services), ("none.cedar".to_owned(), Vec::new())];
    let compiled = PolicySource::from_files(files).and_then(|source| compile(&source, None));
    let below = |problem| Problem::from(problem).below(directory);
    let compiled = compiled.map_err(|problems| Failure::refused(problems.into_iter().map(below).collect()))?;
    let json = json!({ "environment": compiled.tables.environment, "schema": compiled.schema });
    Ok(Report { exit: Exit::Fine, text: compiled.schema, json })
}
