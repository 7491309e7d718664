//! Files: how long they are, and that every crate takes the workspace's lints.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::metadata::Metadata;
use crate::workspace::Workspace;

const LONGEST: usize = 500;
/// Its target has no `std`, and every program in it is unsafe by nature.
const WITHOUT_LINTS: &str = "gate-ebpf";

/// Every Rust file that is too long, and every member of the workspace that does not opt in to the lints.
pub(crate) fn violations(workspace: &Workspace, metadata: &Metadata) -> Result<Vec<String>> {
    let mut found = too_long(workspace.root())?;
    for member in metadata.members().filter(|member| member.name != WITHOUT_LINTS) {
        if !takes_lints(&read(&member.manifest_path)?)? {
            let manifest = member.manifest_path.display();
            found.push(format!(
                "{manifest}: {} does not take the workspace's lints; add\n[lints]\nworkspace = true",
                member.name
            ));
        }
    }
    Ok(found)
}

/// Rust files of more than [`LONGEST`] lines below a directory.
pub(crate) fn too_long(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in rust_files(root)? {
        let lines = read(&file)?.lines().count();
        if lines > LONGEST {
            found.push(format!("{}: {lines} lines; at most {LONGEST}: split it", file.display()));
        }
    }
    Ok(found)
}

/// Whether a manifest says `[lints] workspace = true`.
pub(crate) fn takes_lints(manifest: &str) -> Result<bool> {
    let table: toml::Table = manifest.parse().context("a manifest that cargo read is no TOML")?;
    let opted_in = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    Ok(opted_in == Some(true))
}

fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", directory.display()))?;
        let (name, path) = (entry.file_name(), entry.path());
        let is_directory = entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?.is_dir();
        if is_directory && name != "target" && !name.to_string_lossy().starts_with('.') {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
