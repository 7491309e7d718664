//! `cases.toml`: decisions that must hold, kept beside the rules that give them.

use crate::compile::Compiled;
use crate::context::{LocalTime, RequestContext, check_params};
use crate::decider::Decision;
use crate::diagnostic::Report;
use crate::document::{Found, Section, read_document};
use crate::names::{check_rule_id, is_invisible};
use crate::rules::Rule;
use crate::source::{CASES, PolicySource};
use crate::spelling::suggestion;
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
    source_uid: u32,
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

/// Reads `cases.toml`; a policy without one has no cases.
pub(crate) fn read(source: &PolicySource, report: &mut Report) -> Vec<Case> {
    let Some(text) = source.text(CASES, report) else { return Vec::new() };
    let cases = read_document(CASES, text, report, |root, report| {
        root.only(&["case"], report);
        let sections = root.list_of_sections("case", report);
        sections.iter().filter_map(|section| case(section, report)).collect()
    });
    cases.unwrap_or_default()
}

fn case(section: &Section<'_>, report: &mut Report) -> Option<Case> {
    let known = ["name", "principal", "action", "resource", "port", "params", "source", "now", "expect", "rule"];
    section.only(&known, report);
    let name = section.required_string("name", "\"web reads an order\"", report);
    if let Some(name) = name.as_ref().filter(|name| name.value.chars().any(is_invisible)) {
        report.at(
            CASES,
            name.line,
            format!("name = {:?} has invisible characters; write one line of text", name.value),
        );
    }
    let principal = section.required_string("principal", "\"web\" (or \"host\")", report);
    let action = section.required_string("action", "\"orders.getOrder\" (or \"connect\")", report);
    let expect =
        section.required_string("expect", "\"allow\" or \"deny\"", report).and_then(|e| expectation(&e, report));
    let resource = section.string("resource", report);
    let port = section.string("port", report);
    let params = section.section("params", report).map(|params| params.scalars(report)).unwrap_or_default();
    let now = section.integer("now", report).map_or(0, |now| now.value);
    let rule = section.string("rule", report);
    Some(Case {
        line: section.line,
        source_uid: source_uid(section, report),
        name: name?.value.to_owned(),
        principal: principal?.value.to_owned(),
        action: action?.value.to_owned(),
        resource: resource.map(|resource| resource.value.to_owned()),
        port: port.map(|port| port.value.to_owned()),
        params: params.into_iter().map(|(name, value)| (name.to_owned(), value.value)).collect(),
        now,
        expect: expect?,
        rule: rule.map(|rule| rule.value.to_owned()),
    })
}

fn expectation(expect: &Found<&str>, report: &mut Report) -> Option<Expect> {
    match expect.value {
        "allow" => Some(Expect::Allow),
        "deny" => Some(Expect::Deny),
        other => {
            report.at(CASES, expect.line, format!("expect = {other:?}{}", suggestion(other, ["allow", "deny"])));
            None
        }
    }
}

fn source_uid(section: &Section<'_>, report: &mut Report) -> u32 {
    let Some(source) = section.section("source", report) else { return 0 };
    source.only(&["uid"], report);
    let Some(uid) = source.integer("uid", report) else { return 0 };
    u32::try_from(uid.value).unwrap_or_else(|_| {
        report.at(CASES, uid.line, format!("uid = {}; a Unix user id is a number of 32 bits", uid.value));
        0
    })
}

/// Checks what cases name.
pub(crate) fn check(cases: &[Case], universe: &Universe, rules: &[Rule], report: &mut Report) {
    for case in cases {
        let mut say = |message: String| report.at(CASES, case.line, format!("case \"{}\": {message}", case.name));
        if universe.subject_named(&case.principal).is_none() {
            let principals = universe.subjects.iter().map(|subject| subject.name.as_str());
            let hint = suggestion(&case.principal, principals);
            say(format!("principal = {:?} is no service and not \"host\"{hint}", case.principal));
        }
        match case.target(universe) {
            None => say(unknown_target(case, universe)),
            Some(target) => target_fits(case, target, &mut say),
        }
        let known_rule = |id: &String| rules.binary_search_by(|rule| rule.id.cmp(id)).is_ok();
        if let Some(id) = case.rule.as_ref().filter(|id| !known_rule(id)) {
            let ids = rules.iter().map(|rule| rule.id.as_str()).filter(|id| check_rule_id(id).is_ok());
            say(format!("rule = {id:?} is no rule{}", suggestion(id, ids)));
        }
    }
}

fn target_fits(case: &Case, target: &Target, say: &mut impl FnMut(String)) {
    let resource = target.resource.id().unescaped();
    match &target.route {
        None if !case.params.is_empty() => say("a connection has no params; remove them".to_owned()),
        None if case.resource.is_some() => say("a connection's resource is its port; remove \"resource\"".to_owned()),
        None => {}
        Some(route) => {
            if let Some(other) = case.resource.as_ref().filter(|other| *other != resource) {
                say(format!("resource = {other:?}; the action {} is of \"{resource}\"", case.action));
            }
            if let Err(message) = check_params(&case.params, route) {
                say(message);
            }
        }
    }
}

fn unknown_target(case: &Case, universe: &Universe) -> String {
    let flows = || universe.targets.iter().filter(|target| target.route.is_none());
    match (&case.port, case.action.as_str()) {
        (None, "connect") => "action = \"connect\" needs port = \"SERVICE:tcp/NUMBER\"".to_owned(),
        (Some(port), "connect") => match universe.l7_port(port) {
            Some((service, _)) => {
                format!("port = {port:?} is reached through the proxy; ask for an action of \"{service}\"")
            }
            None => {
                let ports = flows().map(|target| target.resource.id().unescaped());
                format!("port = {port:?} is not declared{}", suggestion(port, ports))
            }
        },
        (Some(_), action) => format!("action = {action:?} has no port; only \"connect\" has"),
        (None, action) => {
            let routes = universe.targets.iter().filter(|target| target.route.is_some());
            let actions = routes.map(|target| target.action_name.as_str()).chain(["connect"]);
            format!("action = {action:?} is not declared{}", suggestion(action, actions))
        }
    }
}

#[cfg(test)]
mod tests;
