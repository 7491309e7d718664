//! `==` where `in` is meant: a forbid of a network would not hold for those inside it.

use super::Rule;
use crate::diagnostic::Report;
use crate::universe::Universe;
use cedar_policy::{EntityUid, PrincipalConstraint, ResourceConstraint};
use serde_json::Value as Json;

pub(super) fn check(rule: &Rule, universe: &Universe, report: &mut Report) {
    let mut named = Vec::new();
    if let PrincipalConstraint::Eq(uid) = rule.policy.principal_constraint()
        && !rule.permits()
    {
        named.push(uid);
    }
    if let ResourceConstraint::Eq(uid) = rule.policy.resource_constraint()
        && !rule.permits()
    {
        named.push(uid);
    }
    if rule.is_conditional()
        && let Ok(json) = rule.policy.to_json()
    {
        let literals: Vec<EntityUid> =
            rule.policy.entity_literals().into_iter().filter(|uid| universe.holds_others(uid)).collect();
        if !literals.is_empty() {
            conditions(rule, &json, &literals, &mut named);
        }
    }
    if let Some(uid) = named.into_iter().find(|uid| is_of_addresses(uid) && universe.holds_others(uid)) {
        let message = format!(
            "rule \"{}\" is for {uid} alone, and not for the networks inside it: an address is of the narrowest network \
             that holds it; write \"in {uid}\"",
            rule.id
        );
        report.at(&rule.file, rule.line, message);
    }
}

fn is_of_addresses(uid: &EntityUid) -> bool {
    matches!(uid.type_name().basename(), "Network" | "World" | "Port")
}

/// Those of `literals` that a condition compares with `==` so that the rule denies where they are equal.
fn conditions(rule: &Rule, json: &Json, literals: &[EntityUid], named: &mut Vec<EntityUid>) {
    let clauses = json.get("conditions").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    for clause in clauses {
        let when = clause.get("kind").and_then(Json::as_str) == Some("when");
        if let Some(body) = clause.get("body") {
            compared(body, when != rule.permits(), literals, named);
        }
    }
}

/// `denies`: whether the request is denied where the expression is true.
fn compared(expression: &Json, denies: bool, literals: &[EntityUid], named: &mut Vec<EntityUid>) {
    match expression {
        Json::Object(fields) => {
            for (operator, operand) in fields {
                let equal = (operator == "==" && denies) || (operator == "!=" && !denies);
                match operator.as_str() {
                    "!" => compared(operand, !denies, literals, named),
                    "if-then-else" => {
                        // Where the condition of an `if` leads is not followed: either way it may deny.
                        for part in ["if", "then", "else"].into_iter().filter_map(|part| operand.get(part)) {
                            compared(part, denies, literals, named);
                            compared(part, !denies, literals, named);
                        }
                    }
                    _ if equal => {
                        let sides = ["left", "right"].into_iter().filter_map(|side| entity(operand.get(side)?));
                        named.extend(
                            literals.iter().filter(|literal| sides.clone().any(|side| side == **literal)).cloned(),
                        );
                    }
                    _ => compared(operand, denies, literals, named),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| compared(item, denies, literals, named)),
        _ => {}
    }
}

fn entity(expression: &Json) -> Option<EntityUid> {
    EntityUid::from_json(expression.get("Value")?.clone()).ok()
}
