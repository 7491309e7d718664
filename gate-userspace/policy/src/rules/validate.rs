//! Cedar's validator, in strict mode. A warning is an error: it says that a rule does not do what it seems to.
//!
//! The validator goes through every action of the schema for every rule, and it says nothing about a rule without
//! conditions whose names are known and whose scope covers something: it knows types, and the scope was expanded to what
//! there is. Of a condition it asks which parameters, headers, query and claims the covered routes have, and not what they are called. So each
//! condition is validated once, against a schema of as many actions as there are kinds of routes in its scope. What is
//! found there, and conditions that speak of actions, are validated with the services that they are about, so that messages have
//! their names.

use super::Rule;
use crate::diagnostic::Report;
use crate::parallel;
use crate::schema::{KINDLESS, schema_of, schema_of_kinds};
use crate::services::Declarations;
use crate::source::SERVICES;
use crate::universe::{Kind, Universe};
use cedar_policy::{
    Policy, PolicyId, PolicySet, PrincipalConstraint, ResourceConstraint, Schema, ValidationMode, Validator,
};
use gate_tables::ServiceId;
use miette::Diagnostic as Located;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

/// Conditions that one thread validates at the least: each takes some tens of microseconds.
const OF_A_THREAD: usize = 64;

pub(super) fn validate(rules: &[&Rule], universe: &Universe, declarations: &Declarations, report: &mut Report) {
    let suspects = suspects(rules, universe);
    let mut groups: BTreeMap<BTreeSet<ServiceId>, Vec<&Rule>> = BTreeMap::new();
    for rule in suspects {
        groups.entry(services_of(rule, universe)).or_default().push(rule);
    }
    let names: HashMap<&str, ServiceId> = universe
        .of_kind(Kind::Service)
        .map(|service| (service.name.as_str(), service.principal.service_id()))
        .collect();
    let groups: Vec<_> = groups.into_iter().collect();
    let reports = parallel::map(&groups, 1, |(services, rules)| {
        let mut report = Report::default();
        let wanted = |name: &str| names.get(name).is_some_and(|id| services.contains(id));
        match Schema::from_str(&schema_of(declarations, wanted)) {
            Ok(schema) => validate_with(rules, schema, &mut report),
            Err(error) => report.file(SERVICES, format!("gives no valid Cedar schema: {error}")),
        }
        report
    });
    reports.into_iter().for_each(|own| report.append(own));
}

/// Everything about a rule that the validator's answer depends on, unless its condition speaks of actions.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shape {
    condition: [u8; 32],
    principal: String,
    resource: String,
}

/// The rules that the validator has something to say about, or might have.
fn suspects<'a>(rules: &[&'a Rule], universe: &Universe) -> Vec<&'a Rule> {
    let mut suspects = Vec::new();
    let mut kinds: HashMap<BTreeSet<String>, HashMap<Shape, Vec<&Rule>>> = HashMap::new();
    for rule in rules {
        match &rule.condition {
            None => {}
            Some(condition) if condition.about_actions => suspects.push(*rule),
            Some(condition) => {
                let shape = Shape {
                    condition: condition.digest,
                    principal: principal_kind(&rule.policy.principal_constraint()),
                    resource: resource_kind(&rule.policy.resource_constraint()),
                };
                kinds.entry(kinds_of(rule, universe)).or_default().entry(shape).or_default().push(rule);
            }
        }
    }
    for (kinds, shapes) in kinds {
        let actions: Vec<&String> = kinds.iter().collect();
        let Ok(schema) = Schema::from_str(&schema_of_kinds(&actions)) else {
            suspects.extend(shapes.into_values().flatten());
            continue;
        };
        let validator = Validator::new(schema);
        let shapes: Vec<Vec<&Rule>> = shapes.into_values().collect();
        let clean = parallel::map(&shapes, OF_A_THREAD, |rules| {
            rules.first().is_some_and(|rule| is_clean(rule, &actions, &validator))
        });
        suspects.extend(shapes.into_iter().zip(clean).filter(|(_, clean)| !clean).flat_map(|(rules, _)| rules));
    }
    suspects
}

/// The kinds of the routes that a rule covers.
fn kinds_of(rule: &Rule, universe: &Universe) -> BTreeSet<String> {
    let targets = rule.scope.targets.iter().filter_map(|index| universe.targets.get(*index));
    targets
        .map(|target| target.route.as_ref().map_or_else(|| KINDLESS.to_owned(), |route| route.kind.clone()))
        .collect()
}

/// Whether the validator has nothing to say about the rule, its actions replaced by one of each kind.
fn is_clean(rule: &Rule, kinds: &[&String], validator: &Validator) -> bool {
    let Ok(mut json) = rule.policy.to_json() else { return false };
    let Some(fields) = json.as_object_mut() else { return false };
    let actions: Vec<_> = kinds.iter().map(|kind| json!({"type": "Action", "id": kind})).collect();
    fields.insert("action".to_owned(), json!({"op": "in", "entities": actions}));
    fields.remove("annotations");
    let Ok(policy) = Policy::from_json(None, json) else { return false };
    let Ok(set) = PolicySet::from_policies([policy]) else { return false };
    let result = validator.validate(&set, ValidationMode::Strict);
    result.validation_errors().next().is_none() && result.validation_warnings().next().is_none()
}

fn principal_kind(constraint: &PrincipalConstraint) -> String {
    match constraint {
        PrincipalConstraint::Any => "any".to_owned(),
        PrincipalConstraint::Eq(uid) => format!("== {}", uid.type_name()),
        PrincipalConstraint::In(uid) => format!("in {}", uid.type_name()),
        PrincipalConstraint::Is(kind) => format!("is {kind}"),
        PrincipalConstraint::IsIn(kind, uid) => format!("is {kind} in {}", uid.type_name()),
    }
}

fn resource_kind(constraint: &ResourceConstraint) -> String {
    match constraint {
        ResourceConstraint::Any => "any".to_owned(),
        ResourceConstraint::Eq(uid) => format!("== {}", uid.type_name()),
        ResourceConstraint::In(uid) => format!("in {}", uid.type_name()),
        ResourceConstraint::Is(kind) => format!("is {kind}"),
        ResourceConstraint::IsIn(kind, uid) => format!("is {kind} in {}", uid.type_name()),
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
