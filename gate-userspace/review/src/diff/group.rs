//! Cells that change alike for the same causes.

use super::{Both, Cause, Kind};
use gate_tables::Cell;
use serde::Serialize;
use std::collections::BTreeMap;

/// What one group has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) conditional: bool,
    pub(super) causes: Vec<Cause>,
}

/// Cells that change alike for the same causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// What becomes of them.
    pub kind: Kind,
    /// Whether a condition is involved, before or after.
    pub conditional: bool,
    /// Why.
    pub causes: Vec<Cause>,
    /// How many cells.
    pub cells: usize,
    /// Which: in each part, every source with every target.
    pub parts: Vec<Part>,
}

/// Every one of these sources, with every one of these targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Services' names, or `host`.
    pub sources: Vec<String>,
    /// What they ask.
    pub targets: Vec<Target>,
}

/// A route or an L4 port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Target {
    /// Whose it is.
    pub destination: String,
    /// The port's name.
    pub port: String,
    /// The route's action; `None`: a connection.
    pub action: Option<String>,
}

impl Target {
    pub(crate) fn of(cell: &Cell) -> Self {
        Self { destination: cell.destination.clone(), port: cell.port.clone(), action: cell.action.clone() }
    }

    /// `orders.getOrder`, `ledger:journal`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.action {
            Some(action) => action.clone(),
            None => format!("{}:{}", self.destination, self.port),
        }
    }
}

impl Both<'_> {
    pub(super) fn group(&self, key: Key, cells: Vec<Cell>) -> Group {
        let count = cells.len();
        let mut of_source: BTreeMap<String, Vec<Target>> = BTreeMap::new();
        for cell in cells {
            let target = Target::of(&cell);
            of_source.entry(cell.source).or_default().push(target);
        }
        let mut of_targets: BTreeMap<Vec<Target>, Vec<String>> = BTreeMap::new();
        for (source, targets) in of_source {
            of_targets.entry(targets).or_default().push(source);
        }
        let mut parts: Vec<Part> = of_targets.into_iter().map(|(targets, sources)| Part { sources, targets }).collect();
        parts.sort_by(|a, b| a.sources.cmp(&b.sources));
        let Key { kind, conditional, causes } = key;
        Group { kind, conditional, causes, cells: count, parts }
    }
}
