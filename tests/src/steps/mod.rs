//! The demo's steps. Each is also a test.

mod bundles;
mod bypasses;
mod denials;
mod failures;
mod flows;
mod grants;
mod log;
mod requests;

use crate::{Host, Output, Report, attacker::Outcome};
use anyhow::Context as _;

/// Step 1: who reaches the ledger.
pub const FLOWS: Step = Step { title: "1. Flows are restricted by service", run: flows::run };

/// Step 2: a request that a rule allows.
pub const REQUESTS: Step = Step { title: "2. Requests go through the proxy, and nobody notices", run: requests::run };
/// Step 3: requests that no rule allows.
pub const DENIALS: Step = Step { title: "3. What no rule allows is denied", run: denials::run };
/// Step 4: around the proxy.
pub const BYPASSES: Step = Step { title: "4. There is no way around the proxy", run: bypasses::run };

/// Step 5: a compromised proxy.
pub const GRANTS: Step = Step { title: "5. The proxy reaches only what it was granted", run: grants::run };
/// Step 6: bad bundles.
pub const BUNDLES: Step = Step { title: "6. A bad bundle takes no effect", run: bundles::run };
/// Step 7: the record.
pub const LOG: Step = Step { title: "7. Everything is in the log, and the log cannot be changed", run: log::run };

/// Step 8: each process killed.
pub const FAILURES: Step = Step { title: "8. Each process killed in turn", run: failures::run };

/// All of them, in order.
pub const ALL: [Step; 8] = [FLOWS, REQUESTS, DENIALS, BYPASSES, GRANTS, BUNDLES, LOG, FAILURES];

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
