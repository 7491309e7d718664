//! For a denied question: what forbids it, or the rule that would have permitted it and what is missing.

use super::{ActionId, Cell, Decider};
use crate::rules::Rule;
use crate::universe::{Principal, SubjectIndex, Target, Universe};
use cedar_policy::{ActionConstraint, EntityUid, PrincipalConstraint, ResourceConstraint};
use gate_tables::{PortId, ServiceId};
use std::fmt;

/// Why a question is denied, and what would change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The rules that forbid it, whatever the request; sorted by id.
    pub forbidden_by: Vec<String>,
    /// The permit that comes nearest; `None` when no permit is about anything of the same service.
    pub permit: Option<NearRule>,
}

/// A permit that does not fit, and where it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearRule {
    /// Its `@id`.
    pub id: String,
    /// File and line.
    pub place: String,
    /// What does not fit; never empty.
    pub missing: Vec<Missing>,
}

/// One part of a rule that does not fit the question. The texts are Cedar's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// It names other principals.
    Principal {
        /// What the rule names.
        rule: String,
        /// Who asks.
        asked: String,
    },
    /// It names other actions.
    Action {
        /// What the rule names.
        rule: String,
        /// What is asked.
        asked: String,
    },
    /// It names other resources.
    Resource {
        /// What the rule names.
        rule: String,
        /// What is asked of.
        asked: String,
    },
    /// Its scope fits, its condition did not hold.
    Condition,
}

impl Decider {
    /// What forbids this request, and which permit comes nearest to it.
    #[must_use]
    pub fn nearest(&self, principal: Principal, action: ActionId) -> Nearest {
        self.nearest_to(principal, action.0)
    }

    /// The same for a connection to an L4 port; `None` when it is none.
    #[must_use]
    pub fn nearest_connect(&self, principal: Principal, destination: ServiceId, port: PortId) -> Option<Nearest> {
        let number = self.flows.get(&(destination, port))?;
        Some(self.nearest_to(principal, *number))
    }

    fn nearest_to(&self, principal: Principal, number: u32) -> Nearest {
        let Some(target) = self.target(number) else { return Nearest { forbidden_by: Vec::new(), permit: None } };
        let subject = self.subjects.get(&principal.service_id()).copied();
        let forbidden_by = match self.cells.get(&(principal.service_id(), number)).map(|rules| &rules.cell) {
            Some(Cell::Forbidden(ids)) => ids.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        // Of the permits that are about something of this service; any other has nothing to do with the question.
        let permits = self.permits_on.get(&target.service).into_iter().flatten();
        let permits = permits.filter_map(|index| self.rules.get(*index as usize));
        let distances = permits.map(|rule| (distance(rule, subject, number, target), rule));
        let nearest = distances.filter(|(distance, _)| *distance > 0).min_by_key(|(distance, _)| *distance);
        let permit = nearest.map(|(_, rule)| {
            let missing = self.missing(rule, subject, target);
            NearRule { id: rule.id.clone(), place: rule.place(), missing }
        });
        Nearest { forbidden_by, permit }
    }

    fn missing(&self, rule: &Rule, subject: Option<SubjectIndex>, target: &Target) -> Vec<Missing> {
        let policy = &rule.policy;
        let mut missing = Vec::new();
        if !is_for(rule, subject) {
            let asked = subject.and_then(|index| self.universe.subjects.get(index));
            missing.push(Missing::Principal {
                rule: principals(&policy.principal_constraint()),
                asked: asked.map_or_else(|| "an unknown service".to_owned(), |subject| subject.uid.to_string()),
            });
        }
        let action = policy.action_constraint();
        if !Universe::action_fits(&action, target) {
            missing.push(Missing::Action { rule: actions(&action), asked: target.action.to_string() });
        }
        let resource = policy.resource_constraint();
        if !Universe::resource_fits(&resource, target) {
            missing.push(Missing::Resource { rule: resources(&resource), asked: target.resource.to_string() });
        }
        if missing.is_empty() && rule.is_conditional() {
            missing.push(Missing::Condition);
        }
        missing
    }
}

fn is_for(rule: &Rule, subject: Option<SubjectIndex>) -> bool {
    subject.is_some_and(|subject| rule.scope.subjects.contains(&subject))
}

/// How far a permit is from what is asked; 0 when it permits it. A condition that did not hold is nearer than another
/// principal, and that is nearer than another action.
fn distance(rule: &Rule, subject: Option<SubjectIndex>, number: u32, target: &Target) -> u32 {
    let mut distance = if is_for(rule, subject) { 0 } else { 2 };
    if !rule.scope.targets.contains(&(number as usize)) {
        let far = |fits: bool, weight: u32| if fits { 0 } else { weight };
        distance += far(Universe::action_fits(&rule.policy.action_constraint(), target), 3);
        distance += far(Universe::resource_fits(&rule.policy.resource_constraint(), target), 4);
    }
    if distance == 0 && rule.is_conditional() { 1 } else { distance }
}

fn principals(constraint: &PrincipalConstraint) -> String {
    match constraint {
        PrincipalConstraint::Any => "anyone".to_owned(),
        PrincipalConstraint::Eq(uid) => uid.to_string(),
        PrincipalConstraint::In(uid) => format!("those in {uid}"),
        PrincipalConstraint::Is(kind) => format!("any {kind}"),
        PrincipalConstraint::IsIn(kind, uid) => format!("any {kind} in {uid}"),
    }
}

fn actions(constraint: &ActionConstraint) -> String {
    let list = |uids: &[EntityUid]| uids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    match constraint {
        ActionConstraint::Any => "any action".to_owned(),
        ActionConstraint::Eq(uid) => uid.to_string(),
        ActionConstraint::In(uids) => format!("those in {}", list(uids)),
    }
}

fn resources(constraint: &ResourceConstraint) -> String {
    match constraint {
        ResourceConstraint::Any => "any resource".to_owned(),
        ResourceConstraint::Eq(uid) => uid.to_string(),
        ResourceConstraint::In(uid) => format!("those in {uid}"),
        ResourceConstraint::Is(kind) => format!("any {kind}"),
        ResourceConstraint::IsIn(kind, uid) => format!("any {kind} in {uid}"),
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal { rule, asked } => write!(f, "it is for {rule}, not for {asked}"),
            Self::Action { rule, asked } => write!(f, "it is about {rule}, not about {asked}"),
            Self::Resource { rule, asked } => write!(f, "it is on {rule}, not on {asked}"),
            Self::Condition => f.write_str("its condition did not hold"),
        }
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.forbidden_by.is_empty() {
            return write!(f, "forbidden by {}", self.forbidden_by.join(", "));
        }
        match &self.permit {
            None => f.write_str("no rule permits anything like it"),
            Some(rule) => {
                let missing: Vec<String> = rule.missing.iter().map(ToString::to_string).collect();
                write!(f, "no rule permits it; the nearest is {} ({}): {}", rule.id, rule.place, missing.join(" and "))
            }
        }
    }
}
