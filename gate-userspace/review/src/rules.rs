//! Rules as people see them, and the lines of the tables by names.

use gate_tables::{Access, Cell, Parties, Party, Rule, ServiceId, Tables};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

use crate::page::Line;

/// A rule, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RuleView {
    /// The `@id` annotation.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: String,
    /// The `@reason` annotation.
    pub reason: String,
    /// The `@ticket` annotation.
    pub ticket: String,
    /// File and line; its condition stands there, too.
    pub place: String,
    /// Whether it has a condition.
    pub conditional: bool,
}

impl RuleView {
    pub(crate) fn new(rule: &Rule) -> Self {
        Self {
            id: rule.id.clone(),
            effect: rule.effect.clone(),
            reason: rule.reason.clone(),
            ticket: rule.ticket.clone(),
            place: rule.place.clone(),
            conditional: rule.condition.is_some(),
        }
    }

    /// `web-reads-orders (shop.cedar:3, on a condition) "the shop shows orders" [OPS-142]`.
    pub(crate) fn line(&self) -> Line {
        let line = Line::default().name(&self.id).words(" (").name(&self.place);
        let line = if self.conditional { line.words(", on a condition)") } else { line.words(")") };
        line.words(" ").quote(&self.reason).words(" [").name(&self.ticket).words("]")
    }
}

/// A target by its names.
pub(crate) type TargetKey<'a> = (&'a str, &'a str, Option<&'a str>);

/// The tables, found by names.
pub(crate) struct Index<'a> {
    pub(crate) tables: &'a Tables,
    parties: Parties<'a>,
    numbers: HashMap<&'a str, ServiceId>,
    lines: BTreeMap<TargetKey<'a>, Vec<&'a Access>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(tables: &'a Tables) -> Self {
        let parties = Parties::new(tables);
        let numbers = parties.iter().map(|(id, party)| (party.name(), id)).collect();
        let mut index = Self { tables, parties, numbers, lines: BTreeMap::new() };
        for line in &tables.access {
            if let Some(key) = index.key(line) {
                index.lines.entry(key).or_default().push(line);
            }
        }
        index
    }

    fn key(&self, line: &'a Access) -> Option<TargetKey<'a>> {
        let party = self.parties.get(line.destination)?;
        Some((party.name(), &party.port(line.port)?.name, line.action.as_deref()))
    }

    /// The name of a source.
    pub(crate) fn source(&self, id: ServiceId) -> Option<&'a str> {
        self.parties.get(id).map(Party::name)
    }

    /// Who has that name.
    pub(crate) fn named(&self, name: &str) -> Option<(ServiceId, Party<'a>)> {
        let id = *self.numbers.get(name)?;
        Some((id, self.parties.get(id)?))
    }

    pub(crate) fn parties(&self) -> &Parties<'a> {
        &self.parties
    }

    /// What the rules say about a cell.
    pub(crate) fn access(&self, cell: &Cell) -> Option<&'a Access> {
        let source = *self.numbers.get(cell.source.as_str())?;
        let key = (cell.destination.as_str(), cell.port.as_str(), cell.action.as_deref());
        self.lines.get(&key)?.iter().find(|line| line.sources.binary_search(&source).is_ok()).copied()
    }

    /// Every target that anybody may ask, with its lines, in the order of names.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&TargetKey<'a>, &Vec<&'a Access>)> {
        self.lines.iter()
    }

    pub(crate) fn rule(&self, index: u32) -> Option<&'a Rule> {
        self.tables.rules.get(index as usize)
    }

    pub(crate) fn rule_named(&self, id: &str) -> Option<&'a Rule> {
        rule_named(self.tables, id)
    }

    /// The rules of these indexes, as pages show them.
    pub(crate) fn views(&self, indexes: &[u32]) -> Vec<RuleView> {
        indexes.iter().filter_map(|index| self.rule(*index)).map(RuleView::new).collect()
    }

    /// Whether some request of this line may be denied: no permit without a condition, a forbid, or a condition that
    /// may fail.
    pub(crate) fn is_conditional(&self, line: &Access) -> bool {
        let rules = || line.permits.iter().filter_map(|index| self.rule(*index));
        let always = rules().any(|rule| rule.condition.is_none());
        let may_fail = rules().any(|rule| rule.condition.as_ref().is_some_and(|condition| !condition.total));
        !always || may_fail || !line.forbids.is_empty()
    }
}

pub(crate) fn rule_named<'a>(tables: &'a Tables, id: &str) -> Option<&'a Rule> {
    let index = tables.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok()?;
    tables.rules.get(index)
}
