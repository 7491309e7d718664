//! How a daemon reports what happens.

use crate::queue::Queue;
use gate_record::Event;
use gate_statements::BundleDigest;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Reports to the record. Clones share one queue; any thread may report.
#[derive(Clone)]
pub struct Reporter {
    queue: Arc<Queue>,
}

/// The bundle that is in force for a reporter, as its reports name it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Active {
    /// Its version; 0 before the first.
    pub version: u64,
    /// Its digest; `None` before the first.
    pub bundle: Option<BundleDigest>,
}

/// Whether reports reach the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// They do.
    Recording,
    /// gate-audit is away; they wait, and there is room.
    Spooling {
        /// How many wait.
        waiting: usize,
        /// Why.
        why: String,
    },
    /// There is no room: what is reported now is lost, and counted. Whoever may not act without a record denies.
    Full {
        /// How many are lost since the last report of it.
        lost: u64,
    },
}

/// A report that had to be durable is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not recorded: {why}")]
pub struct NotRecorded {
    /// Why.
    pub why: String,
}

impl Reporter {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Reports an event with the time and the bundle in force. Never waits.
    pub fn report(&self, event: Event) {
        self.queue.push(event, None);
    }

    /// Reports an event and waits until it is durable in the log.
    ///
    /// # Errors
    /// [`NotRecorded`]: it is not, or gate-audit did not say so. It may still be recorded later.
    pub async fn durable(&self, event: Event) -> Result<(), NotRecorded> {
        let (waiter, durable) = oneshot::channel();
        self.queue.push(event, Some(waiter));
        durable.await.unwrap_or_else(|_| Err(NotRecorded { why: "the daemon stops".into() }))
    }

    /// Whether reports are taken. `false`: the spool is full; deny what may not go unrecorded.
    #[must_use]
    pub fn accepts(&self) -> bool {
        self.queue.accepts()
    }

    /// Whether reports reach the record, and why not.
    #[must_use]
    pub fn health(&self) -> Health {
        self.queue.health()
    }

    /// The bundle in force, as reports name it.
    #[must_use]
    pub fn active(&self) -> Active {
        self.queue.active()
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    pub(crate) fn set_active(&self, active: Active) {
        self.queue.set_active(active);
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").field("health", &self.health()).finish()
    }
}
