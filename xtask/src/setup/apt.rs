//! Debian packages: what there is, and their installation.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::daemons;
use crate::step;
use crate::workspace::{Workspace, is_root};

/// apt-get, with the package lists refreshed once at most.
pub(crate) struct Apt<'a> {
    workspace: &'a Workspace,
    refreshed: bool,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, refreshed: false }
    }

    /// The version of a package that would be installed.
    pub(crate) fn candidate(&mut self, package: &str) -> Result<Option<String>> {
        self.refresh(&format!("look for {package}"))?;
        let mut command = Command::new("apt-cache");
        let text = step::output(command.args(["policy", package]).env("LC_ALL", "C"))?;
        Ok(parse_candidate(&text))
    }

    /// Whether every one of the packages can be installed.
    pub(crate) fn offers_all(&mut self, packages: &[String]) -> Result<bool> {
        for package in packages {
            if self.candidate(package)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Installs packages, starting none of the daemons in them.
    pub(crate) fn install(&mut self, what: &str, packages: &[String]) -> Result<()> {
        let names = packages.join(" ");
        self.refresh(&format!("install {what} ({names})"))?;
        let _kept_still = daemons::KeptStill::begin(Path::new(daemons::POLICY))?;
        let mut command = apt_get(["install", "--yes", "--no-install-recommends", "--no-remove"]);
        step::quiet(&format!("installing {what}: {names}"), command.args(packages), &self.log("install"))
    }

    fn refresh(&mut self, purpose: &str) -> Result<()> {
        if self.refreshed {
            return Ok(());
        }
        if !is_root() {
            bail!("cannot {purpose} without root: run `cargo xtask setup` as root once");
        }
        if !Path::new("/usr/bin/apt-get").is_file() {
            bail!("cannot {purpose}: this machine has no apt-get; install it with the machine's own package manager");
        }
        // One repository out of many that does not answer must not be the end: what is missing shows at the installation.
        let refreshed = step::quiet("refreshing the package lists", &mut apt_get(["update"]), &self.log("update"));
        if let Err(error) = refreshed {
            step::note(&format!("going on with the lists that there are: {error:#}"));
        }
        self.refreshed = true;
        Ok(())
    }

    fn log(&self, verb: &str) -> std::path::PathBuf {
        self.workspace.target().join("tools").join(format!("apt-{verb}.log"))
    }
}

fn apt_get<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("LC_ALL", "C");
    command
}

/// Takes a unit out of the next boot's start, when the package that brought it was installed for tests alone.
pub(crate) fn disable_unit(unit: &str) -> Result<()> {
    let systemctl = Path::new("/usr/bin/systemctl");
    if !systemctl.is_file() {
        return Ok(());
    }
    step::output(Command::new(systemctl).args(["--quiet", "disable", unit]))
        .map(drop)
        .with_context(|| format!("{unit} was installed for the tests and would start at the next boot"))
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_from_the_policy() {
        let known = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(parse_candidate(known).as_deref(), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(parse_candidate("llvm-99-dev:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }
}
