//! Runs the probe as some user.

use gate_host::Role;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// `EPERM`: capabilities or seccomp.
pub(crate) const EPERM: &str = "errno 1";
/// `EACCES`: Landlock or file modes.
pub(crate) const EACCES: &str = "errno 13";
/// `EBADF`: went through, to a descriptor that is not open.
pub(crate) const EBADF: &str = "errno 9";

/// The user without rights.
pub(crate) const NOBODY: u32 = 65534;

/// Roles that need no capability.
pub(crate) const UNPRIVILEGED: [Role; 4] = [Role::Proxy, Role::Authn, Role::Authz, Role::Audit];

/// Who runs the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever runs the tests.
    Same,
    /// The user without rights.
    Nobody,
    /// That user with `CAP_NET_ADMIN`, as systemd would start gate-net.
    NobodyWithNetAdmin,
}

/// A copy of the probe, and a directory that the user owns.
pub(crate) struct Probe {
    user: User,
    directory: TempDir,
    port: Option<u16>,
}

impl Probe {
    pub(crate) fn new(user: User) -> Self {
        let directory = TempDir::new().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Where it was built, other users may not be able to reach it. Another process copies: a descriptor of ours that is
        // open for writing could be inherited by a child that another test starts just now, and the file be "busy".
        let built = env!("CARGO_BIN_EXE_sandbox-probe");
        let copied = Command::new("cp").arg(built).arg(directory.path().join("probe")).status().unwrap();
        assert!(copied.success(), "cp {built}: {copied}");
        let probe = Self { user, directory, port: None };
        fs::create_dir(probe.place()).unwrap();
        if user != User::Same {
            chown(probe.place(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        probe
    }

    /// The port that the role may bind.
    pub(crate) fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The directory that the role may write in.
    pub(crate) fn place(&self) -> PathBuf {
        self.directory.path().join("place")
    }

    /// A directory that it may not.
    pub(crate) fn elsewhere(&self) -> &Path {
        self.directory.path()
    }

    /// The attempt without any sandbox.
    pub(crate) fn outside(&self, attempt: &[&str]) -> String {
        self.run("none", &self.place(), attempt)
    }

    /// The attempt in the role's sandbox.
    pub(crate) fn inside(&self, role: Role, attempt: &[&str]) -> String {
        self.run(role.name(), &self.place(), attempt)
    }

    /// The attempt in the sandbox that this `gate.toml` gives the role.
    pub(crate) fn on_host(&self, role: Role, gate_toml: &Path, attempt: &[&str]) -> String {
        self.run(role.name(), gate_toml, attempt)
    }

    fn run(&self, role: &str, place: &Path, attempt: &[&str]) -> String {
        let mut command = self.command();
        command.arg(role).arg(place).args(attempt);
        if let Some(port) = self.port {
            command.env("PROBE_PORT", port.to_string());
        }
        let output = command.output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && shown.ends_with('\n'),
            "{role} {attempt:?}: {}: {shown}{errors}",
            output.status
        );
        shown.trim_end().to_owned()
    }

    fn command(&self) -> Command {
        let probe = self.directory.path().join("probe");
        if self.user == User::Same {
            return Command::new(probe);
        }
        let mut command = Command::new("setpriv");
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        if self.user == User::NobodyWithNetAdmin {
            command.args(["--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin"]);
        }
        command.arg(probe);
        command
    }
}

/// Whether the attempt went through.
pub(crate) fn is_ok(outcome: &str) -> bool {
    outcome == "ok" || outcome.starts_with("ok ")
}

/// The tests that need root fail without it, rather than pass for nothing.
pub(crate) fn assert_root() {
    assert!(rustix::process::geteuid().is_root(), "this test must be run by root");
}
