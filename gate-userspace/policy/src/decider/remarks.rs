//! Rules that change no decision: not errors, but rarely what their author meant.

use super::{Cell, CellRules, Decider};
use crate::rules::Rule;
use std::collections::BTreeSet;
use std::fmt;

/// A rule that changes no decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Why not.
    pub kind: RemarkKind,
    /// Which.
    pub rule: RuleAt,
    /// The rules that decide in its place, sorted by id.
    pub by: Vec<RuleAt>,
}

/// Why a rule changes no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// Everything that it is about is forbidden without condition.
    Shadowed,
    /// Everything that it permits is permitted without condition by others (or forbidden without condition).
    Redundant,
}

/// A rule and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleAt {
    /// Its `@id`.
    pub id: String,
    /// File and line.
    pub place: String,
}

impl Decider {
    /// In the order of rule ids. Forbids without condition are left alone: they are written to hold whatever else is.
    pub(crate) fn remarks(&self) -> Vec<Remark> {
        let rules = (0u32..).zip(&self.rules).filter(|(_, rule)| rule.permits() || rule.is_conditional());
        rules.filter_map(|(index, rule)| self.remark(index, rule)).collect()
    }

    fn remark(&self, index: u32, rule: &Rule) -> Option<Remark> {
        // A permit that fails denies, which nobody does in its place.
        let may_be_redundant = rule.permits() && rule.condition.as_ref().is_none_or(|condition| condition.total);
        let mut kind = RemarkKind::Shadowed;
        let mut by = BTreeSet::new();
        for cell in self.cells_of(rule) {
            match &cell?.cell {
                Cell::Forbidden(ids) => by.extend(ids.first().map(|id| self.index_of(id))),
                Cell::Permitted(_) | Cell::Conditional { .. } if may_be_redundant => {
                    kind = RemarkKind::Redundant;
                    by.insert(Some(self.other_permit(cell?, index)?));
                }
                Cell::Permitted(_) | Cell::Conditional { .. } => return None,
            }
        }
        let by = by.into_iter().flatten().filter_map(|index| self.rules.get(index as usize)).map(RuleAt::of);
        Some(Remark { kind, rule: RuleAt::of(rule), by: by.collect() })
    }

    /// What is said about each pair of the rule's scope.
    fn cells_of<'a>(&'a self, rule: &'a Rule) -> impl Iterator<Item = Option<&'a CellRules>> {
        let subjects = rule.scope.subjects.iter().filter_map(|subject| self.universe.subjects.get(*subject));
        subjects.flat_map(move |subject| {
            let targets = rule.scope.targets.iter().filter_map(|target| u32::try_from(*target).ok());
            targets.map(move |target| self.cells.get(&(subject.principal.service_id(), target)).map(AsRef::as_ref))
        })
    }

    /// Another rule that permits the pair without condition.
    fn other_permit(&self, cell: &CellRules, index: u32) -> Option<u32> {
        let always = |other: &u32| self.rules.get(*other as usize).is_some_and(|rule| !rule.is_conditional());
        cell.permits.iter().copied().find(|other| *other != index && always(other))
    }

    fn index_of(&self, id: &str) -> Option<u32> {
        self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok()?.try_into().ok()
    }
}

impl RuleAt {
    pub(super) fn of(rule: &Rule) -> Self {
        Self { id: rule.id.clone(), place: rule.place() }
    }
}

impl fmt::Display for RuleAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({})", self.id, self.place)
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<String> = self.by.iter().map(ToString::to_string).collect();
        let by = by.join(", ");
        match self.kind {
            RemarkKind::Shadowed => write!(
                f,
                "rule {} is never reached: all that it is about is forbidden by {by}; remove it, or narrow the forbid",
                self.rule
            ),
            RemarkKind::Redundant => {
                write!(f, "rule {} permits nothing more than {by}; remove it, or narrow the other", self.rule)
            }
        }
    }
}
