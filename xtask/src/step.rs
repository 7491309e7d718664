//! Visible progress: one line per step, a command's output only when it is worth seeing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// How many lines of a failed command's output are shown; the whole of it stays in the log file.
const SHOWN_LINES: usize = 60;

/// Says what happens now.
pub(crate) fn step(message: &str) {
    line("==>", message);
}

/// Says something beside the steps.
pub(crate) fn note(message: &str) {
    line("   ", message);
}

/// Says why the task failed.
pub(crate) fn error(message: &str) {
    line("error:", message);
}

// A closed standard error is no reason to stop a build.
fn line(prefix: &str, message: &str) {
    let _ = writeln!(std::io::stderr(), "{prefix} {message}");
}

/// Runs a command whose own output is the progress that people want to see.
pub(crate) fn visible(what: &str, command: &mut Command) -> Result<()> {
    let status = visible_status(what, command)?;
    if !status.success() {
        bail!("{what} failed ({status}): {}", shown(command));
    }
    Ok(())
}

/// As [`visible`], for a command whose failure is the caller's to judge.
pub(crate) fn visible_status(what: &str, command: &mut Command) -> Result<ExitStatus> {
    step(what);
    command.status().with_context(|| format!("cannot start {}", shown(command)))
}

/// Runs a long command quietly, its output going to `log`; shows the end of the output when it fails.
pub(crate) fn quiet(what: &str, command: &mut Command, log: &Path) -> Result<()> {
    step(what);
    let begun = Instant::now();
    if let Some(directory) = log.parent() {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        bail!(
            "{what} failed ({status}): {}\n{}\n(whole output: {})",
            shown(command),
            last_lines(&text, SHOWN_LINES),
            log.display()
        );
    }
    note(&format!("done in {} s", begun.elapsed().as_secs()));
    Ok(())
}

/// What a command prints; an error when it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} failed ({}): {}", shown(command), output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} printed something that is not UTF-8", shown(command)))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(count);
    lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_quiet_command_shows_the_end_of_its_output() {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "seq 100; echo the reason >&2; exit 3"]);
        let error = quiet("counting", &mut command, &directory.path().join("log")).unwrap_err().to_string();
        assert!(error.contains("counting failed (exit status: 3)"), "{error}");
        assert!(error.contains("100\nthe reason"), "{error}");
        assert!(!error.contains("\n40\n"), "{error}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = output(&mut Command::new("/nonexistent/program")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/program"), "{error}");
    }
}
