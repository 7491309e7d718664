//! Reachability that is new and that no cell gives. The compiler makes no such line; somebody else may, and the kernel
//! enforces what is in it.

use super::Difference;
use super::names::{Name, Names, Numbered};
use crate::{Reach, Tables, Times};
use std::collections::{BTreeMap, HashSet};

/// Source, destination and port.
type Target = (Name, Name, Name);

pub(super) fn unexplained(names: &Names<'_>, [old, new]: [&Tables; 2], difference: &mut Difference) {
    let before = reached(names, old);
    let gains = difference.cells.iter().filter(|change| change.gains).map(|change| &change.cell);
    let target =
        |source, destination, port| Some((names.number(source)?, names.number(destination)?, names.number(port)?));
    let given: HashSet<Target> = gains.filter_map(|cell| target(&cell.source, &cell.destination, &cell.port)).collect();
    let unexplained = reached(names, new).into_iter().filter(|(target, how)| {
        let stayed = before.get(target).is_some_and(|was| was.via == how.via && within(how.times, was.times));
        !stayed && !given.contains(target)
    });
    for ((source, destination, port), _) in unexplained {
        let [source, destination, port] = [source, destination, port].map(|number| names.name(number));
        difference.declare(destination, format!("{source} reaches {destination}:{port}, which no rule gives"));
    }
}

/// The lines of reachability, by names.
fn reached<'t>(names: &Names<'_>, tables: &'t Tables) -> BTreeMap<Target, &'t Reach> {
    let numbered = Numbered::new(names, tables);
    let named = |line: &Reach| {
        let port = numbered.port(line.destination, line.port)?;
        Some((numbered.party(line.source)?, numbered.party(line.destination)?, port))
    };
    tables.reach.iter().filter_map(|line| Some((named(line)?, line))).collect()
}

/// Whether one span of time lies inside the other.
fn within(inner: Times, outer: Times) -> bool {
    let starts = outer.from.is_none_or(|outer| inner.from.is_some_and(|inner| outer <= inner));
    starts && outer.until.is_none_or(|outer| inner.until.is_some_and(|inner| inner <= outer))
}
