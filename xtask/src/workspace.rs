//! Where things are, and the commands to run there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Set by `cargo run` for this program or by rustup for the toolchain that started it; another toolchain must not see them.
const TOOLCHAIN_VARIABLES: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// The workspace that this program was built from.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the workspace by the place of this crate, whatever the current directory is.
    pub(crate) fn locate() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the crate xtask has no directory above it")?
            .to_path_buf();
        if !root.join("Cargo.toml").is_file() {
            bail!(
                "{} has no Cargo.toml: the workspace was moved after xtask was built; run cargo xtask there",
                root.display()
            );
        }
        Ok(Self { root })
    }

    /// The directory of the workspace's Cargo.toml.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// `target/`, always below the root: the tests and gate-loader's build script look for things there.
    pub(crate) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// The cargo that started this program, in the workspace's root.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(arguments).current_dir(&self.root).env("CARGO_TARGET_DIR", self.target());
        command
    }

    /// A program of another toolchain, in the workspace's root.
    pub(crate) fn foreign(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for variable in TOOLCHAIN_VARIABLES {
            command.env_remove(variable);
        }
        command
    }
}

/// Whether this process runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a build server runs this.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

/// Refuses to go on without root.
pub(crate) fn require_root(task: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    bail!("`cargo xtask {task}` loads BPF programs and makes cgroups and namespaces: run it as root");
}
