//! A role that no issuer has holds for nobody; in a forbid, somebody would rely on it.

use super::truth::{is_user, literal_set, literal_text};
use crate::diagnostic::Report;
use crate::rules::Rule;
use crate::spelling::suggestion;
use crate::universe::Universe;
use gate_tables::Issuer;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Reports each role that a condition names and that no issuer of the ports in its scope has.
pub(crate) fn check(rule: &Rule, universe: &Universe, report: &mut Report) {
    let reads_users = rule.condition.as_ref().is_some_and(|condition| condition.reads.has("user"));
    let Some(json) = reads_users.then(|| rule.policy.to_json().ok()).flatten() else { return };
    let targets = rule.scope.targets.iter().filter_map(|index| universe.targets.get(*index));
    let issuers: BTreeMap<&str, &Issuer> =
        targets.filter_map(|target| target.issuer()).map(|issuer| (issuer.name.as_str(), issuer.as_ref())).collect();
    let mut named = BTreeSet::new();
    compared(&json, &mut named);
    for (claim, role) in named {
        let Some(known) = known(issuers.values().copied(), claim) else { continue };
        if !known.contains(role) {
            let message = format!(
                "context.user.{claim} is never \"{role}\": no issuer of the ports in the scope of rule \"{}\" has this role{}",
                rule.id,
                suggestion(role, known.iter().copied())
            );
            let at = rule.text.find(&format!("\"{role}\""));
            report.at(&rule.file, at.map_or(rule.line, |at| rule.line_at(rule.start + at)), message);
        }
    }
}

/// The roles that the claim may have; `None`: some issuer has it and names no roles of it.
fn known<'i>(issuers: impl Iterator<Item = &'i Issuer>, claim: &str) -> Option<BTreeSet<&'i str>> {
    let mut known = BTreeSet::new();
    for issuer in issuers.filter(|issuer| issuer.claims.iter().any(|declared| declared.name == claim)) {
        let roles = issuer.roles.as_ref().filter(|roles| roles.claim == claim)?;
        known.extend(roles.values.iter().map(String::as_str));
    }
    (!known.is_empty()).then_some(known)
}

/// The texts that claims of the user are compared with.
fn compared<'j>(expression: &'j Json, named: &mut BTreeSet<(&'j str, &'j str)>) {
    match expression {
        Json::Object(fields) => {
            for (operator, operand) in fields {
                if matches!(operator.as_str(), "==" | "!=" | "contains" | "containsAny" | "containsAll")
                    && let (Some(left), Some(right)) = (operand.get("left"), operand.get("right"))
                {
                    for (attribute, literal) in [(left, right), (right, left)] {
                        if let Some(claim) = claim(attribute) {
                            named.extend(literal_text(literal).map(|text| (claim, text)));
                            named.extend(literal_set(literal).into_iter().flatten().map(|text| (claim, text)));
                        }
                    }
                }
                compared(operand, named);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| compared(item, named)),
        _ => {}
    }
}

/// The claim that `context.user.claim` is.
fn claim(expression: &Json) -> Option<&str> {
    let access = expression.get(".")?;
    access.get("left").filter(|left| is_user(left))?;
    access.get("attr")?.as_str()
}
