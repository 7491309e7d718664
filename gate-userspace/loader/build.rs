//! Puts the BPF object where the loader's `include_bytes_aligned!` finds it: `concat!(env!("OUT_DIR"), "/gate-ebpf.o")`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Names another object than the one that `cargo xtask build-ebpf` made.
const OBJECT_VARIABLE: &str = "GATE_EBPF_OBJECT";

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={OBJECT_VARIABLE}");
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), String> {
    let object = object()?;
    println!("cargo::rerun-if-changed={}", object.display());
    let bytes = fs::read(&object).map_err(|error| {
        format!("the BPF object {} cannot be read ({error}): run cargo xtask build-ebpf", object.display())
    })?;
    if !bytes.starts_with(b"\x7fELF") {
        return Err(format!("{} is not an ELF file: run cargo xtask build-ebpf", object.display()));
    }
    let copy = directory("OUT_DIR")?.join("gate-ebpf.o");
    fs::write(&copy, bytes).map_err(|error| format!("cannot write {}: {error}", copy.display()))
}

fn object() -> Result<PathBuf, String> {
    if let Some(path) = env::var_os(OBJECT_VARIABLE) {
        return Ok(path.into());
    }
    let crate_directory = directory("CARGO_MANIFEST_DIR")?;
    let workspace = crate_directory
        .parent()
        .and_then(Path::parent)
        .ok_or_else(|| format!("{} is not two levels below the workspace", crate_directory.display()))?;
    Ok(workspace.join("target/ebpf/gate-ebpf.o"))
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable).map(PathBuf::from).ok_or_else(|| format!("cargo did not set {variable}"))
}
