//! Which commit a policy directory is, if it is one.

use gate_bundle::Objects;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What git says of a directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Every policy file is as it is in this commit.
    Commit(String),
    /// Some are not; their lines of `git status --porcelain`.
    Dirty(Vec<String>),
    /// Nothing in it is kept in git, or git does not say; why.
    None(String),
}

/// Asks git. The repository's own settings start no program here.
pub(crate) fn find(directory: &Path) -> Found {
    let Ok(tracked) = git(directory, &["ls-files", "-z", "--", "."]) else {
        return Found::None("git is not installed".into());
    };
    if !tracked.status.success() {
        return Found::None(first_line(&tracked.stderr));
    }
    if tracked.stdout.is_empty() {
        return Found::None("no file of the directory is kept in git".into());
    }
    let status = ["status", "--porcelain", "--ignored", "--untracked-files=all", "--", "."];
    let (Some(status), Some(commit)) = (text(directory, &status), text(directory, &["rev-parse", "HEAD"])) else {
        return Found::None("the repository has no commit".into());
    };
    let lines: Vec<String> = status.lines().filter(|line| is_policy(line)).map(ToOwned::to_owned).collect();
    if lines.is_empty() { Found::Commit(commit.trim().to_owned()) } else { Found::Dirty(lines) }
}

/// The commit's own bytes, and those of the trees down to the directory. `None` where it is not signed with an SSH key.
pub(crate) fn objects(directory: &Path, commit: &str) -> Option<Objects> {
    let body = raw(directory, &["cat-file", "commit", commit])?;
    let signed = body.split(|byte| *byte == b'\n').any(|line| line.ends_with(b"-----BEGIN SSH SIGNATURE-----"));
    let prefix = signed.then(|| text(directory, &["rev-parse", "--show-prefix"])).flatten()?;
    let mut path = String::new();
    let mut trees = vec![raw(directory, &["cat-file", "tree", commit])?];
    for part in prefix.trim_end_matches('\n').split('/').filter(|part| !part.is_empty()) {
        path = if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") };
        trees.push(raw(directory, &["cat-file", "tree", &format!("{commit}:{path}")])?);
    }
    Some(Objects { commit: body, trees })
}

fn raw(directory: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    git(directory, arguments).ok().filter(|output| output.status.success()).map(|output| output.stdout)
}

/// Hidden files and notes are no part of a policy.
fn is_policy(line: &str) -> bool {
    let name = line.trim_end_matches('"').rsplit('/').next().unwrap_or(line);
    [".cedar", ".toml"].iter().any(|ending| name.ends_with(ending))
}

fn text(directory: &Path, arguments: &[&str]) -> Option<String> {
    let output = git(directory, arguments).ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

fn git(directory: &Path, arguments: &[&str]) -> std::io::Result<Output> {
    let mut command = Command::new("git");
    command.args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-C"]).arg(directory);
    command
        .args(arguments)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
}

fn first_line(stderr: &[u8]) -> String {
    String::from_utf8_lossy(stderr).lines().next().unwrap_or("git failed").to_owned()
}
