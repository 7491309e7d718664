//! `setup`: what this machine lacks, installed. Fast when it lacks nothing.

use anyhow::Result;

use crate::step;
use crate::workspace::{Workspace, is_root};
use apt::Apt;
use linker::Linker;
use toolchain::Toolchain;

mod apt;
mod choice;
mod daemons;
mod linker;
mod programs;
mod toolchain;

/// For which tasks the machine is to be ready.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Compiling.
    Build,
    /// Compiling, and the programs that tests and demo run.
    Run,
    /// All of that, and the load generator of the benchmark.
    Everything,
}

/// The means to compile BPF programs.
pub(crate) struct BpfTools {
    pub(crate) toolchain: Toolchain,
    pub(crate) linker: Linker,
}

/// Installs what `scope` needs and the machine lacks.
pub(crate) fn run(workspace: &Workspace, scope: Scope) -> Result<BpfTools> {
    step::step("setting up");
    let mut apt = Apt::new(workspace);
    let tools = choice::ready_or_installed(workspace, &mut apt)?;
    step::note(&format!("BPF toolchain: {}; {}", tools.toolchain, tools.linker));
    programs::install(&mut apt, scope)?;
    Ok(tools)
}

/// As [`run`], for compiling alone.
pub(crate) fn for_compiling(workspace: &Workspace) -> Result<BpfTools> {
    run(workspace, Scope::Build)
}

/// Whether [`for_compiling`] can succeed with the rights that there are.
pub(crate) fn can_compile_bpf(workspace: &Workspace) -> bool {
    is_root() || choice::needs_no_package(workspace)
}
