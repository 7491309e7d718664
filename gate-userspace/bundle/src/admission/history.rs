//! Version numbers that are used up: their bundles were in force and went back.

use crate::{Digest, Reason};
use std::collections::BTreeMap;

/// How a bundle ended that was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was provisional, and nobody confirmed it in time.
    NotConfirmed,
    /// An operator went back to the one before it.
    Reverted,
}

/// The bundles that went back, by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History(BTreeMap<u64, (Digest, Fate)>);

impl History {
    pub(crate) fn burn(&mut self, version: u64, digest: Digest, fate: Fate) {
        self.0.insert(version, (digest, fate));
    }

    /// A bundle that came again is in force, or provisional, and no longer one that went back.
    pub(crate) fn forget(&mut self, version: u64) {
        self.0.remove(&version);
    }

    /// The highest version that went back; 0 where none did.
    pub(crate) fn highest(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// Whether this very bundle may be loaded again: the last one that went back, because nobody confirmed it in time.
    /// Everybody who had to sign it did, and nobody took it back.
    pub(crate) fn may_come_again(&self, version: u64, digest: Digest) -> bool {
        version == self.highest() && self.0.get(&version) == Some(&(digest, Fate::NotConfirmed))
    }

    pub(crate) fn used_up(&self, found: u64, seen: u64) -> Reason {
        Reason::UsedUp { found, fate: self.0.get(&found).map(|(_, fate)| *fate), next: seen.saturating_add(1) }
    }
}
