//! Who may ask for what, cell by cell, for those who compare policies and must not know Cedar.

use crate::decider::Decider;
use crate::rules::Rule;
use crate::universe::Universe;
use gate_tables::{Access, Condition, ServiceId};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line per target and set of rules: its sources are those about whom the same rules speak.
pub(super) fn access(decider: &Decider) -> Vec<Access> {
    let universe = decider.universe();
    let mut lines: BTreeMap<(u32, Vec<u32>, Vec<u32>), Vec<ServiceId>> = BTreeMap::new();
    for (source, target, permits, forbids) in decider.rules_of_cells() {
        lines.entry((target, permits, forbids)).or_default().push(source);
    }
    let line = |((target, permits, forbids), mut sources): ((u32, Vec<u32>, Vec<u32>), Vec<ServiceId>)| {
        let target = universe.targets.get(target as usize)?;
        sources.sort_unstable();
        let action = target.route.is_some().then(|| target.action_name.clone());
        Some(Access { destination: target.service, port: target.port, action, permits, forbids, sources })
    };
    let mut lines: Vec<Access> = lines.into_iter().filter_map(line).collect();
    lines.sort_unstable();
    lines
}

/// What tells one condition from another, for each rule.
pub(super) struct Conditions {
    /// Digest of what is in what: conditions may ask for it, and it changes without them.
    memberships: [u8; 32],
}

impl Conditions {
    pub(super) fn new(universe: &Universe) -> Self {
        let subjects =
            universe.subjects.iter().map(|s| (s.uid.to_string(), s.groups().iter().map(ToString::to_string)));
        let mut lines: Vec<String> = subjects.map(|(name, groups)| line(&name, groups)).collect();
        lines.extend(universe.targets.iter().map(|target| {
            line(&format!("{} {}", target.action, target.resource), target.action_names().map(str::to_owned))
        }));
        lines.sort_unstable();
        Self { memberships: Sha256::digest(lines.concat()).into() }
    }

    /// `None` for a rule that has neither `when` nor `unless`.
    pub(super) fn of(&self, rule: &Rule) -> Option<Condition> {
        if !rule.is_conditional() {
            return None;
        }
        // A condition that cannot be written down is like no other, and may fail.
        let json = rule.policy.to_json().ok().and_then(|mut json| json.get_mut("conditions").map(Json::take));
        let json = json.unwrap_or_else(|| Json::String(rule.place()));
        let mut digest = Sha256::new().chain_update(json.to_string());
        if !reads_only_the_context(&json) {
            digest.update(self.memberships);
        }
        Some(Condition { sha256: hexadecimal(&digest.finalize()), total: is_total(&json) })
    }
}

fn line(name: &str, groups: impl Iterator<Item = String>) -> String {
    let mut groups: Vec<String> = groups.collect();
    groups.sort_unstable();
    format!("{name} in {groups:?}\n")
}

/// Whether nothing but the request can change the answer.
fn reads_only_the_context(condition: &Json) -> bool {
    match condition {
        Json::Object(fields) => fields.iter().all(|(operator, operand)| match operator.as_str() {
            "Var" => operand == "context",
            "in" | "is" | "__entity" => false,
            _ => reads_only_the_context(operand),
        }),
        Json::Array(items) => items.iter().all(reads_only_the_context),
        _ => true,
    }
}

/// Operators of Cedar's JSON form that answer whatever they are given, once the strict validator has passed them. All
/// others, and those that a later version brings, may fail.
const TOTAL: [&str; 34] = [
    "kind",
    "body",
    "left",
    "right",
    "arg",
    "if",
    "then",
    "else",
    "if-then-else",
    "Var",
    "Set",
    "Record",
    ".",
    "has",
    "attr",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "in",
    "is",
    "entity_type",
    "contains",
    "containsAll",
    "containsAny",
    "isEmpty",
    "like",
    "pattern",
    "Literal",
];

fn is_total(condition: &Json) -> bool {
    match condition {
        Json::Object(fields) => fields.iter().all(|(operator, operand)| match operator.as_str() {
            // A literal, whatever it looks like.
            "Value" => true,
            "Record" => operand.as_object().is_some_and(|fields| fields.values().all(is_total)),
            operator => TOTAL.contains(&operator) && is_total(operand),
        }),
        Json::Array(items) => items.iter().all(is_total),
        _ => true,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
