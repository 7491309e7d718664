//! The Cedar rules of a policy, read and checked.

mod limits;
mod literals;
pub(crate) mod times;
mod validate;

use crate::diagnostic::{LineIndex, Report};
use crate::names;
use crate::services::Declarations;
use crate::source::PolicySource;
use crate::spelling::suggestion;
use crate::universe::{Scope, Universe};
use cedar_policy::{Effect, ParseErrors, Policy, PolicyId, PolicySet, PrincipalConstraint};
use std::collections::BTreeMap;
use std::str::FromStr;

/// Most rules of one policy.
pub(crate) const MAX_RULES: usize = 65_536;

/// Most (principal, action, resource) that all scopes together cover: 64 MiB while compiling.
pub(crate) const MAX_PAIRS: usize = 4 << 20;

const ANNOTATIONS: [&str; 3] = ["id", "reason", "ticket"];

/// One `permit` or `forbid`.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) ticket: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    /// Where it starts in its file, in bytes; Cedar's places are relative to the file too.
    start: usize,
    text: String,
    /// Its Cedar id is [`Rule::id`].
    pub(crate) policy: Policy,
    /// What its scope covers; empty until [`check`].
    pub(crate) scope: Scope,
}

impl Rule {
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    pub(crate) fn permits(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }

    /// Whether it has a `when` or an `unless`.
    pub(crate) fn is_conditional(&self) -> bool {
        self.policy.has_non_scope_constraint()
    }

    /// The line of a byte offset in its file.
    fn line_at(&self, offset: usize) -> usize {
        let before = self.text.get(..offset.saturating_sub(self.start)).unwrap_or(&self.text);
        self.line + before.matches('\n').count()
    }
}

/// Reads every `*.cedar` file. The rules are sorted by id; what is wrong with their form is reported.
pub(crate) fn read(source: &PolicySource, report: &mut Report) -> Vec<Rule> {
    let mut rules = Vec::new();
    for file in source.cedar_files() {
        if let Some(text) = source.text(file, report) {
            read_file(file, text, &mut rules, report);
        }
    }
    let mut places: BTreeMap<&str, String> = BTreeMap::new();
    for rule in &rules {
        match places.get(rule.id.as_str()) {
            Some(other) => {
                let message = format!("@id(\"{}\") is taken by the rule at {other}; an id names one rule", rule.id);
                report.at(&rule.file, rule.line, message);
            }
            None => {
                places.insert(&rule.id, rule.place());
            }
        }
    }
    if rules.len() > MAX_RULES {
        report.file("*.cedar", format!("{} rules; a policy has at most {MAX_RULES}", rules.len()));
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

/// Checks what rules speak of, and expands their scopes.
pub(crate) fn check(rules: &mut [Rule], universe: &Universe, declarations: &Declarations, report: &mut Report) {
    let mut suspect = Vec::new();
    let mut pairs = 0usize;
    for rule in rules.iter_mut() {
        let mut own = Report::default();
        literals::check(rule, universe, &mut own);
        principal(rule, &mut own);
        rule.scope = universe.scope(&rule.policy);
        pairs = pairs.saturating_add(rule.scope.subjects.len().saturating_mul(rule.scope.targets.len()));
        if pairs > MAX_PAIRS {
            let message =
                format!("the scopes up to this rule cover over {MAX_PAIRS} pairs; name fewer principals or actions");
            return report.at(&rule.file, rule.line, message);
        }
        if own.is_empty() {
            flows(rule, universe, &mut own);
            something(rule, &mut own);
        }
        suspect.push(!own.is_empty());
        report.append(own);
    }
    // A rule whose names are wrong would be reported by the validator once more, in other words.
    let sound = rules.iter().zip(&suspect).filter(|(_, suspect)| !**suspect).map(|(rule, _)| rule);
    validate::validate(&sound.collect::<Vec<_>>(), universe, declarations, report);
}

fn read_file(file: &str, text: &str, rules: &mut Vec<Rule>, report: &mut Report) {
    let lines = LineIndex::new(text);
    if !limits::check(file, text, &lines, report) {
        return;
    }
    let set = match PolicySet::from_str(text) {
        Ok(set) => set,
        Err(errors) => return syntax(file, &errors, &lines, report),
    };
    for template in set.templates() {
        let line = lines.line(AsRef::as_ref(template).loc().map_or(0, |loc| loc.start()));
        report.at(file, line, "a template (?principal or ?resource); write a rule for each principal or a group");
    }
    let mut found: Vec<(usize, usize, &Policy)> = set
        .policies()
        .map(|policy| AsRef::as_ref(policy).loc().map_or((0, 0, policy), |loc| (loc.start(), loc.end(), policy)))
        .collect();
    found.sort_by_key(|(start, ..)| *start);
    for (start, end, policy) in found {
        let line = lines.line(start);
        let [id, reason, ticket] = annotations(file, line, policy, report);
        rules.push(Rule {
            policy: policy.new_id(PolicyId::new(&id)),
            id,
            reason,
            ticket,
            file: file.to_owned(),
            line,
            start,
            text: text.get(start..end).unwrap_or_default().to_owned(),
            scope: Scope::default(),
        });
    }
}

fn syntax(file: &str, errors: &ParseErrors, lines: &LineIndex, report: &mut Report) {
    for error in errors.iter() {
        let message = validate::text_of(error);
        match validate::offset_of(error) {
            Some(offset) => report.at(file, lines.line(offset), message),
            None => report.file(file, message),
        }
    }
}

fn annotations(file: &str, line: usize, policy: &Policy, report: &mut Report) -> [String; 3] {
    for (name, _) in policy.annotations().filter(|(name, _)| !ANNOTATIONS.contains(name)) {
        report.at(file, line, format!("unknown annotation @{name}{}", suggestion(name, ANNOTATIONS)));
    }
    let values = ANNOTATIONS.map(|name| {
        let value = policy.annotation(name).unwrap_or_default().trim();
        if value.is_empty() {
            report.at(file, line, format!("the rule has no @{name}; write @{name}(\"{}\")", example(name)));
        } else if value.chars().any(names::is_invisible) {
            report.at(file, line, format!("@{name}({value:?}) has invisible characters; write one line of text"));
        }
        value.to_owned()
    });
    let [id, ..] = &values;
    if !id.is_empty()
        && let Err(message) = names::check_rule_id(id)
    {
        report.at(file, line, message);
    }
    if id.is_empty() {
        // Nameless rules must not look like duplicates of each other.
        let [_, reason, ticket] = values;
        return [format!(" {file}:{line}"), reason, ticket];
    }
    values
}

fn example(annotation: &str) -> &'static str {
    match annotation {
        "id" => "web-reads-orders",
        "reason" => "why this access is needed",
        _ => "OPS-142",
    }
}

/// A permit says who; otherwise it would hold for every service that is ever added.
fn principal(rule: &Rule, report: &mut Report) {
    let everybody = matches!(rule.policy.principal_constraint(), PrincipalConstraint::Any | PrincipalConstraint::Is(_));
    if rule.permits() && everybody {
        let message = format!(
            "permit \"{}\" is for every principal; name one (principal == Service::\"…\") or a group (principal in Group::\"…\")",
            rule.id
        );
        report.at(&rule.file, rule.line, message);
    }
}

/// The kernel decides about connections, and it can evaluate no condition but one on the time.
fn flows(rule: &Rule, universe: &Universe, report: &mut Report) {
    let is_flow = |target: &&usize| universe.targets.get(**target).is_some_and(|target| target.route.is_none());
    if rule.is_conditional()
        && let Some(flow) = rule.scope.targets.iter().find(is_flow)
    {
        let port = universe.targets.get(*flow).map(|target| target.resource.to_string()).unwrap_or_default();
        let place = format!("rule \"{}\" has a condition and covers Action::\"connect\" on {port}", rule.id);
        let message = match times::of(rule) {
            Ok(_) if rule.permits() => return,
            Ok(_) => format!("{place}: a forbid of connections holds at all times; give the permit its times instead"),
            Err(why) => format!("{place}: {why}; otherwise remove the condition, or name the routes' actions only"),
        };
        report.at(&rule.file, rule.line, message);
    }
}

/// A rule that can never apply is a mistake in its scope; if it was a forbid, somebody relies on it.
fn something(rule: &Rule, report: &mut Report) {
    if rule.scope.is_empty() {
        let message = format!(
            "rule \"{}\" never applies: no action of its scope is ever asked of its resource; \
             a route's resource is its own service, a connection's is a port",
            rule.id
        );
        report.at(&rule.file, rule.line, message);
    }
}

#[cfg(test)]
mod tests;
