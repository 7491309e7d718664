//! Version numbers that are used up: their bundles were in force and went back.

use crate::{Bundle, Digest, Reason};
use gate_tables::{ServiceId, Tables};
use std::collections::BTreeMap;

/// How a bundle ended that was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was provisional, and nobody confirmed it in time.
    NotConfirmed,
    /// An operator went back to the one before it.
    Reverted,
}

/// The bundles that went back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    by_version: BTreeMap<u64, (Digest, Fate)>,
    /// The services that they declared. Sockets of their processes live on under these numbers.
    services: BTreeMap<ServiceId, String>,
}

impl History {
    pub(crate) fn burn(&mut self, bundle: &Bundle, fate: Fate) {
        self.by_version.insert(bundle.manifest().version(), (bundle.digest(), fate));
        let services = bundle.tables().services.iter();
        self.services.extend(services.map(|service| (service.id, service.name.clone())));
    }

    /// Services that would take over a number, and with it the sockets of another one.
    pub(crate) fn taken_over(&self, tables: &Tables) -> Vec<Reason> {
        let taken = tables.services.iter().filter_map(|service| {
            let before = self.services.get(&service.id).filter(|before| **before != service.name)?;
            let (number, service, before) = (service.id.0, service.name.clone(), before.clone());
            Some(Reason::NumberTakenOver { number, service, before })
        });
        taken.collect()
    }

    /// A bundle that came again is in force, or provisional, and no longer one that went back.
    pub(crate) fn forget(&mut self, version: u64) {
        self.by_version.remove(&version);
    }

    /// The highest version that went back; 0 where none did.
    pub(crate) fn highest(&self) -> u64 {
        self.by_version.last_key_value().map_or(0, |(version, _)| *version)
    }

    /// Whether this very bundle may be loaded again: the last one that went back, because nobody confirmed it in time.
    /// Everybody who had to sign it did, and nobody took it back.
    pub(crate) fn may_come_again(&self, version: u64, digest: Digest) -> bool {
        version == self.highest() && self.by_version.get(&version) == Some(&(digest, Fate::NotConfirmed))
    }

    pub(crate) fn used_up(&self, found: u64, seen: u64) -> Reason {
        Reason::UsedUp { found, fate: self.by_version.get(&found).map(|(_, fate)| *fate), next: seen.saturating_add(1) }
    }
}
