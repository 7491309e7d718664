//! `bench`: builds the release profile, and becomes the benchmark.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::build::{self, Profile};
use crate::demo::become_program;
use crate::setup::Scope;
use crate::workspace::{Workspace, require_root};

/// Sets up, builds, and measures.
pub(crate) fn run(workspace: &Workspace, arguments: Vec<OsString>) -> Result<ExitCode> {
    require_root("bench")?;
    build::everything(workspace, Profile::Release, Scope::Everything)?;
    become_program(workspace, Profile::Release, "gate-bench", arguments)
}
