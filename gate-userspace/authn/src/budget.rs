//! How often a source may be attested: one that floods is refused, and nobody else notices.

use std::collections::{BTreeMap, HashMap};

/// Connections that one source may have attested in a second, on average. An attestation costs about 60 µs, so that
/// one source at its limit leaves three quarters of a core's time to the others.
pub const ATTESTS_PER_SECOND: u64 = 4_096;

/// How many it may have attested at once, after a pause.
pub const ATTESTS_BURST: u64 = 8_192;

const NANOSECONDS: u64 = 1_000_000_000;

/// One bucket of tokens per source. The caller asks for declared sources only, which bounds their number.
#[derive(Debug)]
pub struct Budgets {
    per_second: u64,
    burst: u64,
    buckets: HashMap<u32, Bucket>,
    suppressed: BTreeMap<u32, u64>,
}

/// What one source was refused since the last time that somebody asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppressed {
    /// The source.
    pub source: u32,
    /// How often.
    pub count: u64,
}

#[derive(Debug)]
struct Bucket {
    /// In billionths of a token, so that a nanosecond refills `per_second` of them.
    tokens: u128,
    filled_ns: u64,
}

impl Budgets {
    /// Budgets of so many per second on average and so many at once.
    #[must_use]
    pub fn new(per_second: u64, burst: u64) -> Self {
        Self { per_second, burst, buckets: HashMap::new(), suppressed: BTreeMap::new() }
    }

    /// The average that is allowed.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        self.per_second
    }

    /// Takes one from the source's budget. `false`: there is none left, which is counted.
    pub fn take(&mut self, source: u32, now_ns: u64) -> bool {
        let full = u128::from(self.burst) * u128::from(NANOSECONDS);
        let bucket = self.buckets.entry(source).or_insert(Bucket { tokens: full, filled_ns: now_ns });
        let refill = u128::from(now_ns.saturating_sub(bucket.filled_ns)) * u128::from(self.per_second);
        bucket.tokens = (bucket.tokens + refill).min(full);
        bucket.filled_ns = bucket.filled_ns.max(now_ns);
        if let Some(left) = bucket.tokens.checked_sub(u128::from(NANOSECONDS)) {
            bucket.tokens = left;
            return true;
        }
        *self.suppressed.entry(source).or_insert(0) += 1;
        false
    }

    /// Takes what was refused since the last call.
    pub fn take_suppressed(&mut self) -> Vec<Suppressed> {
        std::mem::take(&mut self.suppressed).into_iter().map(|(source, count)| Suppressed { source, count }).collect()
    }

    /// Forgets every source that `keep` does not want: after a change of the bundle.
    pub fn retain(&mut self, keep: impl Fn(u32) -> bool) {
        self.buckets.retain(|source, _| keep(*source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_floods_is_refused_and_others_are_not() {
        let mut budgets = Budgets::new(10, 3);
        let taken = (0..100).filter(|_| budgets.take(7, 0)).count();
        assert_eq!(taken, 3);
        assert!(budgets.take(8, 0));
        assert_eq!(budgets.take_suppressed(), [Suppressed { source: 7, count: 97 }]);
        assert_eq!(budgets.take_suppressed(), []);
    }

    #[test]
    fn it_refills_at_its_rate_and_not_beyond_the_burst() {
        let mut budgets = Budgets::new(10, 3);
        while budgets.take(7, 0) {}
        assert!(!budgets.take(7, NANOSECONDS / 10 - 1));
        assert!(budgets.take(7, NANOSECONDS / 10));
        assert!(!budgets.take(7, NANOSECONDS / 10));
        let after_an_hour = (0..100).filter(|_| budgets.take(7, 3_600 * NANOSECONDS)).count();
        assert_eq!(after_an_hour, 3);
    }
}
