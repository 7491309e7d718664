//! The sessions that can be renewed: what the kernel stated of each connection when it was first attested.
//!
//! The table is bounded. A source that opens more connections than its part loses its *own* oldest session, which the
//! proxy then attests anew; when the whole table is full, the source that holds most of it loses one.

use gate_statements::SessionId;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

/// Most sessions, of all sources and of one.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of all.
    pub total: usize,
    /// Of one source.
    pub per_source: usize,
}

impl Default for Limits {
    /// About 40 MiB when full.
    fn default() -> Self {
        Self { total: 262_144, per_source: 32_768 }
    }
}

/// What the kernel stated of a connection; it cannot change while the connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The service that opened it; 0 for none.
    pub source: u32,
    /// Its Unix user.
    pub uid: u32,
    /// The address that it connected to.
    pub destination: SocketAddr,
}

/// One session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its random number.
    pub id: SessionId,
    /// What the kernel stated.
    pub facts: Facts,
    /// When it ends, nanoseconds since boot.
    pub ends_ns: u64,
}

/// Live sessions by the cookie of their connection. The kernel uses no cookie twice.
#[derive(Debug, Default)]
pub struct Sessions {
    limits: Limits,
    by_connection: HashMap<u64, Session>,
    /// (end, connection) of each source's sessions, so that the oldest is found at once.
    by_source: HashMap<u32, BTreeSet<(u64, u64)>>,
}

impl Sessions {
    /// An empty table.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// How many there are, ended ones that nothing has displaced yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_connection.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_connection.is_empty()
    }

    /// The live session of a connection.
    #[must_use]
    pub fn find(&self, connection: u64, now_ns: u64) -> Option<&Session> {
        self.by_connection.get(&connection).filter(|session| session.ends_ns > now_ns)
    }

    /// Begins or renews the session of a connection; an older one of the same connection ends.
    pub fn put(&mut self, connection: u64, session: Session, now_ns: u64) {
        self.remove(connection);
        self.purge(now_ns, session.facts.source);
        self.make_room(session.facts.source, now_ns);
        self.by_source.entry(session.facts.source).or_default().insert((session.ends_ns, connection));
        self.by_connection.insert(connection, session);
    }

    fn remove(&mut self, connection: u64) {
        let Some(session) = self.by_connection.remove(&connection) else { return };
        if let Some(ends) = self.by_source.get_mut(&session.facts.source) {
            ends.remove(&(session.ends_ns, connection));
            if ends.is_empty() {
                self.by_source.remove(&session.facts.source);
            }
        }
    }

    fn oldest(&self, source: u32) -> Option<(u64, u64)> {
        self.by_source.get(&source)?.first().copied()
    }

    /// Removes the ended sessions of one source.
    fn purge(&mut self, now_ns: u64, source: u32) {
        while let Some((ends_ns, connection)) = self.oldest(source) {
            if ends_ns > now_ns {
                return;
            }
            self.remove(connection);
        }
    }

    fn make_room(&mut self, source: u32, now_ns: u64) {
        if self.by_source.get(&source).is_some_and(|held| held.len() >= self.limits.per_source) {
            self.remove_oldest(source);
        }
        if self.len() < self.limits.total {
            return;
        }
        let sources: Vec<u32> = self.by_source.keys().copied().collect();
        sources.into_iter().for_each(|source| self.purge(now_ns, source));
        while self.len() >= self.limits.total {
            let Some((&largest, _)) = self.by_source.iter().max_by_key(|(_, held)| held.len()) else { return };
            self.remove_oldest(largest);
        }
    }

    fn remove_oldest(&mut self, source: u32) {
        if let Some((_, connection)) = self.oldest(source) {
            self.remove(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(source: u32, ends_ns: u64) -> Session {
        let destination = SocketAddr::from(([127, 0, 0, 1], 8080));
        Session { id: SessionId([source as u8; 16]), facts: Facts { source, uid: 1, destination }, ends_ns }
    }

    #[test]
    fn it_is_found_until_it_ends() {
        let mut sessions = Sessions::new(Limits::default());
        sessions.put(1, session(7, 100), 0);
        assert!(sessions.find(1, 99).is_some());
        assert!(sessions.find(1, 100).is_none());
        assert!(sessions.find(2, 0).is_none());
    }

    #[test]
    fn a_renewed_one_lives_longer_and_counts_once() {
        let mut sessions = Sessions::new(Limits { total: 10, per_source: 2 });
        sessions.put(1, session(7, 100), 0);
        sessions.put(1, session(7, 200), 50);
        sessions.put(2, session(7, 210), 60);
        assert_eq!(sessions.len(), 2);
        assert!(sessions.find(1, 150).is_some());
    }

    #[test]
    fn a_source_beyond_its_part_loses_its_own_oldest() {
        let mut sessions = Sessions::new(Limits { total: 10, per_source: 2 });
        sessions.put(100, session(8, 100), 0);
        for connection in 1..=5 {
            sessions.put(connection, session(7, 100 + connection), 0);
        }
        let live: Vec<u64> = (1..=5).filter(|c| sessions.find(*c, 0).is_some()).collect();
        assert_eq!(live, [4, 5]);
        assert!(sessions.find(100, 0).is_some(), "the other source kept its own");
    }

    #[test]
    fn a_full_table_takes_from_the_source_that_holds_most() {
        let mut sessions = Sessions::new(Limits { total: 4, per_source: 3 });
        sessions.put(1, session(7, 101), 0);
        sessions.put(2, session(7, 102), 0);
        sessions.put(3, session(7, 103), 0);
        sessions.put(10, session(8, 104), 0);
        sessions.put(20, session(9, 105), 0);
        assert_eq!(sessions.len(), 4);
        assert!(sessions.find(1, 0).is_none(), "the oldest of the largest went");
        assert!(sessions.find(10, 0).is_some() && sessions.find(20, 0).is_some());
    }

    #[test]
    fn ended_sessions_make_room_before_live_ones_do() {
        let mut sessions = Sessions::new(Limits { total: 2, per_source: 2 });
        sessions.put(1, session(7, 10), 0);
        sessions.put(2, session(8, 100), 0);
        sessions.put(3, session(9, 100), 50);
        assert!(sessions.find(2, 50).is_some() && sessions.find(3, 50).is_some());
        assert_eq!(sessions.len(), 2);
    }
}
