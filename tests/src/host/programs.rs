//! Where the programs are that this build made.

use anyhow::{Context as _, bail};
use std::path::{Path, PathBuf};

/// A program of this workspace, built with the profile of the running one.
///
/// # Errors
/// When it was not built.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let myself = std::env::current_exe().context("finding the running program")?;
    let mut directory = myself.parent().unwrap_or(Path::new("/"));
    // Tests are in target/<profile>/deps.
    if directory.file_name().is_some_and(|name| name == "deps") {
        directory = directory.parent().unwrap_or(directory);
    }
    let program = directory.join(name);
    if !program.is_file() {
        bail!("{} is not there; build it: cargo xtask build", program.display());
    }
    Ok(program)
}
