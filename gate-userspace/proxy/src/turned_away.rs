//! Recording connections that were closed before a request, within a budget: whoever is turned away cannot fill the
//! log. What is above is counted, and the count is recorded.

use crate::record::Record;
use gate_record::Event;
use std::cell::Cell;

/// Recorded one by one, at once.
const BURST: u32 = 32;
/// Recorded one by one, in each tick.
const PER_TICK: u32 = 2;

/// One worker's budget.
#[derive(Debug)]
pub struct TurnedAway {
    tokens: Cell<u32>,
    suppressed: Cell<u64>,
}

impl Default for TurnedAway {
    fn default() -> Self {
        Self { tokens: Cell::new(BURST), suppressed: Cell::new(0) }
    }
}

impl TurnedAway {
    /// A connection was closed.
    pub fn record(&self, record: &dyn Record, socket: String, peer: String, found: String) {
        let Some(tokens) = self.tokens.get().checked_sub(1) else { return self.count() };
        self.tokens.set(tokens);
        record.report(Event::Rejected { socket, peer, found });
    }

    /// A connection was closed of which nothing is known.
    pub fn count(&self) {
        self.suppressed.set(self.suppressed.get() + 1);
    }

    /// Sums up what was not recorded one by one.
    pub fn tick(&self, record: &dyn Record) {
        self.tokens.set((self.tokens.get() + PER_TICK).min(BURST));
        let count = self.suppressed.take();
        if count > 0 {
            record.report(Event::Loss { what: "connections turned away".into(), source: String::new(), count });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Log(RefCell<Vec<Event>>);

    impl Record for Log {
        fn report(&self, event: Event) {
            self.0.borrow_mut().push(event);
        }

        fn accepts(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_flood_is_summed_up() {
        let (log, turned_away) = (Log::default(), TurnedAway::default());
        (0..1_000).for_each(|_| turned_away.record(&log, "s".into(), "p".into(), "f".into()));
        turned_away.count();
        assert_eq!(log.0.take().len(), BURST as usize);
        turned_away.tick(&log);
        let what = "connections turned away".into();
        assert_eq!(log.0.take(), [Event::Loss { what, source: String::new(), count: 1_001 - u64::from(BURST) }]);
        turned_away.tick(&log);
        assert_eq!(log.0.take(), []);
        (0..10).for_each(|_| turned_away.record(&log, "s".into(), "p".into(), "f".into()));
        assert_eq!(log.0.take().len(), 2 * PER_TICK as usize);
    }
}
