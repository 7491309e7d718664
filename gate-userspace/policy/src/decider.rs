//! Decisions from a compiled policy.
//!
//! The scopes of all rules are expanded over the policy's universe, so that (principal, action) is one look-up. Rules
//! without a condition answer there. Where conditional rules remain, Cedar evaluates those few and no others.
//!
//! The decision is the one that Cedar's own authorizer gives over the whole policy, with one exception: **any evaluation
//! error denies**. Cedar skips a rule that errs, a `forbid` too.

mod build;
mod decision;
mod nearest;
mod remarks;
mod unserved;

pub use decision::{Decision, EvaluationError};
pub use nearest::{Missing, NearRule, Nearest};
pub use remarks::{Remark, RemarkKind, RuleAt};
pub use unserved::{Unserved, UnservedKind};

use crate::context::{self, Attributes, RequestContext};
use crate::rules::Rule;
use crate::universe::{Principal, SubjectIndex, Target, Universe};
use cedar_policy::{Authorizer, Decision as CedarDecision, Entities, PolicySet, Request};
use gate_tables::{PathPattern, PortId, ServiceId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A route, as the decider numbers it. Another compilation numbers differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(u32);

/// Ids of rules, sorted, shared by all decisions that name the same.
pub type RuleIds = Arc<[Arc<str>]>;

/// A compiled policy that answers questions. Cheap to ask, to be made once per policy.
pub struct Decider {
    universe: Universe,
    /// Sorted by id.
    rules: Vec<Rule>,
    cells: HashMap<(ServiceId, u32), Arc<CellRules>>,
    subjects: HashMap<ServiceId, SubjectIndex>,
    actions: HashMap<String, ActionId>,
    flows: HashMap<(ServiceId, PortId), u32>,
    /// Indexes of the permits that are about something of a service.
    permits_on: HashMap<ServiceId, Vec<u32>>,
    entities: Entities,
    authorizer: Authorizer,
    none: RuleIds,
}

/// What the rules say about one (principal, target), shared by all of whom they say the same. A pair without it is denied
/// by default.
#[derive(Debug)]
struct CellRules {
    cell: Cell,
    /// Indexes of all rules that may permit it; none where it is always forbidden.
    permits: Vec<u32>,
    /// Indexes of the conditional rules that may forbid it.
    forbids: Vec<u32>,
}

/// How a pair is decided.
#[derive(Debug)]
enum Cell {
    /// Permitted by these, whatever the request.
    Permitted(RuleIds),
    /// Forbidden by these, whatever the request.
    Forbidden(RuleIds),
    /// Conditional rules decide. `permits` hold without condition.
    Conditional { permits: RuleIds, slice: Box<Slice> },
}

/// What a question says besides who and what.
#[derive(Debug, Clone, Copy)]
enum Asked<'a> {
    Request(&'a RequestContext),
    Connection {
        /// Seconds since 1970.
        now: i64,
    },
}

/// The conditional rules of a cell.
#[derive(Debug)]
struct Slice {
    policies: PolicySet,
    /// What they read of a request; the rest need not be told to Cedar.
    reads: Attributes,
}

/// What is known of a route before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route<'a> {
    /// The Cedar action: `orders.getOrder`.
    pub action: &'a str,
    /// Whose route it is: the resource of every question about it.
    pub service: ServiceId,
    /// The port it is on.
    pub port: PortId,
    /// The method, upper case.
    pub method: &'a str,
    /// The path it matches.
    pub path: &'a PathPattern,
}

impl Decider {
    /// The principal of that name: a service's or a network's, `host` or `world`.
    #[must_use]
    pub fn principal_named(&self, name: &str) -> Option<Principal> {
        self.universe.subject_named(name).map(|subject| subject.principal)
    }

    /// The route that is this action: `orders.getOrder`.
    #[must_use]
    pub fn action_named(&self, name: &str) -> Option<ActionId> {
        self.actions.get(name).copied()
    }

    /// What is known of a route.
    #[must_use]
    pub fn route(&self, action: ActionId) -> Option<Route<'_>> {
        let target = self.target(action.0)?;
        let route = target.route.as_ref()?;
        let (method, path) = (route.method.as_str(), &route.path);
        Some(Route { action: &target.action_name, service: target.service, port: target.port, method, path })
    }

    /// Every route, in the order of services, ports and names.
    pub fn actions(&self) -> impl Iterator<Item = (ActionId, Route<'_>)> {
        let numbers = (0u32..).take(self.universe.targets.len()).map(ActionId);
        numbers.filter_map(|action| Some((action, self.route(action)?)))
    }

    /// May `principal` make this request to `resource`?
    ///
    /// Denied when the principal, the action or the resource is unknown, or when the resource is not the action's own.
    pub fn decide(
        &self,
        principal: Principal,
        action: ActionId,
        resource: ServiceId,
        context: &RequestContext,
    ) -> Decision {
        match self.target(action.0) {
            Some(target) if target.route.is_some() && target.service == resource => {
                self.judge(principal, action.0, target, Asked::Request(context))
            }
            _ => Decision::deny(self.none.clone()),
        }
    }

    /// May `principal` connect to this L4 port at `now`, in seconds since 1970? An L7 port's answer is no: it is reached
    /// through the proxy.
    pub fn decide_connect(&self, principal: Principal, destination: ServiceId, port: PortId, now: i64) -> Decision {
        let Some(number) = self.flows.get(&(destination, port)) else { return Decision::deny(self.none.clone()) };
        match self.target(*number) {
            Some(target) => self.judge(principal, *number, target, Asked::Connection { now }),
            None => Decision::deny(self.none.clone()),
        }
    }

    /// What the rules say about each pair that is or might be permitted, in no order: source, target, indexes of the
    /// permits (ascending, at least one) and of the conditional forbids.
    pub(crate) fn rules_of_cells(&self) -> impl Iterator<Item = (ServiceId, u32, &[u32], &[u32])> {
        let cells = self.cells.iter().filter(|(_, rules)| !rules.permits.is_empty());
        cells.map(|((source, target), rules)| (*source, *target, rules.permits.as_slice(), rules.forbids.as_slice()))
    }

    pub(crate) fn universe(&self) -> &Universe {
        &self.universe
    }

    /// Sorted by id: indexes of rules are of this list.
    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn target(&self, number: u32) -> Option<&Target> {
        self.universe.targets.get(number as usize)
    }

    fn judge(&self, principal: Principal, number: u32, target: &Target, asked: Asked<'_>) -> Decision {
        match self.cells.get(&(principal.service_id(), number)).map(|rules| &rules.cell) {
            Some(Cell::Permitted(rules)) => Decision::allow(rules.clone()),
            Some(Cell::Forbidden(rules)) => Decision::deny(rules.clone()),
            Some(Cell::Conditional { permits, slice }) => match self.evaluate(principal, target, asked, permits, slice)
            {
                Ok(decision) => decision,
                Err(message) => Decision::failed(self.none.clone(), vec![EvaluationError { rule: None, message }]),
            },
            None => Decision::deny(self.none.clone()),
        }
    }

    fn evaluate(
        &self,
        principal: Principal,
        target: &Target,
        asked: Asked<'_>,
        permits: &RuleIds,
        slice: &Slice,
    ) -> Result<Decision, String> {
        let subject = self.subjects.get(&principal.service_id()).and_then(|index| self.universe.subjects.get(*index));
        let subject = subject.ok_or("the question is about no subject")?;
        let context = match (asked, &target.route) {
            (Asked::Request(context), Some(route)) => context.to_cedar(route, slice.reads)?,
            (Asked::Connection { now }, None) => context::of_connection(now)?,
            _ => return Err("a route is asked for as a connection, or a port as a route".to_owned()),
        };
        let request = Request::new(subject.uid.clone(), target.action.clone(), target.resource.clone(), context, None)
            .map_err(|error| error.to_string())?;
        let response = self.authorizer.is_authorized(&request, &slice.policies, &self.entities);
        let errors: Vec<EvaluationError> = response.diagnostics().errors().map(EvaluationError::from).collect();
        if !errors.is_empty() {
            return Ok(Decision::failed(self.none.clone(), errors));
        }
        let mut reasons: Vec<Arc<str>> = response.diagnostics().reason().map(|id| Arc::from(id.as_ref())).collect();
        let decision = match response.decision() {
            CedarDecision::Deny if !reasons.is_empty() => {
                reasons.sort_unstable();
                Decision::deny(reasons.into())
            }
            CedarDecision::Deny if permits.is_empty() => Decision::deny(self.none.clone()),
            CedarDecision::Deny => Decision::allow(permits.clone()),
            CedarDecision::Allow => {
                reasons.extend(permits.iter().cloned());
                reasons.sort_unstable();
                Decision::allow(reasons.into())
            }
        };
        Ok(Decision { cacheable: slice.reads.are_of_the_session(), ..decision })
    }
}

impl fmt::Debug for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rules, cells) = (self.rules.len(), self.cells.len());
        f.debug_struct("Decider").field("rules", &rules).field("cells", &cells).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
