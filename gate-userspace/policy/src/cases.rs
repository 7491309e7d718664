//! `cases.toml`: decisions that must hold, kept beside the rules that give them.

mod check;
pub(crate) mod keys;
mod moment;
mod read;

pub(crate) use check::check;
pub(crate) use read::read;

use crate::compile::Compiled;
use crate::context::{LocalTime, RequestContext, User};
use crate::decider::Decision;
use crate::source::CASES;
use crate::universe::{Target, Universe};
use gate_tables::{PathSegment, Value};
use std::fmt;

/// One decision that must hold, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    name: String,
    line: usize,
    principal: String,
    action: String,
    resource: Option<String>,
    port: Option<String>,
    params: Vec<(String, Value)>,
    host: String,
    headers: Vec<(String, Value)>,
    query: Vec<(String, Value)>,
    user: Option<User>,
    source_uid: Option<u32>,
    now: i64,
    expect: Expect,
    rule: Option<String>,
}

/// What a case expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The request is permitted.
    Allow,
    /// The request is denied.
    Deny,
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Its line in `cases.toml`.
    pub line: usize,
    /// What it expects.
    pub expect: Expect,
    /// The rule that it expects to decide.
    pub rule: Option<String>,
    /// What was decided.
    pub decision: Decision,
    /// For a denial: why, and what comes nearest.
    pub why: Option<String>,
}

impl CaseResult {
    /// Whether the decision is the expected one, by the expected rule.
    #[must_use]
    pub fn passed(&self) -> bool {
        let by = |rule: &String| self.decision.rules.iter().any(|id| **id == **rule);
        let expected = self.decision.allow == (self.expect == Expect::Allow);
        // A rule that cannot be evaluated denies, which no case may mistake for a decision.
        expected && self.decision.errors.is_empty() && self.rule.as_ref().is_none_or(by)
    }
}

impl fmt::Display for CaseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = if self.decision.allow { "allow" } else { "deny" };
        let rules = self.decision.rules.join(", ");
        let by = if rules.is_empty() { String::new() } else { format!(" by {rules}") };
        if self.passed() {
            return write!(f, "ok: {}: {found}{by}", self.name);
        }
        let expected = if self.expect == Expect::Allow { "allow" } else { "deny" };
        let wanted = self.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
        write!(f, "{CASES}:{}: {}: expected {expected}{wanted}, found {found}{by}", self.line, self.name)?;
        for error in &self.decision.errors {
            write!(f, "; {error}")?;
        }
        self.why.as_ref().map_or(Ok(()), |why| write!(f, "; {why}"))
    }
}

/// Asks every case of `cases.toml`.
#[must_use]
pub fn run_cases(compiled: &Compiled) -> Vec<CaseResult> {
    compiled.cases.iter().map(|case| run(case, compiled)).collect()
}

fn run(case: &Case, compiled: &Compiled) -> CaseResult {
    let decider = &compiled.decider;
    let answer = decider.principal_named(&case.principal).and_then(|principal| {
        let target = case.target(decider.universe())?;
        match (&target.route, decider.action_named(&case.action)) {
            (Some(_), Some(action)) => {
                let decision = decider.decide(principal, action, target.service, &case.context(target));
                let why = (!decision.allow).then(|| decider.nearest(principal, action).to_string());
                Some((decision, why))
            }
            _ => {
                let decision = decider.decide_connect(principal, target.service, target.port, case.now);
                let nearest = || decider.nearest_connect(principal, target.service, target.port);
                let why = if decision.allow { None } else { Some(nearest()?.to_string()) };
                Some((decision, why))
            }
        }
    });
    // The compiler checked the names; should one be missing here, nothing was decided and nothing passes.
    let (decision, why) =
        answer.unwrap_or_else(|| (Decision::unknown(), Some("the case names something unknown".into())));
    let (name, rule) = (case.name.clone(), case.rule.clone());
    CaseResult { name, line: case.line, expect: case.expect, rule, decision, why }
}

impl Case {
    fn target<'a>(&self, universe: &'a Universe) -> Option<&'a Target> {
        match &self.port {
            Some(port) => universe.flow_named(port).filter(|_| self.action == "connect"),
            None => universe.route_named(&self.action),
        }
    }

    fn context(&self, target: &Target) -> RequestContext {
        let route = target.route.as_ref();
        RequestContext {
            params: self.params.clone(),
            method: route.map(|route| route.method.clone()).unwrap_or_default(),
            path: route.map(|route| self.path(route.path.segments())).unwrap_or_default(),
            host: self.host.clone(),
            headers: self.headers.clone(),
            query: self.query.clone(),
            user: self.user.clone(),
            source_uid: self.source_uid,
            now: self.now,
            local: LocalTime::at(self.now, 0),
        }
    }

    fn path(&self, segments: &[PathSegment]) -> String {
        let value = |name: &str| match self.params.iter().find(|(given, _)| given == name) {
            Some((_, Value::Text(text))) => text.clone(),
            Some((_, Value::Int(number))) => number.to_string(),
            None => String::new(),
        };
        let part = |segment: &PathSegment| match segment {
            PathSegment::Literal(text) => format!("/{text}"),
            PathSegment::Parameter { name, .. } | PathSegment::Rest(name) => format!("/{}", value(name)),
        };
        if segments.is_empty() { "/".to_owned() } else { segments.iter().map(part).collect() }
    }
}

#[cfg(test)]
mod tests;
