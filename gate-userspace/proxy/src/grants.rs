//! Which pairs (source, destination) the kernel lets this proxy connect for, as far as this worker knows, and who of its
//! requests is getting the next grant.

use crate::limits;
use gate_tables::ServiceId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use tokio::sync::Notify;

/// A source and a destination.
pub type Pair = (ServiceId, ServiceId);

/// The grants that gate-net has accepted.
#[derive(Debug, Default)]
pub struct Grants {
    pairs: RefCell<HashMap<Pair, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    until_ms: u64,
    claimed: Option<Rc<Notify>>,
}

/// What a request has to do about its pair's grant.
#[derive(Debug)]
pub enum State {
    /// Nothing: it lives long enough, or still lives and another request renews it.
    Live,
    /// Get one, and say so when it is there. Others wait meanwhile.
    Yours(Claim),
    /// Wait for the one who gets it, then look again.
    Wait(Rc<Notify>),
}

/// The duty to get a pair's grant. Dropping it lets another request try.
#[derive(Debug)]
pub struct Claim {
    grants: Rc<Grants>,
    pair: Pair,
}

impl Grants {
    /// What a request for this pair has to do.
    pub fn state(self: &Rc<Self>, pair: Pair, now_ms: u64) -> State {
        let mut pairs = self.pairs.borrow_mut();
        if pairs.len() >= limits::GRANTS && !pairs.contains_key(&pair) {
            pairs.retain(|_, entry| entry.until_ms > now_ms || entry.claimed.is_some());
        }
        let entry = pairs.entry(pair).or_default();
        if entry.until_ms > now_ms.saturating_add(limits::GRANT_MARGIN_MS) {
            return State::Live;
        }
        match &entry.claimed {
            Some(_) if entry.until_ms > now_ms => State::Live,
            Some(notify) => State::Wait(Rc::clone(notify)),
            None => {
                entry.claimed = Some(Rc::default());
                State::Yours(Claim { grants: Rc::clone(self), pair })
            }
        }
    }

    /// Whether the pair's grant lives now.
    #[must_use]
    pub fn is_live(&self, pair: Pair, now_ms: u64) -> bool {
        self.pairs.borrow().get(&pair).is_some_and(|entry| entry.until_ms > now_ms)
    }

    /// Whether the pair's grant has to be renewed now, or is gone.
    #[must_use]
    pub fn is_ending(&self, pair: Pair, now_ms: u64) -> bool {
        let until_ms = self.pairs.borrow().get(&pair).map_or(0, |entry| entry.until_ms);
        until_ms <= now_ms.saturating_add(limits::GRANT_MARGIN_MS)
    }

    /// Forgets all of them: another bundle is in force, or the kernel refused.
    pub fn clear(&self) {
        self.pairs.borrow_mut().values_mut().for_each(|entry| entry.until_ms = 0);
    }

    /// Forgets one: the kernel refused a connection.
    pub fn forget(&self, pair: Pair) {
        if let Some(entry) = self.pairs.borrow_mut().get_mut(&pair) {
            entry.until_ms = 0;
        }
    }

    /// How many live now.
    #[must_use]
    pub fn live(&self, now_ms: u64) -> usize {
        self.pairs.borrow().values().filter(|entry| entry.until_ms > now_ms).count()
    }
}

impl Claim {
    /// The kernel has the grant.
    pub fn granted(self, until_ms: u64) {
        if let Some(entry) = self.grants.pairs.borrow_mut().get_mut(&self.pair) {
            entry.until_ms = until_ms;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut pairs = self.grants.pairs.borrow_mut();
        if let Some(notify) = pairs.get_mut(&self.pair).and_then(|entry| entry.claimed.take()) {
            notify.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests;
