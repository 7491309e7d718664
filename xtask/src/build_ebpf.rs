//! `build-ebpf`: the BPF programs, by a toolchain and for a target of their own.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::setup::{self, BpfTools};
use crate::step;
use crate::workspace::{Workspace, is_ci};

const TARGET: &str = "bpfel-unknown-none";

/// Builds the BPF programs.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let tools = setup::for_compiling(workspace)?;
    build(workspace, &tools, Warnings::Shown)?;
    step::note(&format!("{}", object(workspace).display()));
    Ok(ExitCode::SUCCESS)
}

/// What a warning of the compiler is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warnings {
    Shown,
    Errors,
}

/// Where gate-loader's build script looks for the object.
fn object(workspace: &Workspace) -> PathBuf {
    workspace.target().join("ebpf/gate-ebpf.o")
}

/// Builds the object; cargo decides what there is to do.
pub(crate) fn build(workspace: &Workspace, tools: &BpfTools, warnings: Warnings) -> Result<()> {
    let directory = workspace.target().join("ebpf");
    step::visible("building the BPF programs", &mut cargo(workspace, tools, &directory, warnings))?;
    replace_if_different(&directory.join(TARGET).join("release/gate-ebpf"), &object(workspace))
}

fn cargo(workspace: &Workspace, tools: &BpfTools, directory: &Path, warnings: Warnings) -> Command {
    let mut command = workspace.foreign(&tools.toolchain.cargo);
    command
        .args(["build", "--package", "gate-ebpf", "--release", "-Z", "build-std=core", "--target", TARGET])
        .env("RUSTC", &tools.toolchain.rustc)
        // A release compiler refuses `-Z` without it; a nightly does not care.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", directory)
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", tools.linker.program())
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_flags(workspace))
        // The workspace's release profile is for user space: here a check of an overflow would be a reachable panic,
        // which the verifier refuses, and bpf-linker sees the whole program anyway.
        .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "false")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "2");
    if warnings == Warnings::Errors {
        command.args(["-Z", "warnings"]).env("CARGO_BUILD_WARNINGS", "deny");
    }
    if is_ci() {
        command.arg("--locked");
    }
    command
}

/// BTF, and no path of this machine in the debug information: the object is the same wherever it is built.
fn encoded_flags(workspace: &Workspace) -> OsString {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_default();
    let mut flags = OsString::from("-Clink-arg=--btf");
    for (from, to) in [(workspace.root(), "/gate"), (cargo_home.as_path(), "/cargo")] {
        flags.push("\x1f--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    flags
}

/// Keeps the file and its time when nothing changed, so that gate-loader is not built again.
fn replace_if_different(new: &Path, old: &Path) -> Result<()> {
    let bytes = fs::read(new).with_context(|| format!("cargo made no {}", new.display()))?;
    if fs::read(old).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    let beside = old.with_extension(format!("o.{}", std::process::id()));
    fs::write(&beside, bytes).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::rename(&beside, old).with_context(|| format!("cannot write {}", old.display()))
}
