//! What a worker has done, for `status`. One thread writes, others read.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Statuses that are counted one by one.
const STATUSES: usize = 600;

/// One worker's counters.
#[derive(Debug)]
pub struct Counters {
    /// Connections that are open.
    pub connections: Gauge,
    /// Connections that were accepted.
    pub accepted: Gauge,
    /// Connections that were closed before a request: not attested, no L7 port, over the budget.
    pub turned_away: Gauge,
    /// Requests that are being answered.
    pub requests: Gauge,
    /// Decisions from the cache.
    pub cached: Gauge,
    /// Questions to gate-authz.
    pub asked: Gauge,
    /// Frames that they travelled in.
    pub frames: Gauge,
    /// Grants that gate-net took.
    pub granted: Gauge,
    /// Grants that live.
    pub grants: Gauge,
    /// Upstream connections that were opened.
    pub opened: Gauge,
    /// How often one was used again.
    pub reused: Gauge,
    /// Upstream connections that are idle.
    pub idle: Gauge,
    /// The bundle version that this worker serves.
    pub version: Gauge,
    statuses: Vec<AtomicU64>,
}

/// A number that one thread writes.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// This many.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Default for Counters {
    fn default() -> Self {
        let gauge = Gauge::default;
        Self {
            connections: gauge(),
            accepted: gauge(),
            turned_away: gauge(),
            requests: gauge(),
            cached: gauge(),
            asked: gauge(),
            frames: gauge(),
            granted: gauge(),
            grants: gauge(),
            opened: gauge(),
            reused: gauge(),
            idle: gauge(),
            version: gauge(),
            statuses: std::iter::repeat_with(AtomicU64::default).take(STATUSES).collect(),
        }
    }
}

impl Counters {
    /// A request was answered with this status.
    pub fn answered(&self, status: u16) {
        if let Some(counter) = self.statuses.get(usize::from(status)) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// How many requests were answered with this status.
    #[must_use]
    pub fn of_status(&self, status: u16) -> u64 {
        self.statuses.get(usize::from(status)).map_or(0, |counter| counter.load(Relaxed))
    }
}

/// All workers together, and each one's version.
#[must_use]
pub fn summary<'a>(workers: impl Iterator<Item = &'a Counters> + Clone) -> Value {
    let sum = |read: fn(&Counters) -> &Gauge| workers.clone().map(|worker| read(worker).value()).sum::<u64>();
    let statuses: BTreeMap<String, u64> = (0..STATUSES)
        .filter_map(|status| u16::try_from(status).ok())
        .map(|status| (status.to_string(), workers.clone().map(|worker| worker.of_status(status)).sum()))
        .filter(|(_, count)| *count > 0)
        .collect();
    json!({
        "versions": workers.clone().map(|worker| worker.version.value()).collect::<Vec<_>>(),
        "connections": { "open": sum(|w| &w.connections), "accepted": sum(|w| &w.accepted), "turned_away": sum(|w| &w.turned_away) },
        "requests": { "running": sum(|w| &w.requests), "by_status": statuses },
        "decisions": { "cached": sum(|w| &w.cached), "asked": sum(|w| &w.asked), "frames": sum(|w| &w.frames) },
        "grants": { "accepted": sum(|w| &w.granted), "live": sum(|w| &w.grants) },
        "upstream": { "opened": sum(|w| &w.opened), "reused": sum(|w| &w.reused), "idle": sum(|w| &w.idle) },
    })
}
