//! Why a daemon does not serve.

use gate_host::Role;
use std::io;
use std::path::PathBuf;

/// Why a daemon does not serve, in words for whoever started it.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// `gate.toml`.
    #[error(transparent)]
    Config(#[from] gate_host::ConfigError),
    /// The enrolled public keys.
    #[error(transparent)]
    PublicKeys(#[from] gate_host::PublicKeyError),
    /// The role's own key.
    #[error("{0}; `gate-{1} init-key` makes a key, and root enrols its public half")]
    Key(#[source] gate_host::KeyError, Role),
    /// The role's key is another than the enrolled one.
    #[error("{}: its public half is not the key that is enrolled in {}; enrol {public}", key.display(), enrolled.display())]
    NotEnrolled {
        /// The role's private key.
        key: PathBuf,
        /// Where keys are enrolled.
        enrolled: PathBuf,
        /// The line to enrol.
        public: String,
    },
    /// It runs as somebody else, or somewhere else, than the configuration says: nobody would talk to it.
    #[error("this process runs as {found}; gate.toml says that gate-{role} is {right}")]
    Misplaced {
        /// The role.
        role: Role,
        /// User and cgroup as they are.
        found: String,
        /// User and cgroup as they must be.
        right: String,
    },
    /// The stored chain of bundles.
    #[error(transparent)]
    Store(#[from] gate_bundle::StoreError),
    /// A socket.
    #[error(transparent)]
    Bind(#[from] gate_ipc::BindError),
    /// The sandbox.
    #[error("the sandbox cannot be applied: {0}")]
    Sandbox(#[from] gate_sandbox::SandboxError),
    /// Something else of the operating system.
    #[error("{what}: {error}")]
    System {
        /// What was done.
        what: String,
        /// The answer.
        error: io::Error,
    },
    /// What the daemon itself found.
    #[error("{0}")]
    Duty(String),
}

impl DaemonError {
    /// For `map_err`.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::System { what, error }
    }
}
