//! Expanding rules into cells.

use super::{ActionId, Cell, Decider, RuleIds, Slice};
use crate::context::Attributes;
use crate::rules::Rule;
use crate::universe::Universe;
use cedar_policy::{Authorizer, Policy, PolicySet, Schema};
use gate_tables::ServiceId;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

/// (principal, target, index of the rule).
type Pair = (ServiceId, u32, u32);

impl Decider {
    /// Takes rules that were checked, sorted by id.
    pub(crate) fn new(universe: Universe, rules: Vec<Rule>, schema: &Schema) -> Result<Self, String> {
        let entities = universe.entities(schema)?;
        let mut builder = Builder { rules: &rules, names: HashMap::new(), slices: HashMap::new() };
        let mut cells = HashMap::new();
        for group in pairs(&universe, &rules).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some((principal, target, _)) = group.first()
                && let Some(cell) = builder.cell(group)?
            {
                cells.insert((*principal, *target), cell);
            }
        }
        let mut actions = HashMap::new();
        let mut flows = HashMap::new();
        for (number, target) in (0u32..).zip(&universe.targets) {
            match target.route {
                Some(_) => drop(actions.insert(target.action_name.clone(), ActionId(number))),
                None => drop(flows.insert((target.service, target.port), number)),
            }
        }
        let subjects = universe.subjects.iter().enumerate().map(|(i, s)| (s.principal.service_id(), i)).collect();
        let authorizer = Authorizer::new();
        Ok(Self { universe, rules, cells, subjects, actions, flows, entities, authorizer, none: Arc::new([]) })
    }
}

fn pairs(universe: &Universe, rules: &[Rule]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (index, rule) in (0u32..).zip(rules) {
        for subject in rule.scope.subjects.iter().filter_map(|subject| universe.subjects.get(*subject)) {
            let id = subject.principal.service_id();
            let targets = rule.scope.targets.iter().filter_map(|target| u32::try_from(*target).ok());
            pairs.extend(targets.map(|target| (id, target, index)));
        }
    }
    pairs.sort_unstable();
    pairs
}

/// Makes cells that share equal parts.
struct Builder<'a> {
    rules: &'a [Rule],
    names: HashMap<Vec<u32>, RuleIds>,
    slices: HashMap<Vec<u32>, Arc<Slice>>,
}

impl Builder<'_> {
    /// `None` when nothing could permit the pair and no rule forbids it outright.
    fn cell(&mut self, pairs: &[Pair]) -> Result<Option<Cell>, String> {
        let rules = || pairs.iter().filter_map(|(.., index)| Some((*index, self.rules.get(*index as usize)?)));
        let numbers = |permits: bool, conditional: bool| -> Vec<u32> {
            let is = |(_, rule): &(u32, &Rule)| rule.permits() == permits && rule.is_conditional() == conditional;
            rules().filter(is).map(|(index, _)| index).collect()
        };
        let forbids = numbers(false, false);
        let permits = numbers(true, false);
        let may_permit = numbers(true, true);
        let conditional: Vec<u32> = rules().filter(|(_, rule)| rule.is_conditional()).map(|(index, _)| index).collect();
        if !forbids.is_empty() {
            return Ok(Some(Cell::Forbidden(self.names(forbids))));
        }
        if permits.is_empty() && may_permit.is_empty() {
            return Ok(None);
        }
        if conditional.is_empty() {
            return Ok(Some(Cell::Permitted(self.names(permits))));
        }
        let slice = self.slice(conditional)?;
        Ok(Some(Cell::Conditional { permits: self.names(permits), slice }))
    }

    fn names(&mut self, numbers: Vec<u32>) -> RuleIds {
        let rules = self.rules;
        let name = |number: &u32| rules.get(*number as usize).map(|rule| Arc::from(rule.id.as_str()));
        let ids = |numbers: &[u32]| numbers.iter().filter_map(name).collect();
        self.names.entry(numbers).or_insert_with_key(|numbers| ids(numbers)).clone()
    }

    fn slice(&mut self, numbers: Vec<u32>) -> Result<Arc<Slice>, String> {
        if let Some(slice) = self.slices.get(&numbers) {
            return Ok(Arc::clone(slice));
        }
        let policies = || numbers.iter().filter_map(|n| self.rules.get(*n as usize)).map(|rule| &rule.policy);
        let reads = policies().map(reads).fold(Attributes::none(), Attributes::union);
        let policies = PolicySet::from_policies(policies().cloned()).map_err(|error| error.to_string())?;
        let slice = Arc::new(Slice { policies, reads });
        self.slices.insert(numbers, Arc::clone(&slice));
        Ok(slice)
    }
}

/// What a rule's conditions read of the context.
fn reads(policy: &Policy) -> Attributes {
    let mut attributes = Attributes::none();
    match policy.to_json().ok().as_ref().and_then(|json| json.get("conditions")) {
        Some(conditions) => collect(conditions, &mut attributes),
        None => attributes = Attributes::all(),
    }
    attributes
}

/// Walks Cedar's JSON form. The context counts as read whole unless one attribute is taken of it.
fn collect(expression: &Json, attributes: &mut Attributes) {
    match expression {
        Json::Object(fields) => fields.iter().for_each(|(operator, operand)| match operator.as_str() {
            "Var" if operand.as_str() == Some("context") => *attributes = Attributes::all(),
            // A literal has no variables, though a record in it may look as if it had.
            "Value" => {}
            "." | "has" if operand.get("left").is_some_and(is_context) => {
                match operand.get("attr").and_then(Json::as_str) {
                    Some(attribute) => attributes.add(attribute),
                    None => *attributes = Attributes::all(),
                }
            }
            _ => collect(operand, attributes),
        }),
        Json::Array(items) => items.iter().for_each(|item| collect(item, attributes)),
        _ => {}
    }
}

fn is_context(expression: &Json) -> bool {
    expression.get("Var").and_then(Json::as_str) == Some("context")
}
