//! `gatectl policy diff`: exactly who gains and who loses what.

use super::side::{Policy, compare};
use crate::report::{Exit, Failure, Report};
use gate_review::{Line, Page};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The policy before: a directory, the file of a bundle, or "-" for a bundle on standard input.
    old: PathBuf,
    /// The policy after.
    new: PathBuf,
    /// Name every source and target, however many.
    #[arg(long)]
    all: bool,
}

/// The exit codes are those of `diff`.
const HELP: &str = "Exit codes: 0 nobody's access changes, and nothing that runs here; 1 something does; 2 usage error, \
                    or one of them cannot be read or does not compile.\n\nThe bundle in force on a host is the file \
                    current.tar of a role's chain.";

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let (old, new) = Policy::pair(&arguments.old, &arguments.new)?;
    let diff = compare(&old, &new);
    let duties_differ = old.source.file(super::DUTIES) != new.source.file(super::DUTIES);
    let mut page = Page::default();
    page.paragraph(diff.summary());
    if !diff.equal || duties_differ {
        page.paragraph(diff.signatures(duties_differ));
    }
    page.section(Line::of("Read first"), diff.first.iter().map(|notice| notice.line().into()).collect());
    diff.write(arguments.all, &mut page);
    let mut json = json!({
        "signatures": if diff.only_removes && diff.takes_away && !duties_differ { "one" } else { "all" },
        "duties_differ": duties_differ,
    });
    if let (Value::Object(fields), Ok(Value::Object(of_diff))) = (&mut json, serde_json::to_value(&diff)) {
        fields.extend(of_diff);
    }
    Ok(Report { exit: if diff.equal { Exit::Fine } else { Exit::Found }, text: page.to_terminal(), json })
}
