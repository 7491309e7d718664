//! What changes about people, their keys, and how many of them it takes: whoever can change that, can change all.

use crate::policy::{DUTIES, Policy};
use gate_bundle::{Allowed, Duties, Duty, Key, Person};
use gate_review::Line;

/// The duties of a policy.
///
/// # Errors
/// Everything that is wrong with them.
pub(super) fn of(policy: &Policy) -> Result<Duties, Vec<String>> {
    let name = &policy.name;
    let bytes = policy.source.file(DUTIES);
    let bytes =
        bytes.ok_or_else(|| vec![format!("{name}: {DUTIES} is missing; it says who may author and approve")])?;
    Duties::parse(bytes).map_err(|problems| problems.iter().map(|problem| format!("{name}: {problem}")).collect())
}

/// Every difference, in words, and below them the lines that differ as they are written: a difference that no word is
/// known for must not be one that nobody reads.
pub(super) fn differences(old: &Duties, new: &Duties, files: [Option<&[u8]>; 2]) -> Vec<Line> {
    let mut lines = words(old, new);
    if files[0] != files[1] {
        lines.extend(written(files));
    }
    lines
}

/// What gives somebody more to say: people, keys, duties, fewer approvals, dangers that are allowed.
pub(super) fn weighty(old: &Duties, new: &Duties) -> Vec<Line> {
    let mut lines = Vec::new();
    if new.approvals() < old.approvals() {
        lines.push(Line::of("fewer people approve: ").number(new.approvals()).words(", were ").number(old.approvals()));
    }
    for (name, person) in new.people() {
        let before = old.people().get(name);
        if before.is_none() {
            lines.push(Line::of("a new person signs: ").name(name));
            continue;
        }
        let known = |key: &&Key| before.is_some_and(|before| before.keys().contains(key));
        let keys = person.keys().iter().filter(|key| !known(key));
        lines.extend(keys.map(|found| key(Line::of("a new key of ").name(name).words(": "), found)));
        let may = [Duty::Author, Duty::Approve, Duty::Operate, Duty::Audit].into_iter();
        let may = may.filter(|duty| person.may(*duty) && before.is_some_and(|before| !before.may(*duty)));
        lines.extend(may.map(|duty| Line::of("a new duty: ").name(name).words(" may ").name(duty.to_string())));
        if before.is_some_and(|before| before.owners().is_some() && person.owners().is_none()) {
            lines.push(Line::of("signs for everything now: ").name(name));
        }
    }
    for exception in new.exceptions().iter().filter(|exception| !old.exceptions().contains(exception)) {
        let line = Line::of("a new exception: ").name(exception.allowed().to_string()).words(" for ");
        lines.push(line.name(exception.holder()).words(" until ").name(exception.until().to_string()));
    }
    let gone = old.toxic().iter().filter(|toxic| !new.toxic().contains(toxic));
    lines.extend(gone.map(|toxic| Line::of("no longer forbidden together, or otherwise: ").name(toxic.id())));
    lines
}

fn words(old: &Duties, new: &Duties) -> Vec<Line> {
    let mut lines = Vec::new();
    if old.mode() != new.mode() {
        let (was, is) = (old.mode().to_string(), new.mode().to_string());
        lines.push(Line::of("mode: ").name(is).words(", was ").name(was));
    }
    if old.approvals() != new.approvals() {
        let (was, is) = (old.approvals(), new.approvals());
        let line = Line::of("approvals besides the author: ").number(is).words(", were ").number(was);
        lines.push(if is < was { line.words("; fewer people are needed") } else { line });
    }
    for (name, person) in new.people() {
        match old.people().get(name) {
            None => lines.push(describe(Line::of("new person: ").name(name), person)),
            Some(before) => changed(name, before, person, &mut lines),
        }
    }
    for (name, person) in old.people().iter().filter(|(name, _)| !new.people().contains_key(*name)) {
        lines.push(describe(Line::of("person gone: ").name(name), person));
    }
    for (words, from, to) in
        [("new conflict, may not sign together: ", new, old), ("conflict gone, may sign together: ", old, new)]
    {
        let same = |(one, other): &(String, String)| {
            to.conflicts().iter().any(|(a, b)| (a, b) == (one, other) || (a, b) == (other, one))
        };
        let pairs = from.conflicts().iter().filter(|pair| !same(pair));
        lines.extend(pairs.map(|(one, other)| Line::of(words).name(one).words(" and ").name(other)));
    }
    dangers(old, new, &mut lines);
    lines
}

/// What nobody may hold together, and who may all the same.
fn dangers(old: &Duties, new: &Duties, lines: &mut Vec<Line>) {
    for (words, from, to) in [("new toxic combination: ", new, old), ("toxic combination gone: ", old, new)] {
        for toxic in from.toxic().iter().filter(|toxic| !to.toxic().contains(toxic)) {
            let line = Line::of(words).name(toxic.id()).words(" ").quote(toxic.reason()).words(", no one ");
            let line = line.name(toxic.holder().to_string()).words(" holds together ");
            lines.push(line.names(toxic.actions().iter().map(String::as_str)));
        }
    }
    for (words, from, to) in [("new exception: ", new, old), ("exception gone: ", old, new)] {
        for exception in from.exceptions().iter().filter(|exception| !to.exceptions().contains(exception)) {
            let line = Line::of(words).name(exception.holder());
            let line = match exception.allowed() {
                Allowed::Toxic(id) => line.words(" may hold ").name(id),
                Allowed::Reach { network, reason } => {
                    line.words(" may be joined with the other environment of ").name(network).words(" ").quote(reason)
                }
            };
            let line = line.words(" until ").name(exception.until().to_string()).words(", for which ");
            lines.push(line.name(exception.owner()).words(" answers [").name(exception.ticket()).words("]"));
        }
    }
}

fn changed(name: &str, before: &Person, after: &Person, lines: &mut Vec<Line>) {
    for duty in [Duty::Author, Duty::Approve, Duty::Operate, Duty::Audit] {
        let may = match (before.may(duty), after.may(duty)) {
            (false, true) => " may now ",
            (true, false) => " may no longer ",
            _ => continue,
        };
        lines.push(Line::default().name(name).words(may).name(duty.to_string()));
    }
    if before.owners() != after.owners() {
        let was = scope(Line::default(), before);
        lines.push(scope(Line::default().name(name).words(" signs for "), after).words(", was ").line(was));
    }
    for (words, from, to) in [(" has a new key: ", after, before), (" has a key no more: ", before, after)] {
        let keys = from.keys().iter().filter(|key| !to.keys().contains(key));
        lines.extend(keys.map(|key| self::key(Line::default().name(name).words(words), key)));
    }
}

fn describe(line: Line, person: &Person) -> Line {
    let duties = [Duty::Author, Duty::Approve, Duty::Operate, Duty::Audit].into_iter().filter(|duty| person.may(*duty));
    let line = line.words(", may ").names(duties.map(|duty| duty.to_string()));
    let line = if person.owners().is_some() { scope(line.words(" for "), person) } else { line };
    person.keys().iter().fold(line, |line, key| self::key(line.words(", key "), key))
}

/// Whose services somebody signs for.
fn scope(line: Line, person: &Person) -> Line {
    match person.owners() {
        None => line.words("all services and the duties"),
        Some(owners) => line.words("the services of ").names(owners),
    }
}

fn key(line: Line, key: &Key) -> Line {
    let line = line.name(key.fingerprint());
    if key.is_security_key() { line.words(" (security key)") } else { line }
}

/// Lines that are other than they were, comments apart, each with the table that it is in.
fn written(files: [Option<&[u8]>; 2]) -> Vec<Line> {
    let [old, new] = files.map(|file| lines_in_tables(file.unwrap_or_default()));
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| Line::of("line gone: ").name(line));
    let came = new.iter().filter(|line| !old.contains(line)).map(|line| Line::of("line new: ").name(line));
    let told: Vec<Line> = gone.chain(came).collect();
    if told.is_empty() { vec![Line::of("duties.toml: comments, spaces or the order of lines differ")] } else { told }
}

/// `[person.bob] may = ["approve"]`.
fn lines_in_tables(file: &[u8]) -> Vec<String> {
    let mut table = "";
    let mut lines = Vec::new();
    let text = String::from_utf8_lossy(file);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            table = line;
        }
        lines.push(if table.is_empty() || table == line { line.to_owned() } else { format!("{table} {line}") });
    }
    lines
}

#[cfg(test)]
mod tests;
