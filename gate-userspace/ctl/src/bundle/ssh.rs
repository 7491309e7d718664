//! Signing with the SSH keys that people have: `ssh-keygen -Y sign`, which speaks to files, agents and security keys.

use crate::report::Failure;
use gate_bundle::Key;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The key to sign with.
#[derive(Debug, Clone)]
pub(crate) enum Signer {
    /// A private key's file (of a security key: its handle).
    File(PathBuf),
    /// The public half of a key that the agent holds.
    Agent(PathBuf),
}

/// Whose key signs.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct KeyArguments {
    /// Your private SSH key (for a security key, its handle).
    #[arg(long, value_name = "PATH")]
    key: Option<PathBuf>,
    /// The public half of a key that your SSH agent holds.
    #[arg(long, value_name = "PUBKEYFILE")]
    agent_key: Option<PathBuf>,
}

impl KeyArguments {
    pub(crate) fn signer(&self) -> Result<Signer, Failure> {
        Signer::of(self.key.as_deref(), self.agent_key.as_deref())
    }
}

impl Signer {
    pub(crate) fn of(key: Option<&Path>, agent_key: Option<&Path>) -> Result<Self, Failure> {
        match (key, agent_key) {
            (Some(key), _) => Ok(Self::File(key.to_owned())),
            (None, Some(key)) => Ok(Self::Agent(key.to_owned())),
            (None, None) => Err(Failure::cannot("no key; give --key or --agent-key")),
        }
    }
}

/// An armored signature of the message in this namespace. What ssh-keygen asks for (passphrase, PIN, touch), it asks on the terminal.
pub(crate) fn sign(signer: &Signer, namespace: &str, message: &[u8]) -> Result<String, Failure> {
    let key = match signer {
        Signer::File(key) => key,
        Signer::Agent(key) => {
            check_agent(key)?;
            key
        }
    };
    if !key.is_file() {
        return Err(Failure::cannot(format!("{}: there is no such key file", key.display())));
    }
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(key);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|error| {
        Failure::cannot(format!("ssh-keygen cannot be run: {error}; install OpenSSH's client programs"))
    })?;
    let failed = |error: io::Error| Failure::cannot(format!("ssh-keygen: {error}"));
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(message) {
            // It ended before it read: its exit code says so.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other.map_err(failed)?,
        }
    }
    let output = child.wait_with_output().map_err(failed)?;
    let armored = String::from_utf8(output.stdout).unwrap_or_default();
    if !output.status.success() || armored.is_empty() {
        return Err(Failure::cannot(format!(
            "ssh-keygen made no signature with {} ({}); its own message is above",
            key.display(),
            output.status
        )));
    }
    Ok(armored)
}

fn check_agent(key: &Path) -> Result<(), Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", key.display()));
    let text = std::fs::read_to_string(key).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let line = text.lines().next().unwrap_or_default();
    Key::parse(line).map_err(|error| wrong(error.to_string()))?;
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        return Err(wrong("no agent is there (SSH_AUTH_SOCK is not set); start ssh-agent, or give --key".into()));
    }
    Ok(())
}
