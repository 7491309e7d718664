//! A request on its way: what ends it early, and when it has to be judged again.

use crate::authorize::Permit;
use crate::grants::{Grants, Pair};
use crate::head::Head;
use crate::limits;
use crate::session::Session;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

/// What an exchange waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The client's body.
    Uploading,
    /// The head of the backend's response.
    Waiting,
    /// The backend's body.
    Streaming,
}

/// One request that is being forwarded.
#[derive(Debug)]
pub struct Exchange {
    /// What was asked for.
    pub head: Head,
    /// On which connection.
    pub session: Rc<Session>,
    /// Its number.
    pub request_id: Rc<str>,
    /// The pair whose grant it uses.
    pair: Pair,
    phase: Cell<Phase>,
    /// The worker's ticks without progress.
    quiet: Cell<u32>,
    /// When it was last judged, Unix milliseconds, and under which bundle version.
    judged: Cell<(u64, u64)>,
    ended: Cell<Option<&'static str>>,
    waker: RefCell<Option<Waker>>,
}

impl Exchange {
    /// Judged now, with this permit.
    #[must_use]
    pub fn new(head: Head, session: Rc<Session>, request_id: Rc<str>, permit: &Permit, now_ms: u64) -> Rc<Self> {
        Rc::new(Self {
            head,
            session,
            request_id,
            pair: permit.pair(),
            phase: Cell::new(Phase::Waiting),
            quiet: Cell::new(0),
            judged: Cell::new((now_ms, permit.version())),
            ended: Cell::new(None),
            waker: RefCell::default(),
        })
    }

    /// It waits for something else now.
    pub fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.quiet.set(0);
    }

    /// Bytes have passed.
    pub fn progressed(&self) {
        self.quiet.set(0);
    }

    /// Ends it; whoever forwards it learns why.
    pub fn end(&self, why: &'static str) {
        self.ended.set(Some(why));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Why it was ended, if it was. If not, the task is woken when it is.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Option<&'static str> {
        if self.ended.get().is_none() {
            let mut place = self.waker.borrow_mut();
            if !place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *place = Some(cx.waker().clone());
            }
        }
        self.ended.get()
    }

    /// One tick more without progress; how many there are now.
    pub fn tick(&self) -> u32 {
        self.quiet.set(self.quiet.get().saturating_add(1));
        self.quiet.get()
    }

    /// Whether it has to be judged again, for its age, for another version, or because its grant ends; if so, it counts
    /// as judged now.
    pub fn is_due(&self, now_ms: u64, version: u64, grants: &Grants) -> bool {
        let (judged_ms, judged_under) = self.judged.get();
        let due = judged_under != version
            || now_ms.saturating_sub(judged_ms) >= limits::REJUDGE_MS
            || grants.is_ending(self.pair, now_ms);
        if due {
            self.judged.set((now_ms, version));
        }
        due
    }

    /// What it waits for.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }
}

/// The exchanges of a worker.
#[derive(Debug, Default)]
pub struct Exchanges {
    running: RefCell<Vec<Weak<Exchange>>>,
    /// At this length those that have ended are forgotten.
    crowded: Cell<usize>,
}

/// Exchanges that are kept without looking whether they have ended.
const ROOM: usize = 1_024;

impl Exchanges {
    /// One more. It is forgotten after it has ended.
    pub fn add(&self, exchange: &Rc<Exchange>) {
        let mut running = self.running.borrow_mut();
        if running.len() >= self.crowded.get().max(ROOM) {
            running.retain(|exchange| exchange.strong_count() > 0);
            self.crowded.set(running.len() * 2);
        }
        running.push(Rc::downgrade(exchange));
    }

    /// Those that run now.
    pub fn running(&self) -> Vec<Rc<Exchange>> {
        let mut running = self.running.borrow_mut();
        running.retain(|exchange| exchange.strong_count() > 0);
        running.iter().filter_map(Weak::upgrade).collect()
    }
}
