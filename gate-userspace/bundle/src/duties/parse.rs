//! Reading `duties.toml`, with every problem and its line.

mod toxic;

use super::{Duties, Duty, Exception, Mode, Person, Toxic, largest_without_conflict};
use crate::{key::Key, reason::plain};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A bundle holds 32 signatures, and one of them is the author's.
const MAX_APPROVALS: usize = 31;
const MAX_PEOPLE: usize = 256;
const MAX_KEYS: usize = 16;
/// Counting people is exponential in this number.
const MAX_CONFLICTS: usize = 16;
const MAX_NAME: usize = 64;
const MAX_OWNERS: usize = 256;

/// One problem of a `duties.toml`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DutiesProblem {
    /// The line, from 1.
    pub line: usize,
    /// What was found and what would be right.
    pub message: String,
}

impl fmt::Display for DutiesProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duties.toml:{}: {}", self.line, self.message)
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

pub(super) fn parse(bytes: &[u8]) -> Result<Duties, Vec<DutiesProblem>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count() + 1;
        vec![DutiesProblem { line, message: "not UTF-8; write the file in UTF-8".to_owned() }]
    })?;
    let mut reader = Reader { text, problems: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        reader.problem(error.span().unwrap_or_default(), plain(error.message()));
    }
    // What stands after a syntax error was guessed: judging it would report problems that are not there.
    let duties = if errors.is_empty() { reader.duties(document.get_ref()) } else { None };
    reader.problems.sort_by_key(|problem| problem.line);
    match duties {
        Some(duties) if reader.problems.is_empty() => Ok(duties),
        _ => Err(reader.problems),
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<DutiesProblem>,
}

/// What a file says, before it is known whether anyone can satisfy it.
struct Claims {
    mode: Mode,
    approvals: Option<(usize, Range<usize>)>,
    people: BTreeMap<String, Person>,
    conflicts: Vec<(String, String)>,
    toxic: Vec<Toxic>,
    exceptions: Vec<Exception>,
}

impl Reader<'_> {
    fn problem(&mut self, span: Range<usize>, message: impl Into<String>) {
        let line = self.text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1;
        self.problems.push(DutiesProblem { line, message: message.into() });
    }

    fn duties(&mut self, table: &DeTable<'_>) -> Option<Duties> {
        self.only_known_keys(table, "the file", &["mode", "approvals", "conflicts", "person", "toxic", "exception"]);
        let mode = self.mode(table);
        let approvals = table.get("approvals").and_then(|value| Some((self.approvals(value)?, value.span())));
        let people = self.people(table);
        let conflicts = table.get("conflicts").map(|value| self.conflicts(value, &people)).unwrap_or_default();
        let toxic = self.toxic(table);
        let exceptions = self.exceptions(table, &toxic);
        if mode == Some(Mode::Team) && !table.contains_key("approvals") {
            self.problem(0..0, "approvals is missing; a team says how many people approve, for example: approvals = 1");
        }
        if !self.problems.is_empty() {
            return None;
        }
        self.satisfiable(Claims { mode: mode?, approvals, people, conflicts, toxic, exceptions })
    }

    fn mode(&mut self, table: &DeTable<'_>) -> Option<Mode> {
        let Some(value) = table.get("mode") else {
            self.problem(0..0, "mode is missing; write mode = \"team\" or mode = \"solo\"");
            return None;
        };
        match value.get_ref().as_str() {
            Some("team") => Some(Mode::Team),
            Some("solo") => Some(Mode::Solo),
            _ => {
                let found = describe(value);
                self.problem(value.span(), format!("mode is {found}; write \"team\" or \"solo\""));
                None
            }
        }
    }

    fn approvals(&mut self, value: &Value<'_>) -> Option<usize> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| *number <= MAX_APPROVALS);
        if number.is_none() {
            let found = describe(value);
            self.problem(value.span(), format!("approvals is {found}; write a number from 0 to {MAX_APPROVALS}"));
        }
        number
    }

    fn people(&mut self, table: &DeTable<'_>) -> BTreeMap<String, Person> {
        let mut people = BTreeMap::new();
        let Some(value) = table.get("person") else {
            self.problem(0..0, "nobody is named; write [person.NAME] with keys and may");
            return people;
        };
        let Some(entries) = value.get_ref().as_table() else {
            self.problem(value.span(), format!("person is {}; write [person.NAME]", describe(value)));
            return people;
        };
        if entries.len() > MAX_PEOPLE {
            self.problem(value.span(), format!("{} people; at most {MAX_PEOPLE} are allowed", entries.len()));
            return people;
        }
        let mut owners = BTreeMap::new();
        for (name, entry) in in_file_order(entries) {
            if !is_name(name.get_ref()) {
                let expected = "a name is 1 to 64 letters, digits and . _ - @";
                self.problem(name.span(), format!("the name {:?}; {expected}", name.get_ref()));
            }
            if let Some(person) = self.person(name.get_ref(), entry, &mut owners) {
                people.insert(name.get_ref().to_string(), person);
            }
        }
        people
    }

    fn person(&mut self, name: &str, entry: &Value<'_>, owners: &mut BTreeMap<Vec<u8>, String>) -> Option<Person> {
        let Some(table) = entry.get_ref().as_table() else {
            self.problem(entry.span(), format!("person {name} is {}; write [person.{name}]", describe(entry)));
            return None;
        };
        self.only_known_keys(table, &format!("person {name}"), &["keys", "may", "owners"]);
        let keys = table.get("keys").map(|value| self.keys(name, value, owners)).unwrap_or_default();
        let may = table.get("may").map(|value| self.may(name, value)).unwrap_or_default();
        let owners = table.get("owners").map(|value| self.owners(name, value));
        if !table.contains_key("may") {
            self.problem(entry.span(), format!("person {name} has no duty; write may = [\"author\"]"));
        }
        let signs = may.contains(&Duty::Author) || may.contains(&Duty::Approve);
        if signs && keys.is_empty() && !table.contains_key("keys") {
            self.problem(entry.span(), format!("person {name} signs and has no key; write keys = [\"ssh-ed25519 …\"]"));
        }
        if let Some(value) = table.get("owners").filter(|_| !signs) {
            let message = format!("{name} has owners and signs nothing; owners are of people who author or approve");
            self.problem(value.span(), message);
        }
        Some(Person { keys, may, owners })
    }

    fn owners(&mut self, name: &str, value: &Value<'_>) -> BTreeSet<String> {
        let mut owners = BTreeSet::new();
        let what = format!("owners of {name}");
        for (owner, span) in self.strings(value, &what, "owners as services.toml names them", MAX_OWNERS) {
            if owner.is_empty() {
                self.problem(span, format!("{what}: found \"\"; write the owner of a service, \"team-orders\""));
            } else if !owners.insert(owner.clone()) {
                self.problem(span, format!("{what}: {owner:?} is there twice; write it once"));
            }
        }
        owners
    }

    fn keys(&mut self, name: &str, value: &Value<'_>, owners: &mut BTreeMap<Vec<u8>, String>) -> Vec<Key> {
        let mut keys = Vec::new();
        for (line, span) in self.strings(value, &format!("keys of {name}"), "the lines of .pub files", MAX_KEYS) {
            match Key::parse(&line) {
                Err(error) => self.problem(span, format!("a key of {name} {error}")),
                Ok(key) => match owners.insert(key.point().to_vec(), name.to_owned()) {
                    None => keys.push(key),
                    Some(owner) => {
                        let fingerprint = key.fingerprint();
                        let what = format!("key {fingerprint} of {name} is already a key of {owner}");
                        self.problem(span, format!("{what}; a key belongs to one person and is there once"));
                    }
                },
            }
        }
        keys
    }

    fn may(&mut self, name: &str, value: &Value<'_>) -> BTreeSet<Duty> {
        let mut may = BTreeSet::new();
        for (text, span) in self.strings(value, &format!("may of {name}"), "duties", 4) {
            let known = [Duty::Author, Duty::Approve, Duty::Operate, Duty::Audit];
            match known.into_iter().find(|duty| duty.to_string() == text) {
                None => self.problem(
                    span,
                    format!("{name} may {text:?}; the duties are \"author\", \"approve\", \"operate\" and \"audit\""),
                ),
                Some(duty) if !may.insert(duty) => {
                    self.problem(span, format!("{name} may {text:?} twice; write it once"));
                }
                Some(_) => {}
            }
        }
        may
    }

    fn conflicts(&mut self, value: &Value<'_>, people: &BTreeMap<String, Person>) -> Vec<(String, String)> {
        let expected = "write pairs of names: conflicts = [[\"alice\", \"bob\"]]";
        let Some(pairs) = value.get_ref().as_array().filter(|pairs| pairs.len() <= MAX_CONFLICTS) else {
            self.problem(
                value.span(),
                format!("conflicts is {}; {expected}, at most {MAX_CONFLICTS}", describe(value)),
            );
            return Vec::new();
        };
        let mut conflicts: Vec<(String, String)> = Vec::new();
        for pair in pairs.iter() {
            let names: Vec<(String, Range<usize>)> = self.strings(pair, "a conflict", "two names", 2);
            let [(one, _), (other, _)] = names.as_slice() else {
                self.problem(pair.span(), format!("a conflict of {} names; {expected}", names.len()));
                continue;
            };
            for (name, span) in names.iter().filter(|(name, _)| !people.contains_key(name)) {
                self.problem(span.clone(), format!("a conflict names {name:?}, who is no person of this file"));
            }
            if one == other || super::quorum::in_conflict(one, other, &conflicts) {
                let what = format!("the conflict of {one:?} and {other:?} is there twice, or with oneself");
                self.problem(pair.span(), format!("{what}; {expected}"));
            }
            conflicts.push((one.clone(), other.clone()));
        }
        conflicts
    }

    fn strings(&mut self, value: &Value<'_>, what: &str, of: &str, limit: usize) -> Vec<(String, Range<usize>)> {
        let Some(array) = value.get_ref().as_array().filter(|array| (1..=limit).contains(&array.len())) else {
            self.problem(
                value.span(),
                format!("{what}: found {}; write a list of {of}, 1 to {limit}", describe(value)),
            );
            return Vec::new();
        };
        let mut strings = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => strings.push((text.to_owned(), item.span())),
                None => self.problem(item.span(), format!("{what}: found {}; write a string", describe(item))),
            }
        }
        strings
    }

    fn only_known_keys(&mut self, table: &DeTable<'_>, of: &str, known: &[&str]) {
        for (key, _) in in_file_order(table) {
            if !known.contains(&key.get_ref().as_ref()) {
                let message = format!("unknown key {:?} of {of}; known are {}", key.get_ref(), known.join(", "));
                self.problem(key.span(), message);
            }
        }
    }

    /// A file that nobody could satisfy would be the last one.
    fn satisfiable(&mut self, claims: Claims) -> Option<Duties> {
        let Claims { mode, approvals, people, conflicts, toxic, exceptions } = claims;
        let (approvals, span) = approvals.unwrap_or((0, 0..0));
        if mode == Mode::Team && approvals == 0 {
            self.problem(span, "approvals is 0; a team needs at least 1, one person alone writes mode = \"solo\"");
            return None;
        }
        // Whoever signs for some owners only does not change this file.
        let scoped = people.values().any(|person| person.owners.is_some());
        let counts = |person: &Person, duty| person.may(duty) && person.owners.is_none();
        let who = |duty| people.iter().filter(move |(_, person)| counts(person, duty)).map(|(name, _)| name.as_str());
        let approvers_of = |author: &str| {
            let fits = |name: &&str| {
                mode == Mode::Solo || (*name != author && !super::quorum::in_conflict(author, name, &conflicts))
            };
            largest_without_conflict(&who(Duty::Approve).filter(fits).collect(), &conflicts).len()
        };
        let most = who(Duty::Author).map(approvers_of).max();
        match most {
            None => self.problem(span, format!("nobody{} may author; give somebody may = [\"author\"]", without(scoped))),
            Some(most) if most < approvals => self.problem(
                span,
                format!(
                    "approvals is {approvals}, and at most {most}{} may approve what another wrote; lower it or give more \
                     people may = [\"approve\"]",
                    without(scoped)
                ),
            ),
            Some(_) => return Some(Duties { mode, approvals, people, conflicts, toxic, exceptions }),
        }
        None
    }
}

/// Said where people with owners would not do.
const fn without(scoped: bool) -> &'static str {
    if scoped { " without owners, which a change of duties.toml needs," } else { "" }
}

fn in_file_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<toml::de::DeString<'i>>, &'t Value<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn describe(value: &Value<'_>) -> String {
    match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Array(items) => format!("a list of {}", items.len()),
        other => format!("a {}", other.type_str()),
    }
}

fn is_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"._-@".contains(&b);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal)
}
