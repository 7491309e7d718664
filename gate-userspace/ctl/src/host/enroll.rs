//! `gatectl host enroll`: what this host trusts before it has any bundle.

use super::ConfigArguments;
use crate::bundle::create_file;
use crate::report::{Exit, Failure, Report};
use crate::text::{plain, time};
use gate_bundle::{Digest, Snapshot};
use gate_host::{HostConfig, Role};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Beside the public keys of the roles, where each of them reads it.
const SNAPSHOT: &str = "enrolled.snapshot";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The environment that this host is in.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// The SHA-256 of the duties.toml of the first bundle here: 64 hexadecimal digits, from people whom you trust.
    #[arg(long, value_name = "SHA256", value_parser = digest)]
    duties: Digest,
    /// Where this host begins, if not at version 1: gatectl bundle snapshot.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArguments,
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse().map_err(|error: gate_bundle::DigestError| error.to_string())
}

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let path = arguments.config.path()?;
    let config = arguments.config.load()?;
    let mut reasons = chains(&config);
    let snapshot = arguments.snapshot.as_deref().map(read).transpose()?;
    if let Some((_, snapshot)) = &snapshot {
        reasons.extend(misfits(snapshot, arguments, now));
    }
    if !reasons.is_empty() {
        reasons.push("nothing was enrolled".to_owned());
        return Err(Failure::refused(reasons));
    }
    let old = std::fs::read_to_string(&path)
        .map_err(|error| Failure::cannot(format!("{}: cannot be read: {error}", path.display())))?;
    let new = with_values(&old, &arguments.environment, &arguments.duties.to_string());
    check(&new, arguments).map_err(|why| Failure::cannot(format!("{}: {why}", path.display())))?;
    // The snapshot first: without it, the new root would admit the first bundle of a chain.
    let kept = config.keys_dir().join(SNAPSHOT);
    match &snapshot {
        Some((bytes, _)) => create_file(&kept, bytes, true)?,
        None => remove(&kept)?,
    }
    create_file(&path, new.as_bytes(), true)?;
    Ok(report(arguments, &path, snapshot.as_ref().map(|(_, snapshot)| snapshot)))
}

/// A host that has a chain has a root: another one would make its roles refuse to start, and an old snapshot would roll
/// it back.
fn chains(config: &HostConfig) -> Vec<String> {
    let chain = |role: Role| config.state_dir(role).join("bundles/chain");
    let has = |path: &PathBuf| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    let roles = super::SERVING.into_iter().map(chain).filter(has);
    roles
        .map(|path| {
            format!(
                "{}: there is a chain of bundles already; a host is enrolled once. To begin again, stop Gate and remove the \
                 state of every role",
                path.display()
            )
        })
        .collect()
}

fn read(path: &Path) -> Result<(Vec<u8>, Snapshot), Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let snapshot = Snapshot::parse(&bytes).map_err(|error| wrong(error.to_string()))?;
    Ok((bytes, snapshot))
}

/// What every role would refuse later. Whether the right people signed, they say with the bundle.
fn misfits(snapshot: &Snapshot, arguments: &Arguments, now: u64) -> Vec<String> {
    let (said, mut reasons) = (snapshot.said(), Vec::new());
    if said.environment != arguments.environment {
        reasons.push(format!(
            "the snapshot is for environment {}, --environment is {}",
            plain(&said.environment),
            plain(&arguments.environment)
        ));
    }
    if said.duties != arguments.duties {
        reasons.push(format!("the snapshot is by duties {}, --duties is {}", said.duties, arguments.duties));
    }
    if now > said.not_after {
        reasons.push(format!("the snapshot is stale: a host could begin with it until {}", time(said.not_after)));
    }
    reasons
}

/// The text with these two values; everything else stays as people wrote it.
fn with_values(text: &str, environment: &str, duties: &str) -> String {
    let (mut table, mut new) = (String::new(), String::new());
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with('[') {
            table = bare.to_owned();
        }
        let key = bare.split('=').next().unwrap_or_default().trim();
        match (table.as_str(), key) {
            ("", "environment") => new.push_str(&format!("environment = {environment:?}\n")),
            ("[enrolled]", "duties_sha256") => new.push_str(&format!("duties_sha256 = {duties:?}\n")),
            _ => new.push_str(line),
        }
    }
    new
}

/// What was written is what is read.
fn check(text: &str, arguments: &Arguments) -> Result<(), String> {
    let told = |problems: Vec<gate_host::Problem>| {
        let lines = problems.iter().map(|problem| format!("line {}: {}", problem.line, problem.message));
        lines.collect::<Vec<_>>().join("; ")
    };
    let config = HostConfig::parse(text).map_err(told)?;
    let found = Digest::from_bytes(config.enrolled().duties_sha256);
    if config.environment() == arguments.environment && found == arguments.duties {
        return Ok(());
    }
    Err("environment and [enrolled] duties_sha256 are not each on a line of their own; write them so".to_owned())
}

fn remove(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::cannot(format!("{}: cannot be removed: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn report(arguments: &Arguments, path: &Path, snapshot: Option<&Snapshot>) -> Report {
    let first = match snapshot.map(Snapshot::said) {
        None => "version 1, with exactly these duties".to_owned(),
        Some(said) => format!("version {}, bundle {}, until {}", said.version, said.bundle, time(said.not_after)),
    };
    let text = format!(
        "enrolled in {}\n  environment  {}\n  duties       {}\n  first        {first}\nnext: restart the roles, then gatectl \
         bundle load\n",
        path.display(),
        plain(&arguments.environment),
        arguments.duties
    );
    let said = snapshot.map(Snapshot::said);
    let json = json!({
        "config": path, "environment": arguments.environment, "duties": arguments.duties,
        "first_version": said.map_or(1, |said| said.version), "first_bundle": said.map(|said| said.bundle),
    });
    Report { exit: Exit::Fine, text, json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_values_change_and_nothing_else() {
        let old = "# a host\nhost = \"h1\" # its name\n  environment = \"x\"\n\n[enrolled]\nduties_sha256 = \"00\"\n[role.net]\n\
                   environment = \"not this\"\n";
        let new = with_values(old, "demo", "ff");
        let expected = old.replace("  environment = \"x\"", "environment = \"demo\"").replace("\"00\"", "\"ff\"");
        assert_eq!(new, expected);
    }
}
