//! `demo`: builds, and becomes the demo.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::build::{self, Profile};
use crate::setup::Scope;
use crate::step;
use crate::workspace::{Workspace, require_root};

/// Sets up, builds, and runs the demo.
pub(crate) fn run(workspace: &Workspace, json: Option<PathBuf>, further: Vec<OsString>) -> Result<ExitCode> {
    require_root("demo")?;
    build::everything(workspace, Profile::Dev, Scope::Run)?;
    let json = json.map(|file| [OsString::from("--json"), file.into()]).into_iter().flatten();
    become_program(workspace, Profile::Dev, "gate-demo", json.chain(further))
}

/// Replaces this process, so that signals and the exit code are the program's own. The current directory stays the
/// caller's, whose file names are relative to it.
pub(crate) fn become_program(
    workspace: &Workspace,
    profile: Profile,
    name: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ExitCode> {
    let program = workspace.target().join(profile.directory()).join(name);
    if !program.is_file() {
        bail!("{} was not built: the package gate-tests has no program {name}", program.display());
    }
    step::step(&format!("running {name}"));
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
