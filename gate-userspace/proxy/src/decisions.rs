//! Decisions that may be used again: those that depend on nothing but (session, action, bundle version).

use gate_ipc::messages::Answer;
use gate_record::Outcome;
use gate_statements::{DecisionId, SessionId};
use std::collections::HashMap;
use std::rc::Rc;

/// A decision, as the proxy acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its number.
    pub id: DecisionId,
    /// Whether the request passes (allowed, or its destination is in observe).
    pub allowed: bool,
    /// Why not, for the record.
    pub why: Rc<str>,
}

impl From<&Answer> for Decision {
    fn from(answer: &Answer) -> Self {
        let allowed = matches!(answer.outcome, Outcome::Allow | Outcome::WouldDeny);
        Self { id: answer.decision, allowed, why: answer.why.as_str().into() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    session: SessionId,
    action: u32,
}

#[derive(Debug)]
struct Cached {
    decision: Decision,
    expires_ms: u64,
}

/// A bounded cache of two generations: when the young one is full it becomes the old one, and the old one is dropped.
/// What is still used moves to the young one.
#[derive(Debug)]
pub struct Decisions {
    young: HashMap<Key, Cached>,
    old: HashMap<Key, Cached>,
    capacity: usize,
}

impl Decisions {
    /// Holds at most so many.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity: capacity.max(2) }
    }

    /// The decision for this session and action, if one is known and still holds.
    pub fn find(&mut self, session: SessionId, action: u32, now_ms: u64) -> Option<Decision> {
        let key = Key { session, action };
        if !self.young.contains_key(&key) {
            let cached = self.old.remove(&key)?;
            self.insert(key, cached);
        }
        let cached = self.young.get(&key)?;
        if cached.expires_ms > now_ms {
            return Some(cached.decision.clone());
        }
        self.young.remove(&key);
        None
    }

    /// Remembers an answer, if it may be used again.
    pub fn remember(&mut self, session: SessionId, action: u32, answer: &Answer, now_ms: u64) {
        if answer.cacheable && answer.expires_ms > now_ms {
            let cached = Cached { decision: answer.into(), expires_ms: answer.expires_ms };
            self.insert(Key { session, action }, cached);
        }
    }

    /// Forgets everything: another bundle is in force.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether none is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, key: Key, cached: Cached) {
        if self.young.len() >= self.capacity / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, cached);
    }
}

#[cfg(test)]
mod tests;
