//! bpf-linker, built against the LLVM of the toolchain that compiles the BPF programs.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::step;
use crate::workspace::Workspace;

const VERSION: &str = "0.13.0";
/// The LLVM versions that this bpf-linker can be built against.
const SUPPORTED_LLVM: std::ops::RangeInclusive<u32> = 21..=23;

/// A bpf-linker for one version of LLVM; it may not be there yet.
pub(crate) struct Linker {
    root: PathBuf,
    llvm: u32,
}

impl fmt::Display for Linker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "bpf-linker {VERSION} for LLVM {}", self.llvm)
    }
}

impl Linker {
    /// The linker for this major version of LLVM; none when bpf-linker does not know it.
    pub(crate) fn for_llvm(workspace: &Workspace, llvm: u32) -> Option<Self> {
        // The directory names all that the binary depends on, so that its existence says that it is the right one.
        let root = workspace.target().join("tools").join(format!("bpf-linker-{VERSION}-llvm-{llvm}"));
        SUPPORTED_LLVM.contains(&llvm).then_some(Self { root, llvm })
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.root.join("bin/bpf-linker")
    }

    /// Whether it is installed.
    pub(crate) fn is_ready(&self) -> bool {
        self.program().is_file()
    }

    /// The Debian packages that it is built with.
    pub(crate) fn packages(&self) -> Vec<String> {
        let llvm = self.llvm;
        let versioned = [format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev")];
        // LLVM's own dependencies leave out the libraries that `llvm-config --system-libs` names.
        versioned.into_iter().chain(["g++", "zlib1g-dev", "libzstd-dev"].map(str::to_owned)).collect()
    }

    /// Whether the LLVM that it is built with is installed.
    pub(crate) fn has_llvm(&self) -> bool {
        self.llvm_prefix().join("bin/llvm-config").is_file()
    }

    fn llvm_prefix(&self) -> PathBuf {
        PathBuf::from(format!("/usr/lib/llvm-{}", self.llvm))
    }

    /// Compiles and installs it.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<()> {
        let objects = workspace.target().join("tools/build");
        let feature = format!("llvm-{}", self.llvm);
        let mut command = workspace.cargo(["install", "bpf-linker", "--version", VERSION, "--locked", "--force"]);
        command
            .args(["--no-default-features", "--features", &feature, "--root"])
            .arg(&self.root)
            .env("CARGO_TARGET_DIR", &objects)
            .env("LLVM_PREFIX", self.llvm_prefix());
        let log = workspace.target().join("tools/bpf-linker.log");
        step::quiet(&format!("building {self} (about a minute)"), &mut command, &log)?;
        self.try_run(&log)?;
        remove_if_there(&objects)
    }

    // A linker that was built and does not start (a library is missing) must not count as ready the next time.
    fn try_run(&self, log: &Path) -> Result<()> {
        let Err(error) = step::output(std::process::Command::new(self.program()).arg("--version")) else {
            return Ok(());
        };
        remove_if_there(&self.root)?;
        bail!("{self} was built and does not run (see {}): {error:#}", log.display());
    }
}

fn remove_if_there(directory: &Path) -> Result<()> {
    match std::fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}
