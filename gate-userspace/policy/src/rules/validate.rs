//! Cedar's validator, in strict mode. A warning is an error: it says that a rule does not do what it seems to.

use super::Rule;
use crate::diagnostic::Report;
use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic as Located;
use std::collections::HashMap;

pub(super) fn validate(rules: &[&Rule], schema: &Schema, report: &mut Report) {
    let mut by_id: HashMap<&PolicyId, &Rule> = HashMap::new();
    let mut set = PolicySet::new();
    for rule in rules {
        // A second rule of one id was reported where ids are read.
        if set.add(rule.policy.clone()).is_ok() {
            by_id.insert(rule.policy.id(), rule);
        }
    }
    let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
    for error in result.validation_errors() {
        say(by_id.get(error.policy_id()).copied(), error, report);
    }
    for warning in result.validation_warnings() {
        say(by_id.get(warning.policy_id()).copied(), warning, report);
    }
}

/// Cedar's message with its help.
pub(super) fn text_of(error: &dyn Located) -> String {
    let mut text = error.to_string();
    if let Some(help) = error.help() {
        text = format!("{text}; {help}");
    }
    text.replace('\n', " ")
}

/// The byte offset that Cedar points at.
pub(super) fn offset_of(error: &dyn Located) -> Option<usize> {
    error.labels()?.map(|label| label.offset()).min()
}

fn say(rule: Option<&Rule>, error: &dyn Located, report: &mut Report) {
    let message = text_of(error);
    let Some(rule) = rule else { return report.file("*.cedar", message) };
    let line = offset_of(error).map_or(rule.line, |offset| rule.line_at(offset));
    report.at(&rule.file, line, message);
}
