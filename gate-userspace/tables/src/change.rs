//! What a new policy gives and takes, compared with the one before it.
//!
//! Whoever loads a bundle has to know whether it only takes access away, without Cedar: the comparison is of tables.
//! Cells without conditions are compared exactly. Of conditions only equality is known, so the comparison errs to one
//! side: a cell that may have gained counts as gained.

use crate::Tables;
use std::collections::BTreeSet;
use std::fmt;

mod cells;
mod declarations;
mod names;
mod reached;
mod says;

/// One source and one target, by their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Who asks: a service, a network, `host` or `world`.
    pub source: String,
    /// Whose target it is.
    pub destination: String,
    /// On which of its ports.
    pub port: String,
    /// The route's action; `None` is a connection.
    pub action: Option<String>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Some(action) => write!(f, "{} -> {action}", self.source),
            None => write!(f, "{} -> {}:{}", self.source, self.destination, self.port),
        }
    }
}

/// What became of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub cell: Cell,
    /// Ids of the rules that said something about it before: permits, and conditional forbids.
    pub before: Vec<String>,
    /// Those that do now.
    pub after: Vec<String>,
    /// Whether a request may be allowed now that was denied before.
    pub gains: bool,
    /// Whether a request may be denied now that was allowed before.
    pub loses: bool,
}

/// Everything that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Differences of what runs here, each in words, that may give something: a service that is new, gone, or
    /// recognized by something else, a port or route that is not what it was.
    pub declarations: Vec<String>,
    /// Differences of what runs here that only take away: a route that is gone, a service that is enforced now.
    pub withdrawn: Vec<String>,
    /// Names of the services that `declarations` is about; the empty name is the policy as a whole.
    pub redeclared: BTreeSet<String>,
    /// Names of the services that `withdrawn` is about.
    pub narrowed: BTreeSet<String>,
    /// Cells that changed, in the order of their names.
    pub cells: Vec<Change>,
}

impl Difference {
    /// Whether nothing is allowed that was not allowed before.
    #[must_use]
    pub fn only_removes(&self) -> bool {
        self.declarations.is_empty() && self.cells.iter().all(|change| !change.gains)
    }

    /// Whether something that was allowed, or was only observed, may be denied now.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        !self.withdrawn.is_empty() || self.cells.iter().any(|change| change.loses)
    }

    fn declare(&mut self, service: &str, words: String) {
        self.redeclared.insert(service.to_owned());
        self.declarations.push(words);
    }

    fn withdraw(&mut self, service: &str, words: String) {
        self.narrowed.insert(service.to_owned());
        self.withdrawn.push(words);
    }

    /// What may have been given, in words.
    pub fn gains(&self) -> impl Iterator<Item = String> {
        let cells = self.cells.iter().filter(|change| change.gains);
        self.declarations.iter().cloned().chain(cells.map(|change| match change.after.as_slice() {
            [] => change.cell.to_string(),
            rules => format!("{} by {}", change.cell, rules.join(", ")),
        }))
    }
}

/// Compares two policies of one environment.
#[must_use]
pub fn compare(old: &Tables, new: &Tables) -> Difference {
    let mut difference = Difference::default();
    declarations::compare(old, new, &mut difference);
    let names = names::Names::of([old, new]);
    difference.cells = cells::compare(&names, old, new);
    reached::unexplained(&names, [old, new], &mut difference);
    difference
}

#[cfg(test)]
mod tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a model of tests")]
mod world;
