//! `duties.toml`: who may author, approve, operate and audit.
//!
//! ```toml
//! mode = "team"                        # or "solo"
//! approvals = 1                        # people besides the author; at least 1 in a team
//! conflicts = [["alice", "bob"]]       # people who do not sign one bundle together
//!
//! [person.alice]
//! keys = ["ssh-ed25519 AAAA… alice"]
//! may = ["author", "operate"]
//! owners = ["team-orders"]             # whose services only; without it: everything, and this file
//!
//! [[toxic]]                            # what nobody may hold together
//! id = "pay-and-approve"
//! reason = "who enters a payment does not approve it"
//! actions = ["payments.create", "connect ledger:main"]
//! holder = "service"                   # or "group", "owner": their services together; "role": of a user
//!
//! [[exception]]                        # who may all the same, for a time
//! toxic = "pay-and-approve"
//! holder = "migration"
//! owner = "team-payments"
//! ticket = "RISK-7"
//! until = 2027-03-31
//!
//! [[exception]]                        # who reaches a network of another environment, for a time
//! reach = "prod-db"
//! holder = "report"
//! reason = "the yearly report"
//! owner = "team-payments"
//! ticket = "RISK-8"
//! until = 2027-03-31
//! ```

mod parse;
mod quorum;
mod toxic;

pub use parse::DutiesProblem;
pub(crate) use quorum::largest_without_conflict;
pub use toxic::{Allowed, Day, Exception, Holder, Toxic};

use crate::key::Key;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Whether one person alone may change the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Author and approvers are different people.
    Team,
    /// One person may be both. Can be raised to [`Mode::Team`], never lowered to this.
    Solo,
}

/// Something that a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Duty {
    /// Write bundles.
    Author,
    /// Approve bundles that somebody else wrote.
    Approve,
    /// Load bundles and run the host.
    Operate,
    /// Read the record.
    Audit,
}

/// One person, their keys and their duties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    keys: Vec<Key>,
    may: BTreeSet<Duty>,
    owners: Option<BTreeSet<String>>,
}

/// A parsed and satisfiable `duties.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    mode: Mode,
    approvals: usize,
    people: BTreeMap<String, Person>,
    conflicts: Vec<(String, String)>,
    toxic: Vec<Toxic>,
    exceptions: Vec<Exception>,
}

impl Person {
    /// The person's keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The owners whose services the person signs for; `None`: everybody's, and the duties.
    #[must_use]
    pub const fn owners(&self) -> Option<&BTreeSet<String>> {
        self.owners.as_ref()
    }

    /// Whether the person has that duty.
    #[must_use]
    pub fn may(&self, duty: Duty) -> bool {
        self.may.contains(&duty)
    }
}

impl Duties {
    /// Parses `duties.toml`.
    ///
    /// # Errors
    /// Every problem of the file, in the order of its lines.
    pub fn parse(text: &[u8]) -> Result<Self, Vec<DutiesProblem>> {
        parse::parse(text)
    }

    /// Whether one person alone may change the policy.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// How many people approve a bundle.
    #[must_use]
    pub const fn approvals(&self) -> usize {
        self.approvals
    }

    /// Everyone, by name.
    #[must_use]
    pub const fn people(&self) -> &BTreeMap<String, Person> {
        &self.people
    }

    /// Pairs of people who do not sign one bundle together.
    #[must_use]
    pub fn conflicts(&self) -> &[(String, String)] {
        &self.conflicts
    }

    /// What nobody may hold together.
    #[must_use]
    pub fn toxic(&self) -> &[Toxic] {
        &self.toxic
    }

    /// Who may all the same, until when.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Whose key it is.
    #[must_use]
    pub fn owner_of(&self, key: &Key) -> Option<(&str, &Person)> {
        self.people.iter().find(|(_, person)| person.keys.contains(key)).map(|(name, person)| (name.as_str(), person))
    }

    /// Whether these two do not sign one bundle together.
    pub(crate) fn in_conflict(&self, one: &str, other: &str) -> bool {
        quorum::in_conflict(one, other, &self.conflicts)
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Author => "author",
            Self::Approve => "approve",
            Self::Operate => "operate",
            Self::Audit => "audit",
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Team => "team",
            Self::Solo => "solo",
        })
    }
}

#[cfg(test)]
mod tests;
