//! What a new policy gives and takes, compared with the one before it.
//!
//! Whoever loads a bundle has to know whether it only takes access away, without Cedar: the comparison is of tables.
//! Cells without conditions are compared exactly. Of conditions only equality is known, so the comparison errs to one
//! side: a cell that may have gained counts as gained.

use crate::{Access, Condition, Parties, Reach, Rule, Tables, Times};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

mod declarations;

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
    let (before, after) = (Lines::new(old), Lines::new(new));
    let cells: BTreeSet<&Key<'_>> = before.cells.keys().chain(after.cells.keys()).collect();
    for key in cells {
        let (was, is) = (before.cells.get(key), after.cells.get(key));
        let (was, is) = (was.map(|line| before.says(line)), is.map(|line| after.says(line)));
        if was.as_ref().map(Says::effect) == is.as_ref().map(Says::effect) {
            continue;
        }
        let ids = |says: Option<&Says<'_>>| says.map(Says::ids).unwrap_or_default();
        difference.cells.push(Change {
            cell: key.cell(),
            before: ids(was.as_ref()),
            after: ids(is.as_ref()),
            gains: gains(was.as_ref(), is.as_ref()),
            loses: gains(is.as_ref(), was.as_ref()),
        });
    }

    unexplained_reach(old, new, &mut difference);
    difference
}

/// Whether `is` may allow something that `was` denied.
fn gains(was: Option<&Says<'_>>, is: Option<&Says<'_>>) -> bool {
    let Some(is) = is else { return false };
    let Some(was) = was else { return true };
    let always = was.permits.contains_key(&None);
    let permits = always || is.permits.keys().all(|condition| was.permits.contains_key(condition));
    let forbids = was.forbids.keys().all(|condition| is.forbids.contains_key(condition));
    // A condition that fails denies the whole request: it is a forbid, too.
    let failing = |says: &Says<'_>, condition: &Option<&Condition>| {
        says.permits.contains_key(condition) || says.forbids.contains_key(condition)
    };
    let mut may_fail = was.permits.keys().chain(was.forbids.keys()).filter(|c| c.is_some_and(|c| !c.total));
    !(permits && forbids && may_fail.all(|condition| failing(is, condition)))
}

/// The rules about a cell by their conditions: two rules with one condition are one.
struct Says<'a> {
    permits: BTreeMap<Option<&'a Condition>, &'a str>,
    forbids: BTreeMap<Option<&'a Condition>, &'a str>,
}

impl<'a> Says<'a> {
    /// What decides, without the names. A permit without a condition makes the others idle, unless they may fail.
    fn effect(&self) -> (BTreeSet<Option<&'a Condition>>, BTreeSet<Option<&'a Condition>>) {
        let always = self.permits.contains_key(&None);
        let decides = |condition: &&Option<&Condition>| !always || condition.is_none_or(|c| !c.total);
        (self.permits.keys().filter(decides).copied().collect(), self.forbids.keys().copied().collect())
    }

    fn ids(&self) -> Vec<String> {
        self.permits.values().chain(self.forbids.values()).map(ToString::to_string).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    source: &'a str,
    destination: &'a str,
    port: &'a str,
    action: Option<&'a str>,
}

impl Key<'_> {
    fn cell(&self) -> Cell {
        Cell {
            source: self.source.to_owned(),
            destination: self.destination.to_owned(),
            port: self.port.to_owned(),
            action: self.action.map(str::to_owned),
        }
    }
}

/// The lines of one policy, by names: numbers of ports change from bundle to bundle.
struct Lines<'a> {
    rules: &'a [Rule],
    cells: BTreeMap<Key<'a>, &'a Access>,
}

impl<'a> Lines<'a> {
    fn new(tables: &'a Tables) -> Self {
        let parties = Parties::new(tables);
        let mut cells = BTreeMap::new();
        for line in &tables.access {
            let Some(destination) = parties.get(line.destination) else { continue };
            let Some(port) = destination.port(line.port) else { continue };
            for source in line.sources.iter().filter_map(|source| parties.get(*source)) {
                let (source, destination, port) = (source.name(), destination.name(), port.name.as_str());
                cells.insert(Key { source, destination, port, action: line.action.as_deref() }, line);
            }
        }
        Self { rules: &tables.rules, cells }
    }

    fn says(&self, line: &Access) -> Says<'a> {
        let of = |indexes: &[u32]| {
            let rules = indexes.iter().filter_map(|index| self.rules.get(*index as usize));
            rules.map(|rule| (rule.condition.as_ref(), rule.id.as_str())).collect()
        };
        Says { permits: of(&line.permits), forbids: of(&line.forbids) }
    }
}

/// Reachability that is new and that no cell gives. The compiler makes no such line; somebody else may, and the kernel
/// enforces what is in it.
fn unexplained_reach(old: &Tables, new: &Tables, difference: &mut Difference) {
    let before = reached(old);
    let given: BTreeSet<Target<'_>> =
        difference.cells.iter().filter(|change| change.gains).map(|change| change.cell.target()).collect();
    let unexplained = reached(new).into_iter().filter(|(target, how)| {
        let stayed = before.get(target).is_some_and(|was| was.via == how.via && within(how.times, was.times));
        !stayed && !given.contains(target)
    });
    let words = |(source, destination, port)| format!("{source} reaches {destination}:{port}, which no rule gives");
    let found: Vec<(String, String)> = unexplained.map(|(target, _)| (target.1.to_owned(), words(target))).collect();
    found.into_iter().for_each(|(destination, words)| difference.declare(&destination, words));
}

/// Source, destination and port, by their names.
type Target<'a> = (&'a str, &'a str, &'a str);

impl Cell {
    fn target(&self) -> Target<'_> {
        (&self.source, &self.destination, &self.port)
    }
}

/// The lines of reachability, by names.
fn reached(tables: &Tables) -> BTreeMap<Target<'_>, &Reach> {
    let parties = Parties::new(tables);
    let named = |line: &Reach| {
        let destination = parties.get(line.destination)?;
        let port = destination.port(line.port)?;
        Some((parties.get(line.source)?.name(), destination.name(), port.name.as_str()))
    };
    tables.reach.iter().filter_map(|line| Some((named(line)?, line))).collect()
}

/// Whether one span of time lies inside the other.
fn within(inner: Times, outer: Times) -> bool {
    let starts = outer.from.is_none_or(|outer| inner.from.is_some_and(|inner| outer <= inner));
    starts && outer.until.is_none_or(|outer| inner.until.is_some_and(|inner| inner <= outer))
}

#[cfg(test)]
mod tests;
