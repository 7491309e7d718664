//! Reporting on a data path: no lock for each report.

use crate::Reporter;
use crate::queue::{Named, Queue, Queued};
use gate_record::Event;
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Reports that are handed over together.
const GATHERED: usize = 64;
/// How long a report waits for others.
const GATHER: Duration = Duration::from_millis(5);

/// Reports of one thread: gathered without a lock, and handed over many at a time. Clones share what they gather.
#[derive(Clone)]
pub struct LocalReporter {
    local: Rc<Local>,
}

struct Local {
    queue: Arc<Queue>,
    state: RefCell<State>,
    /// There is a first report, or there will never be one again.
    begun: Rc<Notify>,
}

struct State {
    gathered: Vec<Queued>,
    generation: u64,
    bundle: Arc<Named>,
}

impl LocalReporter {
    /// Inside a [`tokio::task::LocalSet`], for its thread.
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        let (generation, bundle) = queue.bundle();
        let state = State { gathered: Vec::with_capacity(GATHERED), generation, bundle };
        let begun = Rc::new(Notify::new());
        let local = Rc::new(Local { queue, state: state.into(), begun: Rc::clone(&begun) });
        let weak = Rc::downgrade(&local);
        tokio::task::spawn_local(async move {
            loop {
                begun.notified().await;
                tokio::time::sleep(GATHER).await;
                let Some(local) = weak.upgrade() else { return };
                local.hand_over();
            }
        });
        Self { local }
    }

    /// Reports an event with the time and the bundle in force. Never waits.
    pub fn report(&self, event: Event) {
        self.local.report(event);
    }

    /// Whether reports are taken. `false`: the spool is full; deny what may not go unrecorded.
    #[must_use]
    pub fn accepts(&self) -> bool {
        self.local.queue.accepts()
    }
}

impl Local {
    fn report(&self, event: Event) {
        if !self.queue.accepts() {
            return self.queue.lose();
        }
        let time_ms = self.queue.now_ms();
        let mut state = self.state.borrow_mut();
        if state.generation != self.queue.generation() {
            (state.generation, state.bundle) = self.queue.bundle();
        }
        let bundle = Arc::clone(&state.bundle);
        state.gathered.push(Queued { event, time_ms, bundle, waiter: None });
        let gathered = state.gathered.len();
        drop(state);
        if gathered >= GATHERED {
            self.hand_over();
        } else if gathered == 1 {
            self.begun.notify_one();
        }
    }

    fn hand_over(&self) {
        let gathered = &mut self.state.borrow_mut().gathered;
        if !gathered.is_empty() {
            self.queue.push_all(gathered);
        }
    }
}

/// What a thread has gathered when it ends is reported, too.
impl Drop for Local {
    fn drop(&mut self) {
        self.hand_over();
        self.begun.notify_one();
    }
}

impl Reporter {
    /// The same for one thread and a data path. Inside a [`tokio::task::LocalSet`].
    #[must_use]
    pub fn local(&self) -> LocalReporter {
        LocalReporter::new(Arc::clone(self.queue()))
    }
}

impl fmt::Debug for LocalReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalReporter").finish_non_exhaustive()
    }
}
