//! The demo's steps. Each is also a test.

mod flows;

use crate::{Host, Output, Report, attacker::Outcome};
use anyhow::Context as _;

/// Step 1: who reaches the ledger.
pub const FLOWS: Step = Step { title: "1. Flows are restricted by service", run: flows::run };

/// One step.
#[derive(Clone, Copy)]
pub struct Step {
    /// Its heading.
    pub title: &'static str,
    run: fn(&mut Host, &mut Report) -> anyhow::Result<()>,
}

impl Step {
    /// Runs it; an error is a line that failed.
    pub fn run(self, host: &mut Host, report: &mut Report) {
        report.step(self.title);
        if let Err(error) = (self.run)(host, report) {
            report.failed(&error.context(host.logs()));
        }
    }
}

impl Host {
    /// Runs gate-attacker in a service's place.
    ///
    /// # Errors
    /// When it says nothing that can be read.
    pub fn attempt(&mut self, service: &str, words: &[&str]) -> anyhow::Result<Outcome> {
        let attacker = self.installed("gate-attacker")?.display().to_string();
        let words: Vec<&str> = std::iter::once(attacker.as_str()).chain(words.iter().copied()).collect();
        read(&self.run(service, &words)?)
    }
}

fn read(output: &Output) -> anyhow::Result<Outcome> {
    Outcome::from_json(&output.out).with_context(|| format!("gate-attacker said {:?}", output.text()))
}
