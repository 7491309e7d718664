//! The reports that wait for gate-audit: bounded in number and in bytes. What does not fit is counted, and the count
//! is reported as soon as there is room.
//!
//! Whoever reports pays for one lock and a move. Reports are encoded when a batch is taken, by the one who carries it.

use crate::reporter::{Active, Health, NotRecorded};
use gate_host::Clock;
use gate_record::{Event, MAX_ENTRY, encode_report};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// Most reports that wait.
pub(crate) const MAX_REPORTS: usize = 65_536;
/// Most bytes of reports that wait, each with [`OVERHEAD`].
const MAX_BYTES: usize = 64 << 20;
/// What a report takes up beside its text, about: the event, the queue's own, and what the allocator rounds up.
const OVERHEAD: usize = 512;
/// Most bytes of one report. The rest of an entry of [`MAX_ENTRY`] bytes is what gate-audit adds.
pub(crate) const MAX_REPORT: usize = MAX_ENTRY - 2_048;
/// Most bytes of one batch, within [`gate_ipc::MAX_FRAME`] with room for lengths.
const MAX_BATCH_BYTES: usize = gate_ipc::MAX_FRAME - 4_096;
/// Reports that come within this time after the first travel in one frame. gate-audit makes one commit of what comes in
/// a longer time, so that this adds little to when a report is durable.
const GATHER: Duration = Duration::from_millis(20);

pub(crate) type Waiter = oneshot::Sender<Result<(), NotRecorded>>;

/// The bundle in force, in the words of a report: made once for each bundle.
#[derive(Debug, Default)]
pub(crate) struct Named {
    active: Active,
    digest: String,
}

/// One report that is not encoded yet.
pub(crate) struct Queued {
    pub(crate) event: Event,
    pub(crate) time_ms: u64,
    pub(crate) bundle: Arc<Named>,
    pub(crate) waiter: Option<Waiter>,
}

impl Queued {
    fn size(&self) -> usize {
        self.event.text_bytes() + OVERHEAD
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let Named { active, digest } = &*self.bundle;
        let bytes = encode_report(self.time_ms, active.version, digest, &self.event).ok();
        bytes.filter(|bytes| bytes.len() <= MAX_REPORT)
    }
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// Of the queue and of all that was taken and is not recorded yet.
    reports: usize,
    bytes: usize,
    lost: u64,
    oversized: u64,
    away: Option<String>,
    bundle: Arc<Named>,
    waiters: usize,
}

/// What [`crate::Reporter`]s fill and one courier empties.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// From overflow on until half of the room is free again. Changed under the lock only.
    full: AtomicBool,
    /// Counts the bundles that were put into force, so that who keeps a [`Named`] sees that it is outdated.
    generation: AtomicU64,
    wake: Notify,
    clock: Clock,
}

impl Queue {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            full: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            wake: Notify::new(),
            clock,
        })
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    pub(crate) fn push(&self, event: Event, waiter: Option<Waiter>) {
        let time_ms = self.now_ms();
        let mut state = self.lock();
        if self.is_full() {
            state.lost += 1;
            drop(state);
            return refuse(waiter, "the spool is full: gate-audit does not take reports");
        }
        let queued = Queued { event, time_ms, bundle: Arc::clone(&state.bundle), waiter };
        let before = state.queue.len();
        let refused = self.add(&mut state, queued, false).err();
        self.leave(state, before);
        if let Some((waiter, why)) = refused {
            refuse(waiter, why);
        }
    }

    /// What a thread has gathered, in order and for nobody who waits. It was reported when there was room, so that it may
    /// exceed the room a little.
    pub(crate) fn push_all(&self, gathered: &mut Vec<Queued>) {
        let mut state = self.lock();
        let before = state.queue.len();
        for queued in gathered.drain(..) {
            // What is too large is counted.
            let _ = self.add(&mut state, queued, true);
        }
        self.leave(state, before);
    }

    /// Adds one report, or counts it and gives back who waits for it.
    fn add(&self, state: &mut State, queued: Queued, may_exceed: bool) -> Result<(), (Option<Waiter>, &'static str)> {
        let size = queued.size();
        // What is too large before it is encoded is not less so after.
        if queued.event.text_bytes() >= MAX_REPORT {
            state.oversized += 1;
            return Err((queued.waiter, "the report is too large to be recorded"));
        }
        if state.reports >= MAX_REPORTS || state.bytes + size > MAX_BYTES {
            self.full.store(true, Ordering::Relaxed);
            if !may_exceed {
                state.lost += 1;
                return Err((queued.waiter, "the spool is full: gate-audit does not take reports"));
            }
        }
        state.waiters += usize::from(queued.waiter.is_some());
        state.reports += 1;
        state.bytes += size;
        state.queue.push_back(queued);
        Ok(())
    }

    /// Ends a change, and wakes the courier where it has to begin to gather, or to stop. `before` waited until then.
    fn leave(&self, state: MutexGuard<'_, State>, before: usize) {
        let reached = |count| (before..state.queue.len()).contains(&(count - 1));
        let wakes = state.waiters > 0 || reached(1) || reached(gate_ipc::MAX_BATCH);
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
    }

    pub(crate) fn set_active(&self, active: Active) {
        let digest = active.bundle.map(|digest| digest.to_string()).unwrap_or_default();
        let mut state = self.lock();
        state.bundle = Arc::new(Named { active, digest });
        // After the change: whoever sees the new number and then takes the lock finds the new bundle.
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn active(&self) -> Active {
        self.lock().bundle.active.clone()
    }

    /// The bundle in force, with the number by which [`Queue::generation`] tells that it still is.
    pub(crate) fn bundle(&self) -> (u64, Arc<Named>) {
        let state = self.lock();
        (self.generation(), Arc::clone(&state.bundle))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn health(&self) -> Health {
        let state = self.lock();
        if self.is_full() {
            return Health::Full { lost: state.lost };
        }
        match &state.away {
            Some(why) => Health::Spooling { waiting: state.reports, why: why.clone() },
            None => Health::Recording,
        }
    }

    /// Whoever may not act without a record asks this for each act: no lock.
    pub(crate) fn accepts(&self) -> bool {
        !self.is_full()
    }

    /// Counts what was reported when there was no room.
    pub(crate) fn lose(&self) {
        self.lock().lost += 1;
    }

    fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// A thread that panicked while it held the lock left nothing half done that matters here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many reports do not take up room any more.
    fn release(&self, state: &mut State, reports: usize, bytes: usize) {
        state.reports -= reports;
        state.bytes -= bytes;
        if state.reports <= MAX_REPORTS / 2 && state.bytes <= MAX_BYTES / 2 {
            self.full.store(false, Ordering::Relaxed);
        }
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
    /// Taken off the queue and not encoded, because they did not fit into the last batch.
    left: VecDeque<Queued>,
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
        Self { queue: Arc::clone(queue), left: VecDeque::new() }
    }

    /// The next reports, at most [`gate_ipc::MAX_BATCH`], as soon as there are any and they were gathered: not at once,
    /// unless somebody waits for one of them or there are enough for a batch. Cancel-safe.
    pub async fn next(&mut self) -> Batch {
        loop {
            // What is reported between the look and the wait leaves a permit: the wait then ends at once.
            if self.is_empty() {
                self.queue.wake.notified().await;
                continue;
            }
            let end = Instant::now() + GATHER;
            // Woken early by a report that is waited for or by a full batch; or by the first, which is old news.
            while !self.is_urgent() && tokio::time::timeout_at(end, self.queue.wake.notified()).await.is_ok() {}
            let batch = self.take();
            // Of a batch nothing may be left: what is too large is counted instead.
            if !batch.reports.is_empty() {
                return batch;
            }
        }
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.queue.lock();
        let losses = !self.queue.is_full() && state.lost + state.oversized > 0;
        self.left.is_empty() && state.queue.is_empty() && !losses
    }

    /// Says that the record cannot be reached, and why; [`Batch::recorded`] takes it back.
    pub fn away(&self, why: String) {
        self.queue.lock().away = Some(why);
    }

    fn is_urgent(&self) -> bool {
        let state = self.queue.lock();
        !self.left.is_empty() || state.waiters > 0 || state.queue.len() >= gate_ipc::MAX_BATCH
    }

    fn take(&mut self) -> Batch {
        let queue = Arc::clone(&self.queue);
        let mut batch =
            Batch { queue: Arc::clone(&queue), reports: Vec::new(), waiters: Vec::new(), bytes: 0, counted: 0 };
        let time_ms = queue.now_ms();
        let mut state = queue.lock();
        let lost = queue.take_losses(&mut state);
        let most = gate_ipc::MAX_BATCH.saturating_sub(lost.len() + self.left.len()).min(state.queue.len());
        self.left.extend(state.queue.drain(..most));
        let bundle = Arc::clone(&state.bundle);
        drop(state);
        // Outside the lock: others report meanwhile.
        let lost = lost.into_iter().map(|event| Queued { event, time_ms, bundle: Arc::clone(&bundle), waiter: None });
        batch.reports.extend(lost.filter_map(|queued| queued.encode()));
        let mut length: usize = batch.reports.iter().map(Vec::len).sum();
        let (mut oversized, mut refused, mut waiters) = ((0, 0), Vec::new(), 0);
        while let Some(next) = self.left.pop_front() {
            let Some(report) = next.encode() else {
                oversized = (oversized.0 + 1, oversized.1 + next.size());
                waiters += usize::from(next.waiter.is_some());
                refused.extend(next.waiter);
                continue;
            };
            if length + report.len() > MAX_BATCH_BYTES {
                self.left.push_front(next);
                break;
            }
            length += report.len();
            batch.bytes += next.size();
            batch.counted += 1;
            batch.reports.push(report);
            waiters += usize::from(next.waiter.is_some());
            batch.waiters.extend(next.waiter);
        }
        let mut state = queue.lock();
        state.waiters -= waiters;
        state.oversized += oversized.0 as u64;
        queue.release(&mut state, oversized.0, oversized.1);
        drop(state);
        for waiter in refused {
            refuse(Some(waiter), "the report is too large to be recorded");
        }
        batch
    }
}

impl Queue {
    fn take_losses(&self, state: &mut State) -> Vec<Event> {
        if self.is_full() {
            return Vec::new();
        }
        let counts =
            [("spool", std::mem::take(&mut state.lost)), ("report too large", std::mem::take(&mut state.oversized))];
        let lost = counts.into_iter().filter(|(_, count)| *count > 0);
        lost.map(|(what, count)| Event::Loss { what: what.into(), source: String::new(), count }).collect()
    }
}

impl Batch {
    /// The reports, as JSON; none once [`Batch::take_reports`] has given them away.
    #[must_use]
    pub fn reports(&self) -> &[Vec<u8>] {
        &self.reports
    }

    /// Gives the reports away, to be sent without being copied. The batch goes on standing for them.
    pub fn take_reports(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.reports)
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
        self.queue.release(state, std::mem::take(&mut self.counted), std::mem::take(&mut self.bytes));
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
