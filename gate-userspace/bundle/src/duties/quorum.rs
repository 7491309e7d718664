//! How many people count, where some do not sign together.

use std::collections::BTreeSet;

pub(super) fn in_conflict(one: &str, other: &str, conflicts: &[(String, String)]) -> bool {
    conflicts.iter().any(|(a, b)| (a == one && b == other) || (a == other && b == one))
}

/// The largest set of `people` of whom no two are in conflict; the same one every time.
///
/// Exponential in the number of conflicts only, which the parser bounds.
pub(crate) fn largest_without_conflict<'a>(
    people: &BTreeSet<&'a str>,
    conflicts: &[(String, String)],
) -> BTreeSet<&'a str> {
    let conflicted = |person: &&str| conflicts.iter().any(|(a, b)| [a.as_str(), b.as_str()].contains(person));
    let (bound, free): (BTreeSet<_>, BTreeSet<_>) = people.iter().copied().partition(conflicted);
    largest(&bound, conflicts).union(&free).copied().collect()
}

fn largest<'a>(people: &BTreeSet<&'a str>, conflicts: &[(String, String)]) -> BTreeSet<&'a str> {
    let opponents = |person: &str| people.iter().filter(|other| in_conflict(person, other, conflicts)).count();
    let counted: Vec<(usize, &'a str)> = people.iter().map(|person| (opponents(person), *person)).collect();
    // Who has one opponent may be taken: whoever else is taken instead could be exchanged.
    let easy = counted.iter().find(|(count, _)| *count == 1);
    match easy.or_else(|| counted.iter().max_by_key(|(count, _)| *count)) {
        None | Some((0, _)) => people.clone(),
        Some((1, person)) => with(person, people, conflicts),
        Some((_, person)) => {
            let with = with(person, people, conflicts);
            let rest = people.iter().copied().filter(|other| other != person).collect();
            let without = largest(&rest, conflicts);
            if with.len() >= without.len() { with } else { without }
        }
    }
}

fn with<'a>(person: &'a str, people: &BTreeSet<&'a str>, conflicts: &[(String, String)]) -> BTreeSet<&'a str> {
    let compatible = |other: &&str| *other != person && !in_conflict(person, other, conflicts);
    let rest = people.iter().copied().filter(compatible).collect();
    let mut chosen = largest(&rest, conflicts);
    chosen.insert(person);
    chosen
}
