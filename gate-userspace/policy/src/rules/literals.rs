//! Every name that a rule writes must be declared: a forbid on a name that does not exist would forbid nothing.

use super::Rule;
use crate::diagnostic::Report;
use crate::spelling::suggestion;
use crate::universe::{Kind, Subject, Target, Universe};
use cedar_policy::EntityUid;
use std::collections::BTreeSet;

pub(super) fn check(rule: &Rule, universe: &Universe, report: &mut Report) {
    let literals: BTreeSet<EntityUid> = rule.policy.entity_literals().into_iter().collect();
    // `connect` is an action even where no port is judged as a flow.
    for literal in literals.iter().filter(|literal| !universe.has(literal)) {
        if let Err(message) = known(literal, universe) {
            report.at(&rule.file, line_of(rule, literal), message);
        }
    }
}

fn known(literal: &EntityUid, universe: &Universe) -> Result<(), String> {
    let type_name = literal.type_name().to_string();
    let id = literal.id().unescaped();
    match type_name.as_str() {
        "Service" => {
            let services: Vec<&str> = universe.of_kind(Kind::Service).map(|service| service.name.as_str()).collect();
            one_of(id, &services, || format!("no service \"{id}\" is declared in services.toml"))
        }
        "Group" => {
            let groups: BTreeSet<&str> =
                universe.of_kind(Kind::Service).flat_map(Subject::groups).map(|group| group.id().unescaped()).collect();
            let groups: Vec<&str> = groups.into_iter().collect();
            one_of(id, &groups, || format!("no group \"{id}\" is declared in services.toml"))
        }
        "Action" => {
            let actions: BTreeSet<&str> = universe.targets.iter().flat_map(Target::action_names).collect();
            let actions: Vec<&str> = actions.into_iter().chain(["connect"]).collect();
            one_of(id, &actions, || format!("no route or route group makes Action::\"{id}\""))
        }
        "Host" => one_of(id, &["self"], || format!("there is no Host::\"{id}\"")),
        "Port" => port(id, universe),
        "Network" => {
            let networks: Vec<&str> = universe.of_kind(Kind::Network).map(|network| network.name.as_str()).collect();
            one_of(id, &networks, || format!("no network \"{id}\" is declared in services.toml"))
        }
        "World" => one_of(id, &["any"], || format!("there is no World::\"{id}\"")),
        "Unattested" => Err(format!("Unattested::\"{id}\" is allowed nothing, and no rule changes that; remove it")),
        _ => {
            let types = ["Service", "Group", "Host", "Network", "World", "Port", "Action"];
            Err(format!("unknown type {type_name}{}", suggestion(&type_name, types)))
        }
    }
}

fn port(id: &str, universe: &Universe) -> Result<(), String> {
    let flows: Vec<&str> =
        universe.targets.iter().filter(|t| t.route.is_none()).map(|t| t.resource.id().unescaped()).collect();
    if flows.contains(&id) {
        return Ok(());
    }
    if let Some((service, protocol)) = universe.l7_port(id) {
        return Err(format!(
            "Port::\"{id}\" speaks {protocol} and is reached only through the proxy; \
             permit its routes instead: action in Action::\"{service}:all\", resource == Service::\"{service}\""
        ));
    }
    one_of(id, &flows, || format!("no port \"{id}\" is declared in services.toml"))
}

fn one_of(id: &str, known: &[&str], message: impl Fn() -> String) -> Result<(), String> {
    if known.contains(&id) { Ok(()) } else { Err(format!("{}{}", message(), suggestion(id, known.iter().copied()))) }
}

/// Cedar does not tell where a literal stands, so it is looked for in the rule's text.
fn line_of(rule: &Rule, literal: &EntityUid) -> usize {
    match rule.text.find(&literal.to_string()) {
        Some(at) => rule.line_at(rule.start + at),
        None => rule.line,
    }
}
