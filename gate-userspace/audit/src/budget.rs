//! How much of the log one source may fill.
//!
//! A source is a service as one role reports it. What a service causes by being refused costs it little and is worth
//! little, so its rate is lower than that of what it was allowed. What a role reports of itself (its life, acts of
//! people, rejections) is a source too, with room for more than a sound role ever has to say. gate-audit's own entries
//! have no budget: they say what the others' left out.

use gate_host::Role;
use gate_record::{Event, Outcome};
use std::collections::HashMap;

/// A token bucket's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Entries at once.
    pub burst: u32,
    /// Entries per second in the long run.
    pub per_second: u32,
}

/// What a service may cause by being let through. 5,000 entries of some 500 bytes are 2.5 MB/s.
const ALLOWED: Rate = Rate { burst: 50_000, per_second: 5_000 };
/// What it may cause by being refused.
const DENIED: Rate = Rate { burst: 2_000, per_second: 100 };
/// What a role may report of itself.
const OWN: Rate = Rate { burst: 10_000, per_second: 100 };
/// Sources that have a budget of their own; later ones share one. As many as services, for each role that names them.
const MAX_SOURCES: usize = 65_536;

/// The budget of each source.
#[derive(Debug)]
pub struct Budgets {
    rates: Rates,
    buckets: HashMap<Source, Bucket>,
}

/// The rates of one kind of cause each, for every source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// What a service causes by being let through.
    pub allowed: Rate,
    /// What a service causes by being refused.
    pub denied: Rate,
    /// What a role reports of itself.
    pub own: Rate,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Source {
    role: Role,
    /// `None`: all sources that came when the table was full.
    service: Option<String>,
    cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cause {
    Allowed,
    Refused,
    Own,
}

impl Rates {
    fn of(&self, cause: Cause) -> Rate {
        match cause {
            Cause::Allowed => self.allowed,
            Cause::Refused => self.denied,
            Cause::Own => self.own,
        }
    }
}

#[derive(Debug)]
struct Bucket {
    /// In thousandths.
    tokens: u64,
    refilled_ms: u64,
    suppressed: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(Rates { allowed: ALLOWED, denied: DENIED, own: OWN })
    }
}

impl Budgets {
    /// Budgets of these rates for each source.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self { rates, buckets: HashMap::new() }
    }

    /// Whether this event is still within its source's budget. If not, it is counted.
    pub fn admit(&mut self, role: Role, event: &Event, now_ms: u64) -> bool {
        if role == Role::Audit {
            return true;
        }
        let (service, cause) = source_of(event);
        let rate = self.rates.of(cause);
        let source = Source { role, service: Some(service.to_owned()), cause };
        let source = if self.buckets.len() < MAX_SOURCES || self.buckets.contains_key(&source) {
            source
        } else {
            Source { service: None, ..source }
        };
        let full = u64::from(rate.burst) * 1_000;
        let bucket = self.buckets.entry(source).or_insert(Bucket { tokens: full, refilled_ms: now_ms, suppressed: 0 });
        let passed = now_ms.saturating_sub(bucket.refilled_ms);
        bucket.tokens = bucket.tokens.saturating_add(passed.saturating_mul(rate.per_second.into())).min(full);
        bucket.refilled_ms = now_ms;
        let left = bucket.tokens.checked_sub(1_000);
        match left {
            Some(left) => bucket.tokens = left,
            None => bucket.suppressed += 1,
        }
        left.is_some()
    }

    /// What was left out since the last time, as entries; forgets sources that have been silent.
    pub fn sum_up(&mut self, now_ms: u64) -> Vec<Event> {
        let mut losses = Vec::new();
        for (source, bucket) in &mut self.buckets {
            let count = std::mem::take(&mut bucket.suppressed);
            if count > 0 {
                let kind = match source.cause {
                    Cause::Allowed => "what was allowed",
                    Cause::Refused => "what was refused",
                    Cause::Own => "itself",
                };
                losses.push(Event::Loss {
                    what: format!("log budget of gate-{} for {kind}", source.role),
                    source: source.service.clone().unwrap_or_else(|| "several services".into()),
                    count,
                });
            }
        }
        let rates = self.rates;
        self.buckets.retain(|source, bucket| {
            let rate = rates.of(source.cause);
            let refill_ms = u64::from(rate.burst) * 1_000 / u64::from(rate.per_second.max(1));
            now_ms.saturating_sub(bucket.refilled_ms) < refill_ms
        });
        losses
    }
}

/// The service that caused an event, and how.
fn source_of(event: &Event) -> (&str, Cause) {
    match event {
        Event::Flow { source, outcome, .. }
        | Event::Decision { source, outcome, .. }
        | Event::Enforcement { source, outcome, .. }
        | Event::Grant { source, outcome, .. } => {
            (source, if *outcome == Outcome::Allow { Cause::Allowed } else { Cause::Refused })
        }
        Event::Session { source, .. } => (source, Cause::Allowed),
        _ => ("", Cause::Own),
    }
}
