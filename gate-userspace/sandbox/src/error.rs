//! Why a process does not start serving.

use crate::report::Report;
use gate_host::Role;
use std::io;
use std::path::PathBuf;

/// Why there is no sandbox. A process that gets this must not serve.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// What the kernel says of this process could not be read.
    #[error("{path}: cannot be read: {source}; /proc must be mounted")]
    Proc {
        /// The file.
        path: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A thread would stay outside: most of the sandbox holds for the calling thread and those that it makes later.
    #[error("the process has {found} threads; a sandbox must be applied before the second one is made")]
    Threads {
        /// How many there are.
        found: usize,
    },
    /// Another user than the configuration gives this role.
    #[error("{role} runs as uid {found_uid}, gid {found_gid}; the configuration gives it uid {uid}, gid {gid}")]
    User {
        /// The role.
        role: Role,
        /// The effective user.
        found_uid: u32,
        /// The effective group.
        found_gid: u32,
        /// The configured user.
        uid: u32,
        /// The configured group.
        gid: u32,
    },
    /// The role's work needs a capability that the process was not started with.
    #[error("{role} needs {missing}, and was started without: give it the ambient capability")]
    MissingCapability {
        /// The role.
        role: Role,
        /// Names, separated by commas.
        missing: String,
    },
    /// A path that the role needs is not there.
    #[error("{path}: cannot be opened for the sandbox: {message}")]
    Path {
        /// The path.
        path: PathBuf,
        /// The cause.
        message: String,
    },
    /// The kernel has no Landlock.
    #[error(
        "this kernel does not restrict file access (Landlock is {found}): enable it (lsm=landlock,…), or allow \
         serving without: [sandbox] landlock = \"if-available\""
    )]
    NoLandlock {
        /// What the kernel says.
        found: &'static str,
    },
    /// Landlock was refused.
    #[error("the kernel refused the Landlock rules: {0}")]
    Landlock(#[from] landlock::RulesetError),
    /// The list of system calls could not be compiled.
    #[error("the list of system calls cannot be compiled: {0}")]
    Filter(#[from] seccompiler::BackendError),
    /// One step was refused by the kernel.
    #[error("{step}: refused by the kernel: {source}")]
    Refused {
        /// What was to be done.
        step: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// All steps went through, and yet reading back shows something else.
    #[error("the sandbox does not hold: {}", .0.problems.join("; "))]
    DoesNotHold(Box<Report>),
}

/// Names a step that the kernel refused.
pub(crate) fn refused(step: &'static str) -> impl FnOnce(rustix::io::Errno) -> SandboxError {
    move |errno| SandboxError::Refused { step, source: errno.into() }
}
