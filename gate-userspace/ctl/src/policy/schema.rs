//! `gatectl policy schema`: the Cedar schema that rules are checked against, and the JSON schemas of the other files, for
//! editors and reviewers.

use super::check::Problem;
use crate::report::{Exit, Failure, Report};
use gate_policy::{CASES_SCHEMA, DUTIES_SCHEMA, PolicySource, SERVICES_SCHEMA, compile};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy directory. Only its services.toml is read: mistakes in rules do not matter.
    #[arg(value_name = "DIR", required_unless_present = "file")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    file: File,
}

/// Print the JSON schema of a file instead, for editors that understand TOML.
#[derive(clap::Args)]
#[group(id = "file", multiple = false, conflicts_with = "directory")]
struct File {
    /// Print the JSON schema of services.toml.
    #[arg(long)]
    services: bool,
    /// Print the JSON schema of duties.toml.
    #[arg(long)]
    duties: bool,
    /// Print the JSON schema of cases.toml.
    #[arg(long)]
    cases: bool,
}

impl File {
    fn schema(&self) -> Option<&'static str> {
        match (self.services, self.duties, self.cases) {
            (true, ..) => Some(SERVICES_SCHEMA),
            (_, true, _) => Some(DUTIES_SCHEMA),
            (.., true) => Some(CASES_SCHEMA),
            _ => None,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    if let Some(schema) = arguments.file.schema() {
        let json = serde_json::from_str(schema)
            .map_err(|error| Failure::cannot(format!("the schema in this program is no JSON: {error}")))?;
        return Ok(Report { exit: Exit::Fine, text: schema.to_owned(), json });
    }
    let Some(directory) = &arguments.directory else {
        return Err(Failure::cannot("the schema of what? Give a policy directory, or --services, --duties or --cases"));
    };
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

#[cfg(test)]
mod tests;
