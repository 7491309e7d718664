//! gate-audit at work: reports in, entries out, and the log for operators.

use crate::report::{Refused, accept};
use crate::{Budgets, Bundles, Reconciler, Writer};
use gate_audit_log::{Reader, VerifierKey};
use gate_daemon::{Admitted, Batch, Call, Context, Duty, Handler, Misuse, Reports};
use gate_host::Role;
use gate_ipc::messages::{AdminReply, AuditReply, AuditRequest, Refused as RefusedReply};
use gate_ipc::{Caller, MAX_BATCH, MAX_FRAME};
use gate_record::{Entry, Event, Report};
use gate_statements::{Confirmation, Signed};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

/// How often it is looked for what has waited too long.
const LOOK: Duration = Duration::from_secs(1);
/// How long the own reports wait when the log cannot be written.
const PAUSE: Duration = Duration::from_millis(250);
/// Most bytes of entries in one answer to an operator, within a frame.
const MAX_READ: usize = MAX_FRAME - 8_192;
/// Entries that are looked through for decisions at the start.
const REPLAYED: u64 = 65_536;
/// Rounds of [`LOOK`] between two sums of what the budgets left out.
const SUM_UP: u32 = 10;

/// The daemon's state, for one thread.
pub struct Service {
    context: Context,
    writer: Writer,
    directory: PathBuf,
    verifier: VerifierKey,
    bundles: RefCell<Bundles>,
    budgets: RefCell<Budgets>,
    reconciler: RefCell<Reconciler>,
}

/// The decisions among the last entries of the log, so that a restart forgets none that may still be named.
///
/// # Errors
/// What is wrong with the log.
pub fn replay(directory: &std::path::Path, verifier: &VerifierKey, now_ms: u64) -> Result<Reconciler, String> {
    let mut reconciler = Reconciler::default();
    let mut reader = Reader::open(directory, verifier).map_err(|finding| finding.to_string())?;
    let from = reader.checkpoint().size.saturating_sub(REPLAYED);
    for entry in reader.entries(from) {
        let (_, bytes) = entry.map_err(|finding| finding.to_string())?;
        // An entry of a later version is none of ours.
        let Ok(Entry { received_ms, report, .. }) = gate_record::decode(&bytes) else { continue };
        if let event @ Event::Decision { .. } = report.event {
            let (time_ms, version, bundle) = (report.time_ms, report.version, report.bundle);
            // It was compared when it was received.
            let _ = reconciler.observe(&Report { time_ms, version, bundle, event }, received_ms);
        }
    }
    reconciler.expire(now_ms);
    Ok(reconciler)
}

impl Service {
    /// A service that writes with `writer` to the log in `directory`.
    #[must_use]
    pub fn new(
        context: Context,
        writer: Writer,
        directory: PathBuf,
        verifier: VerifierKey,
        budgets: Budgets,
        reconciler: Reconciler,
    ) -> Self {
        let (budgets, reconciler) = (budgets.into(), reconciler.into());
        Self { context, writer, directory, verifier, bundles: RefCell::default(), budgets, reconciler }
    }

    /// Writes this daemon's own reports, as long as it runs.
    pub async fn write_own(&self, mut reports: Reports) {
        loop {
            let batch = reports.next().await;
            self.write_batch(batch).await;
        }
    }

    async fn write_batch(&self, mut batch: Batch) {
        loop {
            let entries = self.entries(Role::Audit, batch.reports(), "this process");
            match self.writer.write(entries, batch.is_durable()).await {
                Ok(_) => return batch.recorded(),
                Err(why) => batch.postponed(&why),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Raises what has waited too long for its decision, and sums up what the budgets left out.
    pub async fn look(&self) {
        let mut interval = tokio::time::interval(LOOK);
        for round in 1_u32.. {
            interval.tick().await;
            let now = self.context.clock.unix_ms();
            let mut events = self.reconciler.borrow_mut().expire(now);
            if round.is_multiple_of(SUM_UP) {
                events.extend(self.budgets.borrow_mut().sum_up(now));
            }
            events.into_iter().for_each(|event| self.context.reporter.report(event));
        }
    }

    /// The entries that these reports become. What is refused, left out or contradicts a decision is taken note of.
    fn entries(&self, role: Role, reports: &[Vec<u8>], peer: &str) -> Vec<Vec<u8>> {
        let now = self.context.clock.unix_ms();
        let mut entries = Vec::with_capacity(reports.len());
        let mut refused = Vec::new();
        for bytes in reports {
            match accept(role, bytes).and_then(|report| self.entry(role, report, now)) {
                Ok(entry) => entries.extend(entry),
                Err(Refused(found)) => refused.push(found),
            }
        }
        if let Some(first) = refused.first() {
            let found = match refused.len() {
                1 => first.clone(),
                count => format!("{first}; {count} of {} reports were refused", reports.len()),
            };
            let (socket, peer) = ("audit.sock".into(), format!("gate-{role}, {peer}"));
            let event = Event::Rejected { socket, peer, found };
            if self.budgets.borrow_mut().admit(role, &event, now) {
                self.context.reporter.report(event);
            }
        }
        entries
    }

    /// One entry; `None` beyond the source's budget.
    fn entry(&self, role: Role, report: Report, now: u64) -> Result<Option<Vec<u8>>, Refused> {
        if let Some(found) = self.reconciler.borrow_mut().observe(&report, now) {
            self.context.reporter.report(Event::Mismatch { found });
        }
        if !self.budgets.borrow_mut().admit(role, &report.event, now) {
            return Ok(None);
        }
        let bundles = self.bundles.borrow();
        let entry = Entry {
            host: self.context.config.host().to_owned(),
            environment: self.context.config.environment().to_owned(),
            role: role.name().to_owned(),
            received_ms: now,
            git_commit: bundles.git_commit(&report.bundle),
            solo: bundles.is_solo(),
            report: report.into(),
        };
        gate_record::encode(&entry).map(Some).map_err(Refused)
    }

    fn read_entries(&self, from: u64, count: u32) -> Result<AdminReply, String> {
        let mut reader = Reader::open(&self.directory, &self.verifier).map_err(|finding| finding.to_string())?;
        let size = reader.checkpoint().size;
        let most = usize::try_from(count).unwrap_or(usize::MAX).min(MAX_BATCH);
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for entry in reader.entries(from).take(most) {
            let (_, entry) = entry.map_err(|finding| finding.to_string())?;
            bytes += entry.len();
            if bytes > MAX_READ {
                break;
            }
            entries.push(entry);
        }
        Ok(AdminReply::Entries { from, entries, size })
    }
}

impl Handler for Service {
    type Request = AuditRequest;
    type Reply = AuditReply;
    const DESCRIPTORS: usize = 0;
    /// A batch is answered when it is on disk; those that come meanwhile go into the same commit.
    const AHEAD: usize = gate_daemon::AHEAD;

    async fn handle(&self, call: Call<'_, AuditRequest>) -> Result<AuditReply, Misuse> {
        let Caller::Role(role) = call.caller else {
            return Err(Misuse { found: "a report of somebody who is no role".into() });
        };
        let AuditRequest { reports, durable } = call.request;
        if reports.is_empty() || reports.len() > MAX_BATCH {
            return Err(Misuse {
                found: format!("{} reports in one frame; 1 to {MAX_BATCH} are right", reports.len()),
            });
        }
        let entries = self.entries(role, &reports, &call.peer.to_string());
        Ok(match self.writer.write(entries, durable).await {
            Ok(size) => AuditReply::Recorded { size },
            Err(why) => AuditReply::Refused(RefusedReply { by: self.context.name(), reasons: vec![why] }),
        })
    }
}

impl Duty for Service {
    async fn stage(&self, _: &Admitted) -> Result<Option<Signed<Confirmation>>, Vec<String>> {
        Ok(None)
    }

    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        self.bundles.borrow_mut().activate(bundle);
        Ok(())
    }

    fn status(&self) -> Value {
        let log = self.writer.state();
        let (decisions, waiting) = self.reconciler.borrow().counts();
        json!({
            "origin": log.origin,
            "verifier_key": log.verifier_key,
            "size": log.size,
            "root": log.root,
            "commits": log.commits,
            "failed": log.failed,
            "decisions": decisions,
            "acts_without_decision": waiting,
        })
    }

    async fn read(&self, from: u64, count: u32) -> Result<AdminReply, Vec<String>> {
        self.read_entries(from, count).map_err(|reason| vec![reason])
    }
}
