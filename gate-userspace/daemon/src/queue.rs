//! The reports that wait for gate-audit: bounded in number and in bytes. What does not fit is counted, and the count
//! is reported as soon as there is room.

use crate::reporter::{Active, Health, NotRecorded};
use gate_host::Clock;
use gate_record::{Event, MAX_ENTRY, Report};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Most reports that wait.
pub(crate) const MAX_REPORTS: usize = 65_536;
/// Most bytes of reports that wait.
const MAX_BYTES: usize = 64 << 20;
/// Most bytes of one report. The rest of an entry of [`MAX_ENTRY`] bytes is what gate-audit adds.
pub(crate) const MAX_REPORT: usize = MAX_ENTRY - 2_048;
/// Most bytes of one batch, within [`gate_ipc::MAX_FRAME`] with room for lengths.
const MAX_BATCH_BYTES: usize = gate_ipc::MAX_FRAME - 4_096;
/// Reports that come within this time after the first travel in one frame.
const GATHER: Duration = Duration::from_millis(2);

type Waiter = oneshot::Sender<Result<(), NotRecorded>>;

struct Queued {
    report: Vec<u8>,
    waiter: Option<Waiter>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// Of the queue and of the batch under way.
    reports: usize,
    bytes: usize,
    lost: u64,
    oversized: u64,
    /// From overflow on until half of the room is free again.
    full: bool,
    away: Option<String>,
    active: Active,
    waiters: usize,
}

/// What [`crate::Reporter`]s fill and one courier empties.
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Notify,
    clock: Clock,
}

impl Queue {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), wake: Notify::new(), clock })
    }

    pub(crate) fn push(&self, event: Event, waiter: Option<Waiter>) {
        let mut state = self.lock();
        if state.full {
            state.lost += 1;
            drop(state);
            return refuse(waiter, "the spool is full: gate-audit does not take reports");
        }
        let active = state.active.clone();
        drop(state);
        // Encoded outside the lock, by whoever reports: several threads do.
        let Some(report) = self.encode(event, &active) else {
            self.lock().oversized += 1;
            return refuse(waiter, "the report is too large to be recorded");
        };
        let mut state = self.lock();
        if state.reports >= MAX_REPORTS || state.bytes + report.len() > MAX_BYTES {
            state.full = true;
            state.lost += 1;
            drop(state);
            return refuse(waiter, "the spool is full: gate-audit does not take reports");
        }
        let wakes = state.queue.is_empty() || waiter.is_some();
        state.waiters += usize::from(waiter.is_some());
        state.reports += 1;
        state.bytes += report.len();
        state.queue.push_back(Queued { report, waiter });
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
    }

    fn encode(&self, event: Event, active: &Active) -> Option<Vec<u8>> {
        let report = Report {
            time_ms: self.clock.unix_ms(),
            version: active.version,
            bundle: active.bundle.map(|digest| digest.to_string()).unwrap_or_default(),
            event,
        };
        serde_json::to_vec(&report).ok().filter(|bytes| bytes.len() <= MAX_REPORT)
    }

    pub(crate) fn set_active(&self, active: Active) {
        self.lock().active = active;
    }

    pub(crate) fn active(&self) -> Active {
        self.lock().active.clone()
    }

    pub(crate) fn health(&self) -> Health {
        let state = self.lock();
        if state.full {
            return Health::Full { lost: state.lost };
        }
        match &state.away {
            Some(why) => Health::Spooling { waiting: state.reports, why: why.clone() },
            None => Health::Recording,
        }
    }

    pub(crate) fn accepts(&self) -> bool {
        !self.lock().full
    }

    /// A thread that panicked while it held the lock left nothing half done that matters here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(waiter: Option<Waiter>, why: &str) {
    if let Some(waiter) = waiter {
        // Whoever gave up no longer listens.
        let _ = waiter.send(Err(NotRecorded { why: why.into() }));
    }
}

/// The other end of the queue: for the one who carries reports to the record.
pub struct Reports {
    queue: Arc<Queue>,
}

/// Reports that belong together. Dropping it loses them, counted.
pub struct Batch {
    queue: Arc<Queue>,
    reports: Vec<Vec<u8>>,
    waiters: Vec<Waiter>,
    bytes: usize,
    counted: usize,
}

impl Reports {
    pub(crate) fn new(queue: &Arc<Queue>) -> Self {
        Self { queue: Arc::clone(queue) }
    }

    /// The next reports, at most [`gate_ipc::MAX_BATCH`], as soon as there are any. Cancel-safe.
    pub async fn next(&mut self) -> Batch {
        loop {
            let woken = self.queue.wake.notified();
            if self.is_empty() {
                woken.await;
                continue;
            }
            if !self.is_urgent() {
                // Woken early by a report that is waited for, or by nobody.
                let _ = tokio::time::timeout(GATHER, self.queue.wake.notified()).await;
            }
            return self.take();
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.queue.lock();
        state.queue.is_empty() && (state.full || state.lost + state.oversized == 0)
    }

    /// Says that the record cannot be reached, and why; [`Batch::recorded`] takes it back.
    pub fn away(&self, why: String) {
        self.queue.lock().away = Some(why);
    }

    fn is_urgent(&self) -> bool {
        let state = self.queue.lock();
        state.waiters > 0 || state.queue.len() >= gate_ipc::MAX_BATCH
    }

    fn take(&self) -> Batch {
        let mut batch =
            Batch { queue: Arc::clone(&self.queue), reports: Vec::new(), waiters: Vec::new(), bytes: 0, counted: 0 };
        let mut state = self.queue.lock();
        let losses = take_losses(&mut state);
        let active = state.active.clone();
        batch.reports.extend(losses.into_iter().filter_map(|event| self.queue.encode(event, &active)));
        while batch.reports.len() < gate_ipc::MAX_BATCH {
            let Some(next) = state.queue.pop_front_if(|next| batch.bytes + next.report.len() <= MAX_BATCH_BYTES) else {
                break;
            };
            state.waiters -= usize::from(next.waiter.is_some());
            batch.bytes += next.report.len();
            batch.counted += 1;
            batch.reports.push(next.report);
            batch.waiters.extend(next.waiter);
        }
        batch
    }
}

fn take_losses(state: &mut State) -> Vec<Event> {
    if state.full {
        return Vec::new();
    }
    let counts =
        [("spool", std::mem::take(&mut state.lost)), ("report too large", std::mem::take(&mut state.oversized))];
    let lost = counts.into_iter().filter(|(_, count)| *count > 0);
    lost.map(|(what, count)| Event::Loss { what: what.into(), source: String::new(), count }).collect()
}

impl Batch {
    /// The reports, as JSON.
    #[must_use]
    pub fn reports(&self) -> &[Vec<u8>] {
        &self.reports
    }

    /// Whether somebody waits until they are durable.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// They are in the record.
    pub fn recorded(mut self) {
        for waiter in std::mem::take(&mut self.waiters) {
            let _ = waiter.send(Ok(()));
        }
        let queue = Arc::clone(&self.queue);
        let mut state = queue.lock();
        state.away = None;
        self.release(&mut state);
    }

    /// They cannot be recorded now and will be offered again: whoever waits, waits no longer.
    pub fn postponed(&mut self, why: &str) {
        for waiter in std::mem::take(&mut self.waiters) {
            refuse(Some(waiter), why);
        }
        self.queue.lock().away = Some(why.to_owned());
    }

    fn release(&mut self, state: &mut State) {
        state.reports -= std::mem::take(&mut self.counted);
        state.bytes -= std::mem::take(&mut self.bytes);
        if state.reports <= MAX_REPORTS / 2 && state.bytes <= MAX_BYTES / 2 {
            state.full = false;
        }
        self.reports.clear();
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if self.counted > 0 {
            let queue = Arc::clone(&self.queue);
            let mut state = queue.lock();
            state.lost += self.counted as u64;
            self.release(&mut state);
        }
    }
}
