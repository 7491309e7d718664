//! A role that is killed as it enters its nth call of a kind.

use anyhow::{Context as _, ensure};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// strace, attached. Dropping it detaches.
pub struct Tracer(Child);

impl Tracer {
    /// Attaches to all threads of a process.
    pub fn attach(pid: u32, call: &str, number: u32) -> anyhow::Result<Self> {
        // Each of these names has several numbers; the C library and the standard library choose.
        let calls = match call {
            "rename" => "rename,renameat,renameat2",
            "unlink" => "unlink,unlinkat",
            other => other,
        };
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:signal=KILL:when={number}"), "-p", &pid.to_string()]);
        let mut child = command.stderr(Stdio::piped()).spawn().context("starting strace (Debian: strace)")?;
        let mut said = BufReader::new(child.stderr.take().context("no pipe")?);
        let tracer = Self(child);
        let mut line = String::new();
        said.read_line(&mut line)?;
        ensure!(line.contains("attached"), "strace said {line:?}");
        // It says more when the process ends, and must not block on it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Ok(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
