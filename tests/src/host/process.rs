//! Processes in a service's or a role's place: cgroup, network namespace, user, capabilities.

use anyhow::{Context as _, bail};
use std::{
    ffi::OsStr,
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Where and as whom a process runs.
#[derive(Debug, Clone)]
pub struct Stand {
    /// Directory of its cgroup.
    pub cgroup: PathBuf,
    /// File of its network namespace.
    pub netns: PathBuf,
    /// User and group.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Capabilities, as capabilities(7) names them without `CAP_`, in lower case.
    pub capabilities: &'static [&'static str],
    /// A network namespace of its own, with nothing in it.
    pub private_network: bool,
}

impl Stand {
    /// A command that becomes `program` there.
    ///
    /// # Errors
    /// When gate-launch is not built.
    pub fn command<S: AsRef<OsStr>>(&self, program: S, arguments: &[S]) -> anyhow::Result<Command> {
        let mut command = Command::new(super::programs::built("gate-launch")?);
        command.arg("--cgroup").arg(&self.cgroup).arg("--netns").arg(&self.netns);
        command.args(["--uid", &self.uid.to_string(), "--gid", &self.gid.to_string()]);
        if !self.groups.is_empty() {
            command.args(["--groups", &self.groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",")]);
        }
        if !self.capabilities.is_empty() {
            command.args(["--caps", &self.capabilities.join(",")]);
        }
        if self.private_network {
            command.arg("--private-network");
        }
        command.arg("--").arg(program).args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).current_dir("/");
        Ok(command)
    }
}

/// What a command that has ended left.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// How long it took, gate-launch included.
    pub took: Duration,
}

impl Output {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let output = command.output().with_context(|| format!("starting {command:?}"))?;
        Ok(Self {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: begun.elapsed(),
        })
    }

    /// Whether it ended with 0.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Both streams, on one line, for reports.
    #[must_use]
    pub fn text(&self) -> String {
        let text = format!("{} {}", self.out.trim(), self.err.trim());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A process that stays, its output in a file. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log).context("opening the log")?;
        command.stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        Ok(Self { name: name.into(), child, log: log.into() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number, which gate-launch had before it.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the process's output, if it has ended.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended with {status}:\n{}", self.name, self.log());
        }
        Ok(())
    }

    /// The end of its output.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }

    /// `kill -9`, and waits for its end.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop, and waits for its end.
    ///
    /// # Errors
    /// When it does not stop in an orderly way.
    pub fn stop(mut self) -> anyhow::Result<()> {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM)?;
        let status = self.child.wait()?;
        if !status.success() && status.signal() != Some(15) {
            bail!("{} ended with {status}:\n{}", self.name, self.log());
        }
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end with 0.
    pub fn wait(mut self) -> anyhow::Result<()> {
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "{} ended with {status}:\n{}", self.name, self.log());
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
