//! `gatectl policy fmt`: one form for all rules.

use crate::report::{Exit, Failure, Report};
use crate::text::{count, plain};
use cedar_policy::PolicySet;
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use gate_policy::MAX_FILE_BYTES;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The policy directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Write nothing; say which files would change.
    #[arg(long)]
    check: bool,
}

const HELP: &str = "Exit codes: 0 all is formatted (now); 1 with --check, some files would change; 2 usage error, or some \
                    file cannot be read, parsed or formatted: then nothing is written.";

const CONFIG: Config = Config { line_width: 120, indent_width: 2 };

/// A file whose form is another.
struct Change {
    path: PathBuf,
    before: String,
    after: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    super::must_be_directory(directory)?;
    let files = cedar_files(directory)?;
    let (mut changes, mut errors) = (Vec::new(), Vec::new());
    for path in &files {
        match change(path) {
            Ok(change) => changes.extend(change),
            Err(error) => errors.push(format!("{}: {error}", path.display())),
        }
    }
    if !errors.is_empty() {
        return Err(Failure { exit: Exit::Cannot, errors });
    }
    if !arguments.check {
        for change in &changes {
            write(change).map_err(|error| Failure::cannot(format!("{}: {error}", change.path.display())))?;
        }
    }
    let did = if arguments.check { "would change" } else { "formatted" };
    let names: Vec<String> = changes.iter().map(|change| change.path.display().to_string()).collect();
    let mut text: String = names.iter().map(|name| format!("{did}: {}\n", plain(name))).collect();
    text.push_str(&format!("{} of {} {did}\n", changes.len(), count(files.len(), "file")));
    let exit = if arguments.check && !changes.is_empty() { Exit::Found } else { Exit::Fine };
    Ok(Report { exit, text, json: json!({ "files": files.len(), "changed": names, "written": !arguments.check }) })
}

/// The rules' files, by name. Hidden files are not part of a policy.
fn cedar_files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let wrong = |error: std::io::Error| Failure::cannot(format!("{}: cannot be read: {error}", directory.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "cedar") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `None`: it has its form already.
fn change(path: &Path) -> Result<Option<Change>, String> {
    let before = read(path)?;
    let after = format(&before)?;
    Ok((before != after).then(|| Change { path: path.to_owned(), before, after }))
}

fn read(path: &Path) -> Result<String, String> {
    let found = fs::symlink_metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !found.is_file() {
        return Err("is no regular file; a policy has no directories and no links".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(format!("is larger than {MAX_FILE_BYTES} bytes, the most of a policy file"));
    }
    let error = |error: std::string::FromUtf8Error| {
        format!("byte {} is not UTF-8; policy files are UTF-8", error.utf8_error().valid_up_to())
    };
    String::from_utf8(bytes).map_err(error)
}

/// The text in its form. What comes out must be the same rules with the same comments; a formatter that loses anything
/// writes nothing.
pub(crate) fn format(before: &str) -> Result<String, String> {
    let rules = parsed(before).map_err(|error| format!("does not parse: {error}"))?;
    if rules.is_empty() {
        return Ok(before.to_owned());
    }
    let after = policies_str_to_pretty(before, &CONFIG).map_err(|error| format!("cannot be formatted: {error}"))?;
    lossless(before, &after)?;
    Ok(after)
}

/// Whether two texts are the same rules with the same comments.
fn lossless(before: &str, after: &str) -> Result<(), String> {
    if parsed(after).ok() != parsed(before).ok() {
        return Err(
            "is left as it is: its formatted text would be other rules; that is a mistake of the formatter".into()
        );
    }
    if comments(after) != comments(before) {
        return Err("is left as it is: formatting would lose or change a comment; move it to a line of its own".into());
    }
    Ok(())
}

/// The rules in the order of the text, in Cedar's JSON form: scope, conditions and annotations.
fn parsed(text: &str) -> Result<Vec<serde_json::Value>, String> {
    let set = PolicySet::from_str(text).map_err(|error| error.to_string())?;
    if set.templates().next().is_some() {
        return Err("a template (?principal or ?resource); write a rule for each principal or a group".to_owned());
    }
    let number = |id: &str| id.trim_start_matches("policy").parse::<u64>().unwrap_or(u64::MAX);
    let mut rules: BTreeMap<(u64, String), serde_json::Value> = BTreeMap::new();
    for policy in set.policies() {
        let id = policy.id().to_string();
        rules.insert((number(&id), id), policy.to_json().map_err(|error| error.to_string())?);
    }
    Ok(rules.into_values().collect())
}

/// Every comment, without the space around it: where a line begins is what formatting is about.
fn comments(text: &str) -> Vec<&str> {
    let mut comments = Vec::new();
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let length = c.len_utf8();
        match c {
            '\\' if in_string => rest = rest.get(length..).unwrap_or_default(),
            '"' => in_string = !in_string,
            '/' if !in_string && rest.starts_with("//") => {
                let (comment, after) = rest.split_once('\n').unwrap_or((rest, ""));
                comments.push(comment.trim());
                rest = after;
                continue;
            }
            _ => {}
        }
        let skip = if c == '\\' { rest.chars().next().map_or(0, char::len_utf8) } else { length };
        rest = rest.get(skip..).unwrap_or_default();
    }
    comments
}

/// Replaces the file at once, unless somebody changed it meanwhile.
fn write(change: &Change) -> Result<(), String> {
    let Change { path, before, after } = change;
    if read(path)? != *before {
        return Err("somebody changed it meanwhile; it is left as it is, format again".to_owned());
    }
    let wrong = |error: std::io::Error| format!("cannot be written: {error}");
    let mode = fs::metadata(path).map_err(wrong)?.permissions();
    let mut file = tempfile::Builder::new()
        .prefix(".gate-fmt-")
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))
        .map_err(wrong)?;
    file.write_all(after.as_bytes()).and_then(|()| file.as_file().set_permissions(mode)).map_err(wrong)?;
    file.as_file().sync_all().map_err(wrong)?;
    file.persist(path).map(drop).map_err(|failed| wrong(failed.error))
}

#[cfg(test)]
mod tests;
