//! What changes about the decisions that must hold: one that is no longer asked is one that may change unseen.

use crate::policy::CASES;
use gate_policy::PolicySource;
use gate_review::Line;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Cases that are gone, then those that ask something else, then new ones.
pub(super) fn differences(old: &PolicySource, new: &PolicySource) -> Vec<Line> {
    let (before, after) = (cases(old), cases(new));
    let mut lines = Vec::new();
    for (name, was) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        lines.push(Line::of("no longer asked: ").name(name).words(": ").name(was));
    }
    for (name, is) in &after {
        match before.get(name) {
            Some(was) if was != is => {
                lines.push(Line::of("asked otherwise: ").name(name).words(": ").name(is).words(", was ").name(was));
            }
            _ => {}
        }
    }
    for (name, is) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        lines.push(Line::of("new: ").name(name).words(": ").name(is));
    }
    lines
}

/// What each case asks, by its name; the second of a name has a number. What does not parse was refused before.
fn cases(source: &PolicySource) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(source.file(CASES).unwrap_or_default());
    let table: Table = text.parse().unwrap_or_default();
    let list = table.get("case").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut cases = BTreeMap::new();
    for case in list.iter().filter_map(Value::as_table) {
        let given = case.get("name").and_then(Value::as_str).unwrap_or("without a name");
        let mut name = given.to_owned();
        let mut number = 2usize;
        while cases.contains_key(&name) {
            name = format!("{given} ({number})");
            number += 1;
        }
        cases.insert(name, describe(case));
    }
    cases
}

/// `web orders.getOrder (params {id = 1}): allow (rule web-reads-orders)`.
fn describe(case: &Table) -> String {
    const TOLD: [&str; 4] = ["name", "principal", "action", "expect"];
    let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or("?");
    let mut rest: Vec<String> = Vec::new();
    for (key, value) in case.iter().filter(|(key, _)| !TOLD.contains(&key.as_str())) {
        rest.push(format!(
            "{key} {}",
            value.as_str().map_or_else(|| value.to_string().replace('\n', " "), str::to_owned)
        ));
    }
    rest.sort();
    let rest = if rest.is_empty() { String::new() } else { format!(" ({})", rest.join(", ")) };
    format!("{} {}{rest}: {}", text("principal"), text("action"), text("expect"))
}
