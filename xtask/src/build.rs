//! `build`: everything that is installed or run.

use std::process::ExitCode;

use anyhow::Result;

use crate::build_ebpf::{self, Warnings};
use crate::setup::{self, Scope};
use crate::step;
use crate::workspace::{Workspace, is_ci};

/// How user space is compiled. Tests and demo use `Dev`: it compiles in a fraction of the time, and what the one has
/// built the other uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub(crate) fn from_flag(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    /// The directory below `target/`.
    pub(crate) fn directory(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// Which of a package's targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Targets {
    Binaries,
    /// Tests too, with the features that they ask for, so that running them compiles nothing again.
    All,
}

/// Sets up and builds.
pub(crate) fn run(workspace: &Workspace, profile: Profile) -> Result<ExitCode> {
    everything(workspace, profile, Scope::Build)?;
    step::note(&format!("the programs are in target/{}", profile.directory()));
    Ok(ExitCode::SUCCESS)
}

/// Sets up for `scope`, and builds every program.
pub(crate) fn everything(workspace: &Workspace, profile: Profile, scope: Scope) -> Result<()> {
    let tools = setup::run(workspace, scope)?;
    build_ebpf::build(workspace, &tools, Warnings::Shown)?;
    user_space(workspace, profile, Targets::Binaries, &[])
}

/// Builds user space, but for the packages in `left_out`; the BPF object must be there.
pub(crate) fn user_space(workspace: &Workspace, profile: Profile, targets: Targets, left_out: &[&str]) -> Result<()> {
    let mut command = workspace.cargo(["build", "--profile", profile.name()]);
    command.args(selection(left_out)).args(locked());
    if targets == Targets::All {
        command.arg("--all-targets");
    }
    step::visible(&format!("building user space, profile {}", profile.name()), &mut command)
}

/// cargo's arguments for the default members but those in `left_out`.
pub(crate) fn selection(left_out: &[&str]) -> Vec<String> {
    if left_out.is_empty() {
        return Vec::new();
    }
    let excluded = left_out.iter().chain(&["gate-ebpf"]).flat_map(|name| ["--exclude".to_owned(), (*name).to_owned()]);
    std::iter::once("--workspace".to_owned()).chain(excluded).collect()
}

/// On a build server the lock file is what was reviewed.
pub(crate) fn locked() -> Option<&'static str> {
    is_ci().then_some("--locked")
}
