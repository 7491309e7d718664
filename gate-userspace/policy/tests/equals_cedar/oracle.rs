//! What Cedar's own authorizer says over the whole policy.

use crate::rules::{Rule, text};
use crate::world::{Cell, World};
use cedar_policy::{Authorizer, Decision, Entities, PolicyId, PolicySet, Request, ValidationMode};
use std::str::FromStr;

/// The rules of one policy, as Cedar reads them.
pub struct Oracle<'a> {
    entities: &'a Entities,
    whole: PolicySet,
    /// Permits without their conditions, and the forbids that have none: what might be permitted.
    possible: PolicySet,
    /// The conditional rules, each a permit without condition: where a condition matters.
    conditional: PolicySet,
}

/// Whether it is allowed when errors deny, by which rules, and whether any rule erred.
#[derive(Debug, Clone)]
pub struct Answer {
    pub allow: bool,
    pub rules: Vec<String>,
    pub erred: bool,
}

/// All of one cell.
pub struct Answers {
    /// To each question of the cell.
    pub answers: Vec<Answer>,
    pub possible: Answer,
    pub conditional: bool,
}

impl<'a> Oracle<'a> {
    pub fn new(world: &'a World, rules: &[Rule]) -> Self {
        let numbered = || rules.iter().enumerate();
        let always = |rule: &Rule| rule.condition.is_empty();
        let possible = numbered().filter(|(_, rule)| rule.effect == "permit" || always(rule));
        let conditional = numbered().filter(|(_, rule)| !always(rule));
        Self {
            entities: &world.entities,
            whole: policies(&text(rules)),
            possible: policies(&possible.map(|(number, rule)| rule.text(rule.effect, number, "")).collect::<String>()),
            conditional: policies(
                &conditional.map(|(number, rule)| rule.text("permit", number, "")).collect::<String>(),
            ),
        }
    }

    pub fn answers(&self, cell: &Cell) -> Answers {
        let any = &cell.questions[0].cedars;
        Answers {
            answers: cell.questions.iter().map(|question| self.ask(&self.whole, &question.cedars)).collect(),
            possible: self.ask(&self.possible, any),
            conditional: self.ask(&self.conditional, any).allow,
        }
    }

    fn ask(&self, policies: &PolicySet, request: &Request) -> Answer {
        let response = Authorizer::new().is_authorized(request, policies, self.entities);
        let erred = response.diagnostics().errors().next().is_some();
        let mut rules: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        rules.sort();
        Answer { allow: response.decision() == Decision::Allow && !erred, rules, erred }
    }
}

/// Whether Cedar's validator has nothing to say about these rules, asked with everything that is declared.
pub fn is_valid(world: &World, rules: &str) -> bool {
    let result = world.validator.validate(&policies(rules), ValidationMode::Strict);
    result.validation_errors().next().is_none() && result.validation_warnings().next().is_none()
}

fn policies(text: &str) -> PolicySet {
    let parsed = PolicySet::from_str(text).unwrap();
    let named = parsed.policies().map(|policy| policy.new_id(PolicyId::new(policy.annotation("id").unwrap())));
    PolicySet::from_policies(named).unwrap()
}
