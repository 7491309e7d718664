//! A client's connection that stays open while other things happen.

use crate::{Host, attacker::Outcome};
use anyhow::Context as _;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

/// A connection of a service. Dropping it closes it.
pub struct Held {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The first outcome that it printed: for a connection, what came of connecting.
    pub opened: Outcome,
}

impl Host {
    /// Opens a connection in a service's place, for HTTP requests.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn hold(&mut self, service: &str, to: SocketAddr) -> anyhow::Result<Held> {
        self.keep(service, &["hold", &to.to_string()])
    }

    /// The same, for plain lines.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn hold_plain(&mut self, service: &str, to: SocketAddr) -> anyhow::Result<Held> {
        self.keep(service, &["hold", "--plain", &to.to_string()])
    }

    /// The same, for datagrams over a connected UDP socket.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn hold_udp(&mut self, service: &str, to: SocketAddr) -> anyhow::Result<Held> {
        self.keep(service, &["hold-udp", &to.to_string()])
    }

    /// Starts an attempt of gate-attacker that stays, in a service's place.
    ///
    /// # Errors
    /// When gate-attacker does not run.
    pub fn keep(&mut self, service: &str, words: &[&str]) -> anyhow::Result<Held> {
        let attacker = self.installed("gate-attacker")?.display().to_string();
        let mut command = self.command(service, &[&[attacker.as_str()], words].concat())?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().context("no pipe")?;
        let mut output = BufReader::new(child.stdout.take().context("no pipe")?);
        let opened = read(&mut output)?;
        Ok(Held { child, input, output, opened })
    }
}

impl Held {
    /// One request on it: `GET /orders/1`; for what [`Host::keep`] started, one line.
    ///
    /// # Errors
    /// When gate-attacker has ended.
    pub fn ask(&mut self, request: &str) -> anyhow::Result<Outcome> {
        writeln!(self.input, "{request}")?;
        read(&mut self.output)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: &mut BufReader<ChildStdout>) -> anyhow::Result<Outcome> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    Outcome::from_json(&line).with_context(|| format!("gate-attacker said {line:?}"))
}
