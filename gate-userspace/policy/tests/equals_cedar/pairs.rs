//! Two policies: what comparing their tables says, against what Cedar allows of each.

use crate::world::{Cell, Target};
use crate::{Counts, Judged};
use gate_tables::{Change, Difference};
use std::sync::atomic::Ordering;

pub fn compare(old: &Judged, new: &Judged, cells: &[Cell], counts: &Counts) {
    let difference = gate_tables::compare(&old.compiled.tables, &new.compiled.tables);
    let texts = || format!("before\n{}\nafter\n{}\n{difference:#?}", old.text, new.text);
    // Nothing but groups and the place of a network is declared in another way.
    let expected =
        |words: &String| words.starts_with("the groups of service") || words.starts_with("network office is");
    assert!(difference.declarations.iter().all(expected) && difference.withdrawn.is_empty(), "{}", texts());
    let mut gained = false;
    for (index, cell) in cells.iter().enumerate() {
        let (was, is) = (&old.answers[index], &new.answers[index]);
        let change = change_of(cell, &difference);
        let (gains, loses) = change.map_or((false, false), |change| (change.gains, change.loses));
        let pairs = || was.answers.iter().zip(&is.answers);
        let gained_here = pairs().any(|(was, is)| is.allow && !was.allow);
        let lost_here = pairs().any(|(was, is)| was.allow && !is.allow);
        gained |= gained_here;
        if was.conditional || is.conditional {
            // Of conditions only equality is known: what is not said to have gained has not.
            assert!(gains || !gained_here, "{} {}\n{}", cell.principal, cell.service, texts());
            assert!(loses || !lost_here, "{} {}\n{}", cell.principal, cell.service, texts());
        } else {
            let found = (gained_here, lost_here);
            assert_eq!((gains, loses), found, "{} {}\n{}", cell.principal, cell.service, texts());
        }
    }
    assert!(!difference.only_removes() || !gained, "{}", texts());
    counts.comparisons.fetch_add(1, Ordering::Relaxed);
    let removes = difference.only_removes() && !difference.cells.is_empty();
    counts.removals.fetch_add(removes.into(), Ordering::Relaxed);
}

fn change_of<'a>(cell: &Cell, difference: &'a Difference) -> Option<&'a Change> {
    let mut changes = difference.cells.iter().filter(|change| {
        let (action, port) = match &cell.target {
            Target::Route(name) => (Some(name), "http"),
            Target::Flow(port) => (None, *port),
        };
        change.cell.source == cell.principal
            && change.cell.destination == cell.service
            && change.cell.port == port
            && change.cell.action.as_ref() == action
    });
    let change = changes.next();
    assert!(changes.next().is_none(), "{difference:#?}");
    change
}
