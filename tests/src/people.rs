//! People with SSH keys, and what they sign.

use anyhow::Context as _;
use gate_bundle::{Bundle, Role, signing_namespace};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// alice, who authors; bob, who approves; carol, who audits; mallory, whom the duties do not know.
pub struct People {
    directory: PathBuf,
}

const NAMES: [&str; 4] = ["alice", "bob", "carol", "mallory"];

impl People {
    /// Makes their keys below a directory.
    ///
    /// # Errors
    /// When ssh-keygen fails.
    pub fn make(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory)?;
        for name in NAMES {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(directory.join(name));
            let made = keygen.output().context("starting ssh-keygen (Debian: openssh-client)")?;
            anyhow::ensure!(made.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&made.stderr));
        }
        Ok(Self { directory: directory.into() })
    }

    /// The file of a person's private key.
    #[must_use]
    pub fn key(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// `duties.toml` for these people.
    ///
    /// # Errors
    /// When a key cannot be read.
    pub fn duties(&self) -> anyhow::Result<String> {
        let person = |name: &str, may: &str| -> anyhow::Result<String> {
            let key = fs::read_to_string(self.key(name).with_extension("pub"))?;
            Ok(format!("[person.{name}]\nkeys = [\"{}\"]\nmay = [{may}]\n", key.trim()))
        };
        let alice = person("alice", "\"author\", \"approve\", \"operate\"")?;
        let bob = person("bob", "\"approve\"")?;
        let carol = person("carol", "\"audit\"")?;
        Ok(format!("mode = \"team\"\napprovals = 1\n\n{alice}\n{bob}\n{carol}"))
    }

    /// The bundle with one more signature, made by ssh-keygen as people do.
    ///
    /// # Errors
    /// When ssh-keygen fails, or the bundle does not take the signature.
    pub fn sign(&self, bundle: &Bundle, name: &str, role: Role) -> anyhow::Result<Bundle> {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-Y", "sign", "-n", signing_namespace(role), "-f"]).arg(self.key(name));
        keygen.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut signer = keygen.spawn().context("starting ssh-keygen")?;
        // Dropped at once: the end of its input.
        signer.stdin.take().context("no pipe")?.write_all(bundle.manifest_bytes())?;
        let signed = signer.wait_with_output()?;
        anyhow::ensure!(signed.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&signed.stderr));
        Ok(bundle.with_signature(&String::from_utf8(signed.stdout)?)?)
    }
}
