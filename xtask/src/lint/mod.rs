//! `lint`: what the compiler and the tests do not say.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::build::{locked, selection};
use crate::build_ebpf::{self, Warnings};
use crate::setup::{self, BpfTools};
use crate::step;
use crate::workspace::Workspace;
use metadata::Metadata;

mod boundaries;
mod files;
mod licences;
pub(crate) mod metadata;
#[cfg(test)]
mod tests;

/// Checks everything; sets up what the checks need.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let metadata = Metadata::read(workspace)?;
    let tools = setup::for_compiling(workspace)?;
    build_ebpf::build(workspace, &tools, Warnings::Shown)?;
    check(workspace, &metadata, Some(&tools), &[])?;
    step::note("lint: nothing found");
    Ok(ExitCode::SUCCESS)
}

/// Every check, but clippy on the packages in `left_out`, and on the BPF programs only with the tools for it; the BPF
/// object must be there. Goes through all of them before it fails.
pub(crate) fn check(
    workspace: &Workspace,
    metadata: &Metadata,
    tools: Option<&BpfTools>,
    left_out: &[&str],
) -> Result<()> {
    let mut failed = Vec::new();
    let mut note = |what: &str, result: Result<()>| {
        if let Err(error) = result {
            step::error(&format!("{error:#}"));
            failed.push(what.to_owned());
        }
    };
    step::step("checking dependency boundaries");
    note("boundaries", none(boundaries::violations(metadata, boundaries::BOUNDARIES)));
    step::step("checking licences");
    note("licences", none(licences::violations(metadata)));
    step::step("checking files");
    note("files", files::violations(workspace, metadata).and_then(none));
    note("formatting", step::visible("checking formatting", &mut workspace.cargo(["fmt", "--all", "--check"])));
    if let Some(tools) = tools {
        note("BPF programs", build_ebpf::build(workspace, tools, Warnings::Errors));
    }
    note("clippy", clippy(workspace, left_out));
    if !failed.is_empty() {
        bail!("lint failed: {}", failed.join(", "));
    }
    Ok(())
}

fn clippy(workspace: &Workspace, left_out: &[&str]) -> Result<()> {
    let mut command = workspace.cargo(["clippy", "--all-targets", "--keep-going"]);
    command.args(selection(left_out)).args(locked()).args(["--", "-D", "warnings"]);
    step::visible("clippy", &mut command)
}

fn none(violations: Vec<String>) -> Result<()> {
    if !violations.is_empty() {
        bail!("{}", violations.join("\nerror: "));
    }
    Ok(())
}
