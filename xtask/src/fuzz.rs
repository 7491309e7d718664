//! `fuzz`: libFuzzer around what reads strangers' files.
//!
//! The stable compiler can instrument for libFuzzer: what it needs are arguments of LLVM's pass, and what runs in the
//! search is compiled by itself, below `target/fuzz`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::build::locked;
use crate::step;
use crate::workspace::Workspace;

/// The package, and its program.
const PACKAGE: &str = "gate-fuzz";
/// The directories of its corpus, as `gate_fuzz::Target` names them, each with the longest input that is tried.
const TARGETS: [(&str, usize); 8] = [
    ("services", 8 << 10),
    ("cases", 8 << 10),
    ("duties", 8 << 10),
    ("cedar", 8 << 10),
    ("manifest", 4 << 10),
    ("archive", 16 << 10),
    ("signature", 4 << 10),
    ("tables", 8 << 10),
];
/// Coverage counters for each edge, where they are, and what is compared with what.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes more than this is a finding: mebibytes in all, mebibytes at once, seconds.
const BOUNDS: [&str; 3] = ["-rss_limit_mb=2048", "-malloc_limit_mb=512", "-timeout=10"];

/// Builds and searches, one target after another.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>, seconds: u32) -> Result<ExitCode> {
    let chosen: Vec<_> = TARGETS.iter().filter(|(name, _)| target.is_none_or(|wanted| wanted == *name)).collect();
    if chosen.is_empty() {
        let known = TARGETS.map(|(name, _)| name).join(", ");
        bail!("no such target; there are {known}");
    }
    let program = build(workspace)?;
    let mut found = Vec::new();
    for (name, length) in chosen {
        found.extend(search(workspace, &program, name, *length, seconds)?);
    }
    for finding in &found {
        step::error(&format!("{}: minimize it with -minimize_crash=1, keep it in the corpus", finding.display()));
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    // Named, so that programs of the build itself are not instrumented.
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let directory = workspace.target().join("fuzz");
    let mut command = workspace.cargo(["build", "--release", "--package", PACKAGE, "--bin", PACKAGE]);
    command.args(["--features", "libfuzzer", "--target", &triple]).args(locked());
    command.env("CARGO_TARGET_DIR", &directory).env("RUSTFLAGS", INSTRUMENTATION);
    command.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    command.env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true");
    step::visible("building the targets", &mut command)?;
    Ok(directory.join(triple).join("release").join(PACKAGE))
}

/// Searches from the checked-in corpus on; what is new stays below `target/fuzz`. Findings.
fn search(workspace: &Workspace, program: &Path, target: &str, length: usize, seconds: u32) -> Result<Vec<PathBuf>> {
    let directory = workspace.target().join("fuzz").join(target);
    let [new, findings] = ["new", "findings"].map(|name| directory.join(name));
    for directory in [&new, &findings] {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    }
    let mut command = Command::new(program);
    command.env("GATE_FUZZ_TARGET", target).args(BOUNDS);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={length}")).arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", findings.display()));
    command.arg(&new).arg(workspace.root().join("tests/fuzz/corpus").join(target));
    step::visible_status(&format!("searching in {target} for {seconds} s"), &mut command)?;
    let entries = fs::read_dir(&findings).with_context(|| format!("cannot list {}", findings.display()))?;
    let files: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(files?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_of_the_corpus_is_a_target() {
        let corpus = Workspace::locate().unwrap().root().join("tests/fuzz/corpus");
        let entries = fs::read_dir(corpus).unwrap();
        let mut found: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        let mut known = TARGETS.map(|(name, _)| name.to_owned()).to_vec();
        found.sort();
        known.sort();
        assert_eq!(found, known);
    }
}
