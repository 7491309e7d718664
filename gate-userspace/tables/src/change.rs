//! What a new policy gives and takes, compared with the one before it.
//!
//! Whoever loads a bundle has to know whether it only takes access away, without Cedar: the comparison is of tables.
//! Cells without conditions are compared exactly. Of conditions only equality is known, so the comparison errs to one
//! side: a cell that may have gained counts as gained.

use crate::{Access, Condition, PortId, Reach, Rule, Service, ServiceId, Tables, Times};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One source and one target, by their names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Who asks: a service, or `host`.
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
    declarations(old, new, &mut difference);
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
        let names: BTreeMap<ServiceId, &Service> = tables.services.iter().map(|s| (s.id, s)).collect();
        let name = |id: &ServiceId| match id.0 {
            0 => Some(HOST),
            _ => names.get(id).map(|service| service.name.as_str()),
        };
        let port = |service: &'a Service, id: PortId| service.ports.iter().find(|port| port.id == id);
        let mut cells = BTreeMap::new();
        for line in &tables.access {
            let Some(destination) = names.get(&line.destination) else { continue };
            let Some(port) = port(destination, line.port) else { continue };
            for source in line.sources.iter().filter_map(name) {
                let (destination, port) = (destination.name.as_str(), port.name.as_str());
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
    let names: BTreeMap<ServiceId, &Service> = tables.services.iter().map(|s| (s.id, s)).collect();
    let named = |line: &Reach| {
        let destination = names.get(&line.destination)?;
        let port = destination.ports.iter().find(|port| port.id == line.port)?;
        let source = if line.source.0 == 0 { HOST } else { names.get(&line.source)?.name.as_str() };
        Some((source, destination.name.as_str(), port.name.as_str()))
    };
    tables.reach.iter().filter_map(|line| Some((named(line)?, line))).collect()
}

/// Whether one span of time lies inside the other.
fn within(inner: Times, outer: Times) -> bool {
    let starts = outer.from.is_none_or(|outer| inner.from.is_some_and(|inner| outer <= inner));
    starts && outer.until.is_none_or(|outer| inner.until.is_some_and(|inner| inner <= outer))
}

/// What `Host::"self"` is called where services have names.
const HOST: &str = "host";

/// What is declared of no service.
const WHOLE: &str = "";

/// Everything about services but rules. What may only take away is told apart; all else may give.
fn declarations(old: &Tables, new: &Tables, difference: &mut Difference) {
    if old.environment != new.environment {
        let message = format!("the environment is {}, and was {}", new.environment, old.environment);
        difference.declare(WHOLE, message);
    }
    for service in &new.services {
        match old.service_named(&service.name) {
            None => difference.declare(&service.name, format!("service {} is new", service.name)),
            Some(before) => changed(before, service, difference),
        }
    }
    for service in old.services.iter().filter(|service| new.service_named(&service.name).is_none()) {
        // Its processes are no longer governed, and its ports are anybody's.
        difference.declare(&service.name, format!("service {} is gone", service.name));
    }
    retired(old, new, difference);
}

/// A number that is forgotten may be given to another service, whose flows would then be taken for the old one's.
fn retired(old: &Tables, new: &Tables, difference: &mut Difference) {
    let number_of = |tables: &Tables, name: &str| {
        tables.retired.get(name).copied().or_else(|| tables.service_named(name).map(|service| service.id))
    };
    for (name, id) in &old.retired {
        if number_of(new, name) != Some(*id) {
            difference.declare(WHOLE, format!("the number {} of the former service {name} is free again", id.0));
        }
    }
    for (name, id) in &new.retired {
        if number_of(old, name) != Some(*id) {
            difference.declare(WHOLE, format!("{name} is a former service of number {}, and never was one", id.0));
        }
    }
}

fn changed(before: &Service, after: &Service, difference: &mut Difference) {
    if before == after {
        return;
    }
    let name = &after.name;
    if before.observe && !after.observe {
        difference.withdraw(name, format!("service {name} is enforced, and was observed"));
    }
    let mut expected = before.clone();
    expected.observe &= after.observe;
    for port in &mut expected.ports {
        let Some(now) = after.ports.iter().find(|now| now.name == port.name) else { continue };
        port.routes.retain(|route| {
            let stays = now.routes.iter().any(|now| now.action == route.action);
            if !stays {
                difference.withdraw(name, format!("route {} is gone", route.action));
            }
            stays
        });
    }
    if expected != *after {
        differences(&expected, after).into_iter().for_each(|words| difference.declare(name, words));
    }
}

/// Where two declarations of one service differ, in words.
fn differences(before: &Service, after: &Service) -> Vec<String> {
    let name = &after.name;
    let mut found = Vec::new();
    let mut say = |what: &str, is: &dyn fmt::Debug, was: &dyn fmt::Debug| {
        found.push(format!("{what} of service {name} is {is:?}, and was {was:?}"));
    };
    if before.id != after.id {
        say("the number", &after.id.0, &before.id.0);
    }
    if before.owner != after.owner {
        say("the owner", &after.owner, &before.owner);
    }
    if before.cgroup != after.cgroup {
        say("the cgroup", &after.cgroup, &before.cgroup);
    }
    if before.observe != after.observe {
        say("observe", &after.observe, &before.observe);
    }
    for port in &after.ports {
        match before.ports.iter().find(|was| was.name == port.name) {
            None => found.push(format!("port {}:{} is new", name, port.name)),
            Some(was) => ports(name, was, port, &mut found),
        }
    }
    for port in before.ports.iter().filter(|was| !after.ports.iter().any(|port| port.name == was.name)) {
        // A port that nobody declares may be bound and reached by every process that no service claims.
        found.push(format!("port {}:{} is gone", name, port.name));
    }
    if found.is_empty() {
        found.push(format!("service {name} is declared in another way"));
    }
    found
}

fn ports(service: &str, before: &crate::Port, after: &crate::Port, found: &mut Vec<String>) {
    let what = |port: &crate::Port| (port.id, port.transport, port.number, port.protocol);
    if what(before) != what(after) {
        found.push(format!("port {service}:{} is {:?}, and was {:?}", after.name, what(after), what(before)));
    }
    for route in &after.routes {
        match before.routes.iter().find(|was| was.action == route.action) {
            None => found.push(format!("route {} is new", route.action)),
            Some(was) if was != route => {
                let text = |route: &crate::Route| format!("{} {}", route.method, route.path);
                found.push(format!("route {} is {}, and was {}", route.action, text(route), text(was)));
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
