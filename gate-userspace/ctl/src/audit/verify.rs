//! `gatectl audit verify`: offline, with nothing but the files and the key.

use crate::report::{Exit, Failure, Report};
use crate::text::{count, plain};
use gate_audit_log::{Checkpoint, Finding, MAX_NOTE, VerifierKey};
use gate_host::public_key_from_line;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest name that is looked at.
const MAX_NAME: u64 = 512;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The log's directory, the one that holds "checkpoint" and "tile"; a copy does as well.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The log's name, the first line of its checkpoint. Not needed where the key names it.
    #[arg(long)]
    origin: Option<String>,
    /// The log's public key, or a file with it: audit.pub as enrolled (base64), or a verifier key (name+id+base64).
    #[arg(long, value_name = "FILE|KEY")]
    key: String,
    /// A checkpoint of this log that was kept elsewhere: shows a cut tail or a past that was written anew.
    #[arg(long, value_name = "SAVED")]
    checkpoint: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Report, Failure> {
    let directory = &arguments.directory;
    let wrong = match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => None,
        Ok(_) => Some("is no directory".to_owned()),
        Err(error) => Some(format!("cannot be read: {error}")),
    };
    if let Some(found) = wrong {
        let directory = directory.display();
        let right = "give the log's directory, the one that holds \"checkpoint\" and \"tile\"";
        return Err(Failure::cannot(format!("{directory}: {found}; {right}")));
    }
    let key = key(arguments)?;
    let saved = arguments.checkpoint.as_deref().map(|path| saved(path, &key)).transpose()?;
    match gate_audit_log::verify(directory, &key, saved.as_ref()) {
        Ok(report) => Ok(sound(arguments, &key, &report)),
        Err(finding) => found(directory, &key, &finding),
    }
}

/// The key as given, or as the file says.
fn key(arguments: &Arguments) -> Result<VerifierKey, Failure> {
    let given = arguments.key.as_str();
    let path = Path::new(given);
    let (place, text) = if path.is_file() {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::cannot(format!("{given}: cannot be read: {error}")))?;
        (given.to_owned(), text)
    } else {
        ("--key".to_owned(), given.to_owned())
    };
    let line = text.lines().next().unwrap_or_default().trim();
    if line.contains('+')
        && let Ok(key) = line.parse::<VerifierKey>()
    {
        return match &arguments.origin {
            Some(origin) if origin != key.name() => {
                Err(Failure::cannot(format!("{place}: is the key of {:?}, --origin is {origin:?}", key.name())))
            }
            _ => Ok(key),
        };
    }
    let public = public_key_from_line(line).map_err(|error| {
        Failure::cannot(format!(
            "{place}: {error}; it must be a file, or one line: base64 of 32 bytes, as in audit.pub, or name+id+base64"
        ))
    })?;
    let Some(origin) = &arguments.origin else {
        return Err(Failure::cannot("the key does not name the log; give --origin, the first line of its checkpoint"));
    };
    VerifierKey::new(origin, public).map_err(|error| Failure::cannot(format!("--origin: {error}")))
}

fn saved(path: &Path, key: &VerifierKey) -> Result<Checkpoint, Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(format!("cannot be read: {error}")))?.len();
    if size > MAX_NOTE as u64 {
        return Err(wrong(format!("has {size} bytes; a checkpoint has at most {MAX_NOTE}")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    Checkpoint::open(&bytes, key).map_err(|error| wrong(error.to_string()))
}

fn sound(arguments: &Arguments, key: &VerifierKey, report: &gate_audit_log::Report) -> Report {
    let head = &report.checkpoint;
    let entries = usize::try_from(report.entries).unwrap_or(usize::MAX);
    let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
    let mut text = format!(
        "{}: sound\n  log    {}\n  head   {entries}, root {}\n  read   {} bytes of entries, {}\n",
        arguments.directory.display(),
        plain(&head.origin),
        head.root,
        report.bytes,
        count(usize::try_from(report.tiles).unwrap_or(usize::MAX), "tile"),
    );
    match report.continues {
        Some(size) => text.push_str(&format!("  it continues the saved checkpoint of {size} entries\n")),
        None => text.push_str("  no saved checkpoint was given: a tail that was cut off is not seen\n"),
    }
    let mut list = |what: &str, files: &[PathBuf]| {
        text.extend(files.iter().map(|file| format!("  {what}: {}\n", plain(&file.display().to_string()))));
    };
    list("beyond the checkpoint (a commit that has not ended)", &report.unacknowledged);
    list("no part of the log", &report.foreign);
    let json = json!({
        "directory": arguments.directory, "origin": head.origin, "key": key.to_string(), "size": head.size,
        "root": head.root.to_string(), "entries": report.entries, "bytes": report.bytes, "tiles": report.tiles,
        "continues": report.continues, "unacknowledged": report.unacknowledged, "foreign": report.foreign,
    });
    Report { exit: Exit::Fine, text, json }
}

/// A file that this caller may not read says nothing about the log.
fn found(directory: &Path, key: &VerifierKey, finding: &Finding) -> Result<Report, Failure> {
    if let Finding::Unreadable { source, .. } = finding
        && source.kind() == std::io::ErrorKind::PermissionDenied
    {
        return Err(Failure::cannot(format!("{}: {finding}; read it as somebody who may", directory.display())));
    }
    let hint = other_name(directory, key, finding);
    let said = hint.as_ref().map(|hint| format!("  {}\n", plain(hint))).unwrap_or_default();
    Ok(Report {
        exit: Exit::Found,
        text: format!("{}: NOT sound\n  {}\n{said}", directory.display(), plain(&finding.to_string())),
        json: json!({
            "directory": directory, "finding": finding.to_string(), "file": finding.file(), "entry": finding.entry(),
            "hint": hint,
        }),
    })
}

/// A checkpoint of another name than the key's: perhaps the caller mistook the log. What it says is nobody's word.
fn other_name(directory: &Path, key: &VerifierKey, finding: &Finding) -> Option<String> {
    let Finding::Checkpoint { file, .. } = finding else { return None };
    let mut head = Vec::new();
    File::open(directory.join(file)).ok()?.take(MAX_NAME).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head).into_owned();
    let name = head.lines().next().filter(|name| *name != key.name())?;
    Some(format!("its first line names the log {name:?}, and the key is for {:?}; is --origin right?", key.name()))
}
