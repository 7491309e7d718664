//! What a bundle changes, as far as it decides how many signatures it needs.

use super::scope::Owners;
use crate::{Bundle, DUTIES};
use gate_tables::{Difference, Tables, compare};
use std::fmt;

/// How many gains are told one by one.
const TOLD: usize = 3;

/// A bundle beside the one in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    difference: Difference,
    because: Vec<Because>,
    pub(super) owners: Owners,
}

/// Why one signature is not enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// There is nothing that access could have been taken from.
    First,
    /// Who may sign changes.
    Duties,
    /// Access may be given.
    Gives {
        /// The first few, in words.
        first: Vec<String>,
        /// How many more.
        more: usize,
    },
    /// No access is given and none is taken: there is no hurry.
    TakesNothing,
}

impl Change {
    /// Compares a bundle with the one that it follows.
    #[must_use]
    pub fn of(bundle: &Bundle, previous: Option<&Bundle>) -> Self {
        Self::between(bundle.tables(), bundle.file(DUTIES), previous)
    }

    pub(super) fn between(tables: &Tables, duties: Option<&[u8]>, previous: Option<&Bundle>) -> Self {
        let Some(previous) = previous else {
            let (difference, owners) = (Difference::default(), Owners::default());
            return Self { difference, because: vec![Because::First], owners };
        };
        let difference = compare(previous.tables(), tables);
        let mut because = Vec::new();
        if !difference.only_removes() {
            because.push(Because::gives(&difference));
        } else if !difference.takes_away() {
            because.push(Because::TakesNothing);
        }
        if duties != previous.file(DUTIES) {
            because.push(Because::Duties);
        }
        Self { difference, because, owners: Owners::new(previous.tables(), tables) }
    }

    /// Whether it only takes access away, so that one signature is enough.
    #[must_use]
    pub const fn only_removes(&self) -> bool {
        self.because.is_empty()
    }

    /// Why one signature is not enough; empty when it is.
    #[must_use]
    pub fn because(&self) -> &[Because] {
        &self.because
    }

    /// What differs; nothing for the first bundle of a chain.
    #[must_use]
    pub const fn difference(&self) -> &Difference {
        &self.difference
    }
}

impl Because {
    fn gives(difference: &Difference) -> Self {
        let all = difference.gains().count();
        let first: Vec<String> = difference.gains().take(TOLD).map(|gain| crate::reason::plain(&gain)).collect();
        Self::Gives { more: all - first.len(), first }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("it is the first of its chain"),
            Self::Duties => f.write_str("policy/duties.toml is another"),
            Self::TakesNothing => f.write_str("it takes no access away"),
            Self::Gives { first, more: 0 } => write!(f, "it gives {}", first.join(", ")),
            Self::Gives { first, more } => write!(f, "it gives {}, and {more} more", first.join(", ")),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.only_removes() {
            return f.write_str("only removes access: one signature is enough");
        }
        f.write_str("needs an author and every approval: ")?;
        f.write_str(&join(&self.because))
    }
}

/// Several causes in one sentence.
pub(crate) fn join(because: &[Because]) -> String {
    because.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
