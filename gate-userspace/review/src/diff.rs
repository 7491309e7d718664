//! What changes between two policies, grouped as people ask about it: which rule gives what to whom.
//!
//! Which cells gain and lose, and whether the whole only removes, is [`gate_tables::compare`]'s word alone, the same that
//! decides how many people must sign. Here each of its cells gets its causes, and cells with the same causes are one
//! group.

mod causes;
mod declarations;
mod first;
mod group;
mod words;

pub(crate) use declarations::port_text;

pub use causes::{Cause, Role};
pub use declarations::Declared;
pub use first::Notice;
pub use group::{Group, Part, Target};

use crate::rules::Index;
use gate_tables::{Access, Cell, Change, Rule, Tables, compare};
use serde::Serialize;
use std::collections::BTreeMap;

/// One policy of a comparison.
pub struct Side<'a> {
    /// Its tables.
    pub tables: &'a Tables,
    /// The rules that forbid a cell whatever the request: the tables leave such cells out, a compiled policy knows.
    pub forbids: &'a dyn Fn(&Cell) -> Vec<String>,
}

/// What becomes of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing was permitted, and now something is.
    Gains,
    /// More may be permitted than before; both before and after something is.
    Widens,
    /// Some requests may be gained and others lost: of conditions only equality is known.
    Alters,
    /// Less is permitted than before.
    Narrows,
    /// Something was permitted, and now nothing is.
    Loses,
}

/// How many cells of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// [`Kind::Gains`].
    pub gains: usize,
    /// [`Kind::Widens`].
    pub widens: usize,
    /// [`Kind::Alters`].
    pub alters: usize,
    /// [`Kind::Narrows`].
    pub narrows: usize,
    /// [`Kind::Loses`].
    pub loses: usize,
}

/// What became of a rule, whether or not it changes a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub what: RuleEvent,
    /// Its place: in the new policy, or in the old one when it is gone.
    pub place: String,
    /// Reason and ticket as they are now, or were when it is gone.
    pub reason: String,
    /// See `reason`.
    pub ticket: String,
}

/// What may become of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleEvent {
    /// It is new.
    New,
    /// It is gone.
    Gone,
    /// Its effect or its condition is another.
    Changed,
    /// Only its reason or ticket is another.
    Reworded,
}

/// Everything that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Whether nobody's access and no declaration changes.
    pub equal: bool,
    /// Whether nothing may be given.
    pub only_removes: bool,
    /// Whether something may be denied now that was allowed.
    pub takes_away: bool,
    /// What nobody may overlook who signs.
    pub first: Vec<Notice>,
    /// How many cells.
    pub counts: Counts,
    /// Gains first; each cell is in one group.
    pub groups: Vec<Group>,
    /// What runs here: what may give first.
    pub declarations: Vec<Declared>,
    /// Rules that are new, gone, or other than they were, by id.
    pub rules: Vec<RuleChange>,
}

/// Compares two policies.
#[must_use]
pub fn diff(old: &Side<'_>, new: &Side<'_>) -> Diff {
    let difference = compare(old.tables, new.tables);
    let both = Both { old: Index::new(old.tables), new: Index::new(new.tables), sides: [old, new] };
    let mut counts = Counts::default();
    let mut groups: BTreeMap<group::Key, Vec<Cell>> = BTreeMap::new();
    for change in &difference.cells {
        if let Some(key) = both.judge(change) {
            counts.add(key.kind);
            groups.entry(key).or_default().push(change.cell.clone());
        }
    }
    Diff {
        equal: difference == gate_tables::Difference::default(),
        only_removes: difference.only_removes(),
        takes_away: difference.takes_away(),
        first: first::notices(old.tables, new.tables, &difference),
        counts,
        groups: groups.into_iter().map(|(key, cells)| both.group(key, cells)).collect(),
        declarations: declarations::declarations(old.tables, new.tables, &difference),
        rules: rules(old.tables, new.tables),
    }
}

/// Both policies, found by names.
struct Both<'a> {
    old: Index<'a>,
    new: Index<'a>,
    sides: [&'a Side<'a>; 2],
}

impl Both<'_> {
    /// `None`: other rules decide the same as before.
    fn judge(&self, change: &Change) -> Option<group::Key> {
        let (was, is) = (self.old.access(&change.cell), self.new.access(&change.cell));
        let kind = match (was, is, change.gains, change.loses) {
            (None, Some(_), ..) => Kind::Gains,
            (Some(_), None, ..) => Kind::Loses,
            (_, _, true, false) => Kind::Widens,
            (_, _, true, true) => Kind::Alters,
            (_, _, false, true) => Kind::Narrows,
            (_, _, false, false) => return None,
        };
        let on_a_condition = |index: &Index<'_>, line: Option<&Access>| line.is_some_and(|l| index.is_conditional(l));
        let conditional = on_a_condition(&self.old, was) || on_a_condition(&self.new, is);
        Some(group::Key { kind, conditional, causes: self.causes(&change.cell, was, is) })
    }
}

impl Counts {
    fn add(&mut self, kind: Kind) {
        let counter = match kind {
            Kind::Gains => &mut self.gains,
            Kind::Widens => &mut self.widens,
            Kind::Alters => &mut self.alters,
            Kind::Narrows => &mut self.narrows,
            Kind::Loses => &mut self.loses,
        };
        *counter += 1;
    }

    /// Cells that may be allowed something new.
    #[must_use]
    pub const fn giving(&self) -> usize {
        self.gains + self.widens + self.alters
    }

    /// Cells that may be allowed less.
    #[must_use]
    pub const fn taking(&self) -> usize {
        self.narrows + self.loses
    }
}

fn rules(old: &Tables, new: &Tables) -> Vec<RuleChange> {
    let say = |rule: &Rule, what| RuleChange {
        id: rule.id.clone(),
        what,
        place: rule.place.clone(),
        reason: rule.reason.clone(),
        ticket: rule.ticket.clone(),
    };
    let named = |tables, rule: &Rule| crate::rules::rule_named(tables, &rule.id);
    let gone = old.rules.iter().filter(|rule| named(new, rule).is_none()).map(|rule| say(rule, RuleEvent::Gone));
    let other = new.rules.iter().filter_map(|rule| {
        let what = match named(old, rule) {
            None => RuleEvent::New,
            Some(was) if (&was.effect, &was.condition) != (&rule.effect, &rule.condition) => RuleEvent::Changed,
            Some(was) if (&was.reason, &was.ticket) != (&rule.reason, &rule.ticket) => RuleEvent::Reworded,
            Some(_) => return None,
        };
        Some(say(rule, what))
    });
    let mut rules: Vec<RuleChange> = gone.chain(other).collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

#[cfg(test)]
mod tests;
