//! `gatectl policy graph`: the map of services.

use super::side::Policy;
use crate::report::{Exit, Failure, Report};
use gate_review::ServiceMap;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy: a directory, the file of a bundle, or "-" for a bundle on standard input.
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// Show what POLICY gives and takes, compared with this one.
    #[arg(long, value_name = "OLD")]
    against: Option<PathBuf>,
    /// Write DOT, for Graphviz and other programs; the default is SVG.
    #[arg(long)]
    dot: bool,
    /// Write SVG.
    #[arg(long, conflicts_with = "dot")]
    svg: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let map = match &arguments.against {
        None => ServiceMap::of(&Policy::open(&arguments.policy)?.tables),
        Some(old) => {
            let (old, new) = Policy::pair(old, &arguments.policy)?;
            ServiceMap::against(&old.tables, &new.tables)
        }
    };
    let text = if arguments.dot {
        map.to_dot()
    } else {
        map.to_svg().map_err(|error| Failure::cannot(format!("{}: {error}", arguments.policy.display())))?
    };
    let mut json = json!({ "picture": text });
    if let (Value::Object(fields), Ok(Value::Object(of_map))) = (&mut json, serde_json::to_value(&map)) {
        fields.extend(of_map);
    }
    Ok(Report { exit: Exit::Fine, text, json })
}
