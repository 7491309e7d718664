//! Cells that differ. There may be hundreds of thousands of them: they are compared by the places of their names, and
//! what two lines of access say about each other is found once for all cells that they share.

use super::names::{Name, Names, Numbered};
use super::says::{Says, gains};
use super::{Cell, Change};
use crate::{Access, Tables};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Source, destination, port, action; ordered as their names are.
type Key = (Name, Name, Name, Option<Name>);

/// What became of the cells that went from one line to another; `None`: nothing.
type Verdict = Option<Judged>;

struct Judged {
    before: Vec<String>,
    after: Vec<String>,
    gains: bool,
    loses: bool,
}

pub(super) fn compare(names: &Names<'_>, old: &Tables, new: &Tables) -> Vec<Change> {
    let (before, after) = (cells(names, old), cells(names, new));
    let mut verdicts: HashMap<(Option<usize>, Option<usize>), Verdict> = HashMap::new();
    let mut changes = Vec::new();
    for (key, was, is) in joined(&before, &after) {
        let verdict = verdicts.entry((was, is)).or_insert_with(|| judge(line(old, was), line(new, is)));
        changes.extend(verdict.as_ref().map(|judged| judged.change(names, key)));
    }
    changes
}

/// Every cell with the line that says it, sorted.
fn cells(names: &Names<'_>, tables: &Tables) -> Vec<(Key, usize)> {
    let numbered = Numbered::new(names, tables);
    let mut cells = Vec::new();
    for (index, line) in tables.access.iter().enumerate() {
        let Some(destination) = numbered.party(line.destination) else { continue };
        let Some(port) = numbered.port(line.destination, line.port) else { continue };
        let action = line.action.as_deref().and_then(|action| names.number(action));
        let sources = line.sources.iter().filter_map(|source| numbered.party(*source));
        cells.extend(sources.map(|source| ((source, destination, port, action), index)));
    }
    cells.sort_unstable();
    cells
}

/// Both lists side by side.
fn joined<'c>(
    before: &'c [(Key, usize)],
    after: &'c [(Key, usize)],
) -> impl Iterator<Item = (Key, Option<usize>, Option<usize>)> + 'c {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((was, _)), Some((is, _))) => was.cmp(is),
        };
        let was = if order.is_le() { before.next() } else { None };
        let is = if order.is_ge() { after.next() } else { None };
        let (key, _) = was.or(is)?;
        Some((*key, was.map(|(_, line)| *line), is.map(|(_, line)| *line)))
    })
}

/// A line with the tables whose rules it names.
fn line(tables: &Tables, index: Option<usize>) -> Option<(&Tables, &Access)> {
    Some((tables, tables.access.get(index?)?))
}

fn says<'t>((tables, line): (&'t Tables, &Access)) -> Says<'t> {
    Says::new(&tables.rules, line)
}

fn judge(was: Option<(&Tables, &Access)>, is: Option<(&Tables, &Access)>) -> Verdict {
    let (was, is) = (was.map(says), is.map(says));
    if was.as_ref().map(Says::effect) == is.as_ref().map(Says::effect) {
        return None;
    }
    let ids = |says: &Option<Says<'_>>| says.as_ref().map(Says::ids).unwrap_or_default();
    Some(Judged {
        before: ids(&was),
        after: ids(&is),
        gains: gains(was.as_ref(), is.as_ref()),
        loses: gains(is.as_ref(), was.as_ref()),
    })
}

impl Judged {
    fn change(&self, names: &Names<'_>, (source, destination, port, action): Key) -> Change {
        let name = |number| names.name(number).to_owned();
        Change {
            cell: Cell {
                source: name(source),
                destination: name(destination),
                port: name(port),
                action: action.map(name),
            },
            before: self.before.clone(),
            after: self.after.clone(),
            gains: self.gains,
            loses: self.loses,
        }
    }
}
