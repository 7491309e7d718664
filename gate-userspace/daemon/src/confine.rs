//! The sandbox of a daemon: what its role needs, and what this daemon needs on top.

use crate::{Context, DaemonError};
use gate_sandbox::{Report, Sandbox};
use std::path::PathBuf;

/// What a daemon still needs once it is confined, besides what its role always needs (its own state directory, the
/// sockets in the run directory, `/proc` for identifying callers).
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Files and directories to read.
    pub read: Vec<PathBuf>,
    /// Files and directories to read and write.
    pub write: Vec<PathBuf>,
}

/// Applies the sandbox to this process, for good, and says in words what holds.
pub(crate) fn confine(sandbox: Sandbox, context: &Context, needs: Needs) -> Result<String, DaemonError> {
    let mut sandbox = sandbox.for_host(&context.config);
    for path in needs.read {
        sandbox = sandbox.read(path);
    }
    for path in needs.write {
        sandbox = sandbox.read_write(path);
    }
    let report = sandbox.apply()?.verify()?;
    Ok(in_words(&report))
}

fn in_words(report: &Report) -> String {
    let capabilities = match report.capabilities.as_slice() {
        [] => "no capabilities".to_owned(),
        some => some.join(" "),
    };
    let holds = |holds: bool, what: &str| format!("{what}{}", if holds { "" } else { " MISSING" });
    [
        capabilities,
        holds(report.no_new_privs, "no_new_privs"),
        holds(report.undumpable, "undumpable"),
        holds(report.seccomp, "seccomp"),
        format!("landlock ABI {}", report.landlock_abi),
        format!("{} descriptors at most", report.nofile),
    ]
    .join(", ")
}
