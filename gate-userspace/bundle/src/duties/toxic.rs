//! What nobody may hold together, and who may all the same, until when.

use std::collections::BTreeSet;
use std::fmt;

/// Actions that are dangerous in one hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toxic {
    pub(super) id: String,
    pub(super) reason: String,
    pub(super) actions: BTreeSet<String>,
    pub(super) holder: Holder,
}

/// Whose hand is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Each service for itself, and the host.
    Service,
    /// All services of one group together.
    Group,
    /// All services of one owner together.
    Owner,
    /// Each user by the role that an issuer vouches for, whoever brings the request.
    Role,
}

/// Somebody who may what nobody may, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub(super) allowed: Allowed,
    pub(super) holder: String,
    pub(super) owner: String,
    pub(super) ticket: String,
    pub(super) until: Day,
}

/// What an exception allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// To hold the toxic combination of this id.
    Toxic(String),
    /// To reach, or be reached from, a network of another environment.
    Reach {
        /// The network.
        network: String,
        /// Why.
        reason: String,
    },
}

/// A day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
}

impl Toxic {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why nobody may.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// `payments.create`, a route, or `connect ledger:main`, a port.
    #[must_use]
    pub const fn actions(&self) -> &BTreeSet<String> {
        &self.actions
    }

    /// Whose hand is looked at.
    #[must_use]
    pub const fn holder(&self) -> Holder {
        self.holder
    }
}

impl Exception {
    /// What it allows.
    #[must_use]
    pub const fn allowed(&self) -> &Allowed {
        &self.allowed
    }

    /// Who may: a service, `host`, `world`, a network, a group, an owner, or a role as `customers:teller`.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Who answers for it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Where it was agreed.
    #[must_use]
    pub fn ticket(&self) -> &str {
        &self.ticket
    }

    /// The last day on which a bundle may be activated with it.
    #[must_use]
    pub const fn until(&self) -> Day {
        self.until
    }
}

impl Day {
    /// The last second of the day, since 1970.
    #[must_use]
    pub fn last_second(self) -> u64 {
        // Counted from a first of March, so that the leap day is the last of its year.
        let (month, year) = (u64::from(self.month), u64::from(self.year));
        let (month, year) = if month > 2 { (month - 3, year) } else { (month + 9, year.saturating_sub(1)) };
        let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + u64::from(self.day);
        (days.saturating_sub(719_468)) * 86_400 - 1
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "service",
            Self::Group => "group",
            Self::Owner => "owner",
            Self::Role => "role",
        })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Toxic(id) => write!(f, "toxic {id:?}"),
            Self::Reach { network, .. } => write!(f, "reach {network:?}"),
        }
    }
}
