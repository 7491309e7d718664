//! The Cedar rules of a policy, read and checked.

mod condition;
mod enclosing;
mod limits;
mod literals;
pub(crate) mod roles;
pub(crate) mod times;
mod validate;

use crate::diagnostic::{LineIndex, Report};
use crate::names;
use crate::parallel;
use crate::services::Declarations;
use crate::source::PolicySource;
use crate::spelling::suggestion;
use crate::universe::{Scope, Universe};
use cedar_policy::{Effect, ParseErrors, Policy, PolicyId, PolicySet, PrincipalConstraint};
use condition::Condition;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::str::FromStr;

/// Most rules of one policy: 100,000 are to load, and the next power of two bounds what a hostile bundle can cost.
pub(crate) const MAX_RULES: usize = 131_072;

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
    /// Where it starts in the text that Cedar was given; its places are relative to that.
    start: usize,
    text: String,
    /// Its Cedar id is [`Rule::id`].
    pub(crate) policy: Policy,
    /// Its `when` and `unless`; `None` when it has neither.
    pub(crate) condition: Option<Condition>,
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
        self.condition.is_some()
    }

    /// The line of a byte offset in its file.
    fn line_at(&self, offset: usize) -> usize {
        let before = self.text.get(..offset.saturating_sub(self.start)).unwrap_or(&self.text);
        self.line + before.matches('\n').count()
    }
}

/// Reads every `*.cedar` file. The rules are sorted by id; what is wrong with their form is reported.
pub(crate) fn read(source: &PolicySource, report: &mut Report) -> Vec<Rule> {
    let mut parts = Vec::new();
    for file in source.cedar_files() {
        if let Some(text) = source.text(file, report) {
            parts.extend(parts_of(file, text, report));
        }
    }
    let mut rules = Vec::new();
    for (mut found, own) in parallel::map(&parts, 1, Part::read) {
        rules.append(&mut found);
        report.append(own);
    }
    let mut places: HashMap<&str, &Rule> = HashMap::with_capacity(rules.len());
    for rule in &rules {
        match places.entry(&rule.id) {
            Entry::Occupied(other) => {
                let (id, other) = (&rule.id, other.get().place());
                let message = format!("@id(\"{id}\") is taken by the rule at {other}; an id names one rule");
                report.at(&rule.file, rule.line, message);
            }
            Entry::Vacant(free) => drop(free.insert(rule)),
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
            enclosing::check(rule, universe, &mut own);
            roles::check(rule, universe, &mut own);
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

/// Some whole rules of a file, that Cedar parses in one go.
struct Part<'a> {
    file: &'a str,
    text: &'a str,
    /// The line in the file that it starts on.
    line: usize,
}

/// Rules of one part, at the least. Cedar's parser takes most of the time of a check, and parts are parsed side by side.
const RULES_OF_A_PART: usize = 64;

/// A file's parts; none when something in it is reported.
fn parts_of<'a>(file: &'a str, text: &'a str, report: &mut Report) -> Vec<Part<'a>> {
    let lines = LineIndex::new(text);
    let Some(ends) = limits::check(file, text, &lines, report) else { return Vec::new() };
    let mut parts = Vec::new();
    let mut start = 0;
    for end in ends.into_iter().skip(RULES_OF_A_PART - 1).step_by(RULES_OF_A_PART).chain([text.len()]) {
        if let Some(part) = text.get(start..end).filter(|part| !part.is_empty()) {
            parts.push(Part { file, text: part, line: lines.line(start) });
        }
        start = end;
    }
    parts
}

impl Part<'_> {
    fn read(&self) -> (Vec<Rule>, Report) {
        let mut report = Report::default();
        let mut rules = Vec::new();
        match PolicySet::from_str(self.text) {
            Ok(set) => self.read_set(&set, &mut rules, &mut report),
            Err(errors) => self.syntax(&errors, &mut report),
        }
        (rules, report)
    }

    fn read_set(&self, set: &PolicySet, rules: &mut Vec<Rule>, report: &mut Report) {
        let lines = LineIndex::new(self.text);
        let line_at = |offset| self.line - 1 + lines.line(offset);
        for template in set.templates() {
            let line = line_at(AsRef::as_ref(template).loc().map_or(0, |loc| loc.start()));
            let message = "a template (?principal or ?resource); write a rule for each principal or a group";
            report.at(self.file, line, message);
        }
        let mut found: Vec<(usize, usize, &Policy)> = set
            .policies()
            .map(|policy| AsRef::as_ref(policy).loc().map_or((0, 0, policy), |loc| (loc.start(), loc.end(), policy)))
            .collect();
        found.sort_by_key(|(start, ..)| *start);
        for (start, end, policy) in found {
            let line = line_at(start);
            let [id, reason, ticket] = annotations(self.file, line, policy, report);
            // Without its text: Cedar would parse that again whenever it is asked for another form of the rule.
            let policy = Policy::from(AsRef::as_ref(policy).new_id(PolicyId::new(&id).into()));
            rules.push(Rule {
                condition: Condition::of(&policy),
                policy,
                id,
                reason,
                ticket,
                file: self.file.to_owned(),
                line,
                start,
                text: self.text.get(start..end).unwrap_or_default().to_owned(),
                scope: Scope::default(),
            });
        }
    }

    fn syntax(&self, errors: &ParseErrors, report: &mut Report) {
        let lines = LineIndex::new(self.text);
        for error in errors.iter() {
            let message = validate::text_of(error);
            match validate::offset_of(error) {
                Some(offset) => report.at(self.file, self.line - 1 + lines.line(offset), message),
                None => report.file(self.file, message),
            }
        }
    }
}

fn annotations(file: &str, line: usize, policy: &Policy, report: &mut Report) -> [String; 3] {
    let found: Vec<(&str, &str)> = policy.annotations().collect();
    for (name, _) in found.iter().filter(|(name, _)| !ANNOTATIONS.contains(name)) {
        report.at(file, line, format!("unknown annotation @{name}{}", suggestion(name, ANNOTATIONS)));
    }
    let values = ANNOTATIONS.map(|name| {
        let value = found.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value).trim();
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
