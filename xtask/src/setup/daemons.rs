//! Keeps Debian's packages from starting their daemons while they are installed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The script that Debian's maintainer scripts ask before they start a daemon.
pub(crate) const POLICY: &str = "/usr/sbin/policy-rc.d";

/// While it lives, no daemon is started; a script that somebody else put there is left alone and decides.
pub(crate) struct KeptStill {
    ours: Option<PathBuf>,
}

impl KeptStill {
    pub(crate) fn begin(policy: &Path) -> Result<Self> {
        let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(policy);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(Self { ours: None }),
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", policy.display())),
        };
        let kept = Self { ours: Some(policy.to_path_buf()) };
        file.write_all(script(std::process::id()).as_bytes())
            .with_context(|| format!("cannot write {}", policy.display()))?;
        Ok(kept)
    }
}

impl Drop for KeptStill {
    fn drop(&mut self) {
        if let Some(path) = &self.ours {
            let _ = fs::remove_file(path);
        }
    }
}

/// Forbids starts as long as `process` lives, so that a script left behind by a kill forbids nothing.
fn script(process: u32) -> String {
    format!(
        "#!/bin/sh\n\
         # Written by `cargo xtask setup` for the time of an installation; may be removed.\n\
         grep -qs xtask /proc/{process}/comm && exit 101\n\
         exit 0\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn starts_are_forbidden_while_the_installer_lives() {
        let directory = tempfile::tempdir().unwrap();
        let policy = directory.path().join("policy-rc.d");
        let kept = KeptStill::begin(&policy).unwrap();
        // The test's own process is named after the crate.
        assert_eq!(Command::new(&policy).status().unwrap().code(), Some(101));
        drop(kept);
        assert!(!policy.exists());
    }

    #[test]
    fn a_script_left_behind_forbids_nothing() {
        let mut gone = Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let status = Command::new("sh").args(["-c", &script(gone.id())]).status().unwrap();
        assert_eq!(status.code(), Some(0));
    }

    #[test]
    fn somebody_elses_script_stays() {
        let directory = tempfile::tempdir().unwrap();
        let policy = directory.path().join("policy-rc.d");
        fs::write(&policy, "theirs").unwrap();
        drop(KeptStill::begin(&policy).unwrap());
        assert_eq!(fs::read_to_string(&policy).unwrap(), "theirs");
    }
}
