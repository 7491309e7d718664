//! What is known of a rule's `when` and `unless` without any request.

use crate::context::Attributes;
use cedar_policy::Policy;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// The conditions of one rule, looked through once.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    /// SHA-256 of Cedar's JSON form.
    pub(crate) digest: [u8; 32],
    /// Whether nothing but the request can change the answer: no entity is named, no membership asked for.
    pub(crate) only_context: bool,
    /// Whether it speaks of actions.
    pub(crate) about_actions: bool,
    /// Whether it answers every request that the schema allows.
    pub(crate) total: bool,
    /// What it reads of a request.
    pub(crate) reads: Attributes,
}

impl Condition {
    /// `None` for a rule that has neither `when` nor `unless`.
    pub(super) fn of(policy: &Policy) -> Option<Self> {
        if !policy.has_non_scope_constraint() {
            return None;
        }
        let Some(json) = policy.to_json().ok().and_then(|mut json| json.get_mut("conditions").map(Json::take)) else {
            // A condition that cannot be written down is like no other and may do anything.
            let digest = Sha256::digest(policy.id().to_string()).into();
            let reads = Attributes::all();
            return Some(Self { digest, only_context: false, about_actions: true, total: false, reads });
        };
        let mut reads = Attributes::none();
        collect(&json, &mut reads);
        Some(Self {
            digest: Sha256::digest(json.to_string()).into(),
            only_context: reads_only_the_context(&json),
            about_actions: speaks_of_actions(&json),
            total: is_total(&json),
            reads,
        })
    }
}

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

fn speaks_of_actions(condition: &Json) -> bool {
    match condition {
        Json::Object(fields) => fields.iter().any(|(operator, operand)| match operator.as_str() {
            "Var" if operand.is_string() => operand == "action",
            "__entity" => operand.get("type").is_none_or(|name| name == "Action"),
            _ => speaks_of_actions(operand),
        }),
        Json::Array(items) => items.iter().any(speaks_of_actions),
        _ => false,
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

/// The context counts as read whole unless one attribute is taken of it.
fn collect(expression: &Json, attributes: &mut Attributes) {
    match expression {
        Json::Object(fields) => fields.iter().for_each(|(operator, operand)| match operator.as_str() {
            "Var" if operand.as_str() == Some("context") => *attributes = Attributes::all(),
            // A literal has no variables, though a record in it may look as if it had.
            "Value" => {}
            "." | "has" if operand.get("left").is_some_and(is_context) => {
                match operand.get("attr").and_then(Json::as_str) {
                    Some(attribute) => attributes.add(attribute),
                    None => *attributes = Attributes::all(),
                }
            }
            _ => collect(operand, attributes),
        }),
        Json::Array(items) => items.iter().for_each(|item| collect(item, attributes)),
        _ => {}
    }
}

fn is_context(expression: &Json) -> bool {
    expression.get("Var").and_then(Json::as_str) == Some("context")
}
