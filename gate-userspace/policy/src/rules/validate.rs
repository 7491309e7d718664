//! Cedar's validator, in strict mode. A warning is an error: it says that a rule does not do what it seems to.
//!
//! The validator goes through every action of the schema for every rule. Rules are therefore validated with the actions
//! of the services that they are about: for any other action their scope is false, and the validator has nothing to say.

use super::Rule;
use crate::diagnostic::Report;
use crate::schema::schema_of;
use crate::services::Declarations;
use crate::source::SERVICES;
use crate::universe::Universe;
use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use gate_tables::ServiceId;
use miette::Diagnostic as Located;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

pub(super) fn validate(rules: &[&Rule], universe: &Universe, declarations: &Declarations, report: &mut Report) {
    let mut groups: BTreeMap<BTreeSet<ServiceId>, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        groups.entry(services_of(rule, universe)).or_default().push(rule);
    }
    let names: HashMap<&str, ServiceId> =
        universe.services().map(|service| (service.name.as_str(), service.principal.service_id())).collect();
    for (services, rules) in groups {
        let wanted = |name: &str| names.get(name).is_some_and(|id| services.contains(id));
        match Schema::from_str(&schema_of(declarations, wanted)) {
            Ok(schema) => validate_with(&rules, schema, report),
            Err(error) => report.file(SERVICES, format!("gives no valid Cedar schema: {error}")),
        }
    }
}

/// The services of the actions that a rule covers, and of those that its conditions name.
fn services_of(rule: &Rule, universe: &Universe) -> BTreeSet<ServiceId> {
    let covered = rule.scope.targets.iter().filter_map(|index| universe.targets.get(*index));
    let covered = covered.filter(|target| target.route.is_some()).map(|target| target.service);
    let literals = rule.policy.entity_literals();
    let named = literals.iter().flat_map(|literal| universe.services_of_action(literal));
    covered.chain(named).collect()
}

fn validate_with(rules: &[&Rule], schema: Schema, report: &mut Report) {
    let mut by_id: HashMap<&PolicyId, &Rule> = HashMap::new();
    let mut set = PolicySet::new();
    for rule in rules {
        // A second rule of one id was reported where ids are read.
        if set.add(rule.policy.clone()).is_ok() {
            by_id.insert(rule.policy.id(), rule);
        }
    }
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
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
