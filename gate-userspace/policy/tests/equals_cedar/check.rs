//! One policy: decisions, the cache, reach and access against what Cedar said.

use crate::oracle::{Answer, Answers};
use crate::world::{Cell, Question, Target};
use crate::{Counts, Judged};
use gate_policy::Decision;
use gate_tables::{Port, PortId, ServiceId, Via};
use std::sync::atomic::Ordering;

pub fn policy(judged: &Judged, cells: &[Cell], counts: &Counts) {
    let mut lines = 0;
    for (cell, cedar) in cells.iter().zip(&judged.answers) {
        let ours: Vec<Decision> = cell.questions.iter().map(|question| ask(judged, cell, question)).collect();
        for (question, (ours, cedar)) in cell.questions.iter().zip(ours.iter().zip(&cedar.answers)) {
            let wrong = difference(ours, cedar);
            assert_eq!(wrong, None, "{:?}: {ours:?}, {cedar:?}\n{}", question.cedars, judged.text);
            counts.decisions.fetch_add(1, Ordering::Relaxed);
            counts.allowed.fetch_add(cedar.allow.into(), Ordering::Relaxed);
            counts.erred.fetch_add(cedar.erred.into(), Ordering::Relaxed);
        }
        cache(cell, &ours, &judged.text);
        reach(judged, cell, cedar);
        lines += usize::from(cedar.possible.allow);
    }
    let sources: usize = judged.compiled.tables.access.iter().map(|line| line.sources.len()).sum();
    assert_eq!(sources, lines, "{}", judged.text);
    let bytes = judged.compiled.tables.to_bytes().unwrap();
    assert_eq!(gate_tables::Tables::from_bytes(&bytes).unwrap(), judged.compiled.tables);
}

/// Whose the cell's target is: a service or a network.
fn owner<'a>(judged: &'a Judged, cell: &Cell) -> (ServiceId, &'a [Port]) {
    let tables = &judged.compiled.tables;
    match tables.networks.iter().find(|network| network.name == cell.service) {
        Some(network) => (network.id, &network.ports),
        None => tables.service_named(cell.service).map(|of| (of.id, of.ports.as_slice())).unwrap(),
    }
}

fn port(ports: &[Port], name: &str) -> PortId {
    ports.iter().find(|port| port.name == name).unwrap().id
}

fn ask(judged: &Judged, cell: &Cell, question: &Question) -> Decision {
    let decider = &judged.compiled.decider;
    let principal = decider.principal_named(cell.principal).unwrap();
    let (service, ports) = owner(judged, cell);
    match &cell.target {
        Target::Route(name) => {
            let action = decider.action_named(name).unwrap();
            decider.decide(principal, action, service, &question.ours)
        }
        Target::Flow(name) => decider.decide_connect(principal, service, port(ports, name), question.ours.now),
    }
}

/// What is wrong with a decision.
fn difference(ours: &Decision, cedar: &Answer) -> Option<&'static str> {
    let rules: Vec<&str> = ours.rules.iter().map(|id| &**id).collect();
    if ours.allow != cedar.allow {
        Some("another decision")
    } else if ours.allow && rules != cedar.rules {
        Some("other rules permit")
    } else if !ours.allow && !cedar.erred && !rules.iter().all(|rule| cedar.rules.iter().any(|other| other == rule)) {
        Some("other rules forbid")
    } else if !ours.errors.is_empty() && (ours.allow || !cedar.erred) {
        Some("an error that Cedar does not have")
    } else {
        None
    }
}

/// A cacheable answer is the answer to every request of the session.
fn cache(cell: &Cell, ours: &[Decision], text: &str) {
    for (question, answer) in cell.questions.iter().zip(ours).filter(|(_, answer)| answer.cacheable) {
        // A connection has no session; its answer is in the tables.
        let same = |other: &Question| {
            matches!(cell.target, Target::Route(_)) && other.ours.source_uid == question.ours.source_uid
        };
        for (_, other) in cell.questions.iter().zip(ours).filter(|(other, _)| same(other)) {
            assert_eq!(answer, other, "{text}");
        }
    }
}

/// What might be permitted is reachable, at the times at which it is, and nothing else is.
fn reach(judged: &Judged, cell: &Cell, cedar: &Answers) {
    let (tables, decider) = (&judged.compiled.tables, &judged.compiled.decider);
    let principal = decider.principal_named(cell.principal).unwrap();
    let (service, ports) = owner(judged, cell);
    let possible = &cedar.possible;
    let (port, action, nearest) = match &cell.target {
        Target::Route(name) => {
            let action = decider.action_named(name).unwrap();
            (decider.route(action).unwrap().port, Some(name), Some(decider.nearest(principal, action)))
        }
        Target::Flow(wanted) => {
            let port = port(ports, wanted);
            (port, None, decider.nearest_connect(principal, service, port))
        }
    };
    let source = principal.service_id();
    let access = tables.access.iter().find(|line| {
        (line.destination, line.port, line.action.as_ref()) == (service, port, action) && line.sources.contains(&source)
    });
    assert_eq!(access.is_some(), possible.allow, "{} {}\n{}", cell.principal, cell.service, judged.text);
    let permits = access.into_iter().flat_map(|line| &line.permits).map(|index| &tables.rules[*index as usize].id);
    assert!(permits.eq(possible.rules.iter().filter(|_| possible.allow)), "{possible:?}\n{}", judged.text);
    let line = tables.reach(source, service, port);
    match cell.target {
        Target::Route(_) => assert!(line.is_some() || !possible.allow, "{}", judged.text),
        Target::Flow(_) => {
            assert_eq!(line.is_some(), possible.allow, "{}", judged.text);
            for (question, answer) in cell.questions.iter().zip(&cedar.answers) {
                let now = question.ours.now.try_into().unwrap();
                let holds = line.is_some_and(|line| {
                    line.times.from.is_none_or(|from| from <= now) && line.times.until.is_none_or(|until| now < until)
                });
                assert_eq!(holds, answer.allow, "{now} {line:?}\n{}", judged.text);
            }
        }
    }
    let via = if action.is_some() { Via::Proxy } else { Via::Direct };
    assert!(line.is_none_or(|line| line.via == via));
    let permitted = cedar.answers.iter().any(|answer| answer.allow);
    let nearest = nearest.unwrap();
    assert!(nearest.permit.is_none_or(|rule| !rule.missing.is_empty()));
    assert!(nearest.forbidden_by.is_empty() || !permitted);
}
