//! What differs between the tables that somebody put into a bundle and those that follow from its rules.

use gate_tables::{Access, Reach, ServiceId, Tables};
use std::cmp::Ordering;

/// The first difference, in words; `None` when they are equal.
#[must_use]
pub fn first_difference(found: &Tables, right: &Tables) -> Option<String> {
    if found.environment != right.environment {
        return Some(format!("environment is {:?}; the rules give {:?}", found.environment, right.environment));
    }
    services(found, right)
        .or_else(|| retired(found, right))
        .or_else(|| rules(found, right))
        .or_else(|| reach(found, right))
        .or_else(|| access(found, right))
        .or_else(|| (found != right).then(|| format!("format is {}; the rules give {}", found.format, right.format)))
}

fn services(found: &Tables, right: &Tables) -> Option<String> {
    for service in &found.services {
        let Some(expected) = right.service_named(&service.name) else {
            return Some(format!("service {}: is in the tables and not declared in services.toml", service.name));
        };
        if service != expected {
            return Some(service_difference(service, expected));
        }
    }
    let missing = right.services.iter().find(|service| found.service_named(&service.name).is_none())?;
    Some(format!("service {}: is declared in services.toml and not in the tables", missing.name))
}

fn service_difference(found: &gate_tables::Service, right: &gate_tables::Service) -> String {
    let (name, said) = (&found.name, |what: &str, found: &dyn std::fmt::Debug, right: &dyn std::fmt::Debug| {
        format!("{what} is {found:?} in the tables; the rules give {right:?}")
    });
    let difference = if found.id != right.id {
        said("its number", &found.id.0, &right.id.0)
    } else if found.cgroup != right.cgroup {
        said("its cgroup", &found.cgroup, &right.cgroup)
    } else if found.observe != right.observe {
        said("observe", &found.observe, &right.observe)
    } else if found.owner != right.owner {
        said("its owner", &found.owner, &right.owner)
    } else {
        port_difference(&found.ports, &right.ports)
    };
    format!("service {name}: {difference}")
}

fn port_difference(found: &[gate_tables::Port], right: &[gate_tables::Port]) -> String {
    for port in found {
        match right.iter().find(|expected| expected.name == port.name) {
            None => return format!("port {} is in the tables and not declared", port.name),
            Some(expected) if expected != port => {
                return format!("port {} is {port:?} in the tables; the rules give {expected:?}", port.name);
            }
            Some(_) => {}
        }
    }
    let names: Vec<&str> = right.iter().map(|port| port.name.as_str()).collect();
    format!("its ports are not those that are declared: {}", names.join(", "))
}

fn retired(found: &Tables, right: &Tables) -> Option<String> {
    let said = |name: &str, found: Option<&ServiceId>, right: Option<&ServiceId>| {
        let word = |id: Option<&ServiceId>| id.map_or_else(|| "nothing".to_owned(), |id| format!("number {}", id.0));
        format!("retired service {name}: {} in the tables; the rules give {}", word(found), word(right))
    };
    let names = found.retired.keys().chain(right.retired.keys());
    names
        .map(|name| (name, found.retired.get(name), right.retired.get(name)))
        .find(|(_, found, right)| found != right)
        .map(|(name, found, right)| said(name, found, right))
}

fn rules(found: &Tables, right: &Tables) -> Option<String> {
    for rule in &found.rules {
        match right.rules.iter().find(|expected| expected.id == rule.id) {
            None => return Some(format!("rule {}: is in the tables and in no .cedar file", rule.id)),
            Some(expected) if expected != rule => {
                return Some(format!("rule {}: is {rule:?} in the tables; the rules give {expected:?}", rule.id));
            }
            Some(_) => {}
        }
    }
    let missing = right.rules.iter().find(|rule| !found.rules.iter().any(|other| other.id == rule.id))?;
    Some(format!("rule {}: is in {} and not in the tables", missing.id, missing.place))
}

fn reach(found: &Tables, right: &Tables) -> Option<String> {
    for line in &found.reach {
        match right.reach(line.source, line.destination, line.port) {
            None => return Some(format!("reach {}: no rule permits it", flow(found, line))),
            Some(expected) if expected != line => {
                let (found_rule, right_rule) = (rule_id(found, line), rule_id(right, expected));
                return Some(format!(
                    "reach {}: is {:?} by rule {found_rule} in the tables; the rules give {:?} by rule {right_rule}",
                    flow(found, line),
                    line.via,
                    expected.via,
                ));
            }
            Some(_) => {}
        }
    }
    let missing = right.reach.iter().find(|line| found.reach(line.source, line.destination, line.port).is_none())?;
    Some(format!("reach {}: rule {} permits it, the tables do not", flow(right, missing), rule_id(right, missing)))
}

fn access(found: &Tables, right: &Tables) -> Option<String> {
    let said = |line: &Access, tables: &Tables, others: &str| {
        let rules = line.permits.iter().chain(&line.forbids).filter_map(|index| tables.rules.get(*index as usize));
        let rules: Vec<&str> = rules.map(|rule| rule.id.as_str()).collect();
        let action = line.action.as_deref().unwrap_or("connect");
        let target = format!("{action} on port {} of service {}", line.port.0, line.destination.0);
        let sources: Vec<u32> = line.sources.iter().map(|id| id.0).collect();
        Some(format!("access to {target} for sources {sources:?} by rules {rules:?}: {others}"))
    };
    // Both are sorted; the first line that is on one side only is the first difference.
    for (line, expected) in found.access.iter().zip(&right.access) {
        match line.cmp(expected) {
            Ordering::Less => return said(line, found, "is in the tables and does not follow from the rules"),
            Ordering::Greater => return said(expected, right, "follows from the rules and is not in the tables"),
            Ordering::Equal => {}
        }
    }
    let (more, fewer) = (found.access.get(right.access.len()), right.access.get(found.access.len()));
    more.and_then(|line| said(line, found, "is in the tables and does not follow from the rules"))
        .or_else(|| said(fewer?, right, "follows from the rules and is not in the tables"))
}

/// `batch -> ledger:main`.
fn flow(tables: &Tables, line: &Reach) -> String {
    let name = |id: ServiceId| match tables.service(id) {
        Some(service) => service.name.clone(),
        None if id.0 == 0 => "host".to_owned(),
        None => format!("service {}", id.0),
    };
    let ports = tables.service(line.destination).map(|service| service.ports.as_slice()).unwrap_or_default();
    let port = ports.iter().find(|port| port.id == line.port).map_or("?", |port| port.name.as_str());
    format!("{} -> {}:{port}", name(line.source), name(line.destination))
}

fn rule_id<'a>(tables: &'a Tables, line: &Reach) -> &'a str {
    tables.rules.get(line.rule as usize).map_or("?", |rule| rule.id.as_str())
}

#[cfg(test)]
mod tests;
