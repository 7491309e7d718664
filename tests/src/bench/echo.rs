//! What a question takes that nobody thinks about: a process that answers every question with "allow" at once. The way
//! there and back, over the same kind of socket with the same frames, is the machine's; what gate-authz takes beyond it is
//! gate-authz's own.

use super::cpu;
use crate::{Host, wait};
use anyhow::Context as _;
use gate_ipc::{
    CgroupRoot, Listener,
    messages::{Answer, AuthzReply, AuthzRequest},
};
use gate_record::Outcome;
use gate_statements::DecisionId;
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Everybody may ask: it decides nothing.
const MODE: u32 = 0o666;

/// The process, on the measured processor; ended when it is dropped.
pub struct Echo {
    child: Child,
    socket: PathBuf,
}

impl Echo {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        let socket = host.path("run/echo.sock");
        let mut command = Command::new("taskset");
        command.args(["-c", &cpu::list(&cpu::measured())]).arg(host.installed("gate-bench")?).arg("echo");
        let child =
            command.arg(&socket).arg(host.cgroups()).stdin(Stdio::null()).spawn().context("starting an echo")?;
        let echo = Self { child, socket };
        // Connecting fails until it listens, and is tried again by the client.
        wait::until("the echo to listen", || Ok(echo.socket.exists().then_some(())))?;
        Ok(echo)
    }

    /// Where it is asked.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process itself: answers one connection after the other.
///
/// # Errors
/// When it cannot listen, or was asked what is no question.
pub fn echo(socket: &Path, cgroups: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = Listener::bind(socket, MODE, None, CgroupRoot::resolve(cgroups)?)?;
        loop {
            let connection = listener.accept().await??;
            while let Some(frame) = connection.receive::<AuthzRequest>(0).await? {
                let answers = frame.message.questions.iter().map(|_| allowed()).collect();
                connection.send(&AuthzReply::Decided(answers), &[]).await?;
            }
        }
    })
}

fn allowed() -> Answer {
    Answer {
        decision: DecisionId([7; 16]),
        outcome: Outcome::Allow,
        why: String::new(),
        cacheable: true,
        expires_ms: u64::MAX,
        grant: None,
    }
}
