//! Expanding rules into cells.

use super::{ActionId, Cell, CellRules, Decider, RuleIds, Slice};
use crate::context::Attributes;
use crate::rules::Rule;
use crate::universe::Universe;
use cedar_policy::{Authorizer, PolicySet};
use gate_tables::ServiceId;
use std::collections::HashMap;
use std::sync::Arc;

/// (principal, target, index of the rule).
type Pair = (ServiceId, u32, u32);

impl Decider {
    /// Takes rules that were checked, sorted by id.
    pub(crate) fn new(universe: Universe, rules: Vec<Rule>) -> Result<Self, String> {
        let entities = universe.entities()?;
        let names = rules.iter().map(|rule| Arc::from(rule.id.as_str())).collect();
        let mut builder = Builder { rules: &rules, names, lists: HashMap::new(), distinct: HashMap::new() };
        let pairs = pairs(&universe, &rules);
        let mut cells = HashMap::new();
        for group in pairs.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
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
        let permits_on = permits_on(&universe, &rules);
        let (authorizer, none) = (Authorizer::new(), RuleIds::from([]));
        Ok(Self { universe, rules, cells, subjects, actions, flows, permits_on, entities, authorizer, none })
    }
}

/// The permits that are about something of each service.
fn permits_on(universe: &Universe, rules: &[Rule]) -> HashMap<ServiceId, Vec<u32>> {
    let mut permits: HashMap<ServiceId, Vec<u32>> = HashMap::new();
    for (index, rule) in (0u32..).zip(rules).filter(|(_, rule)| rule.permits()) {
        let targets = rule.scope.targets.iter().filter_map(|target| universe.targets.get(*target));
        for service in targets.map(|target| target.service) {
            let known = permits.entry(service).or_default();
            if known.last() != Some(&index) {
                known.push(index);
            }
        }
    }
    permits
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
    names: Vec<Arc<str>>,
    lists: HashMap<Vec<u32>, RuleIds>,
    /// Cells by the rules that are about them.
    distinct: HashMap<Vec<u32>, Option<Arc<CellRules>>>,
}

impl Builder<'_> {
    /// `None` when nothing could permit the pair and no rule forbids it outright.
    fn cell(&mut self, pairs: &[Pair]) -> Result<Option<Arc<CellRules>>, String> {
        let numbers: Vec<u32> = pairs.iter().map(|(.., index)| *index).collect();
        if let Some(cell) = self.distinct.get(&numbers) {
            return Ok(cell.clone());
        }
        let cell = self.make(&numbers)?.map(Arc::new);
        self.distinct.insert(numbers, cell.clone());
        Ok(cell)
    }

    fn make(&mut self, numbers: &[u32]) -> Result<Option<CellRules>, String> {
        let rules = || numbers.iter().filter_map(|index| Some((*index, self.rules.get(*index as usize)?)));
        let these = |wanted: &dyn Fn(&Rule) -> bool| -> Vec<u32> {
            rules().filter(|(_, rule)| wanted(rule)).map(|(index, _)| index).collect()
        };
        let forbids = these(&|rule| !rule.permits() && !rule.is_conditional());
        let always = these(&|rule| rule.permits() && !rule.is_conditional());
        let conditional = these(&Rule::is_conditional);
        let permits = these(&Rule::permits);
        let may_forbid = these(&|rule| !rule.permits() && rule.is_conditional());
        if !forbids.is_empty() {
            let cell = Cell::Forbidden(self.list(forbids));
            return Ok(Some(CellRules { cell, permits: Vec::new(), forbids: Vec::new() }));
        }
        if permits.is_empty() {
            return Ok(None);
        }
        let cell = if conditional.is_empty() {
            Cell::Permitted(self.list(always))
        } else {
            Cell::Conditional { permits: self.list(always), slice: Box::new(self.slice(&conditional)?) }
        };
        Ok(Some(CellRules { cell, permits, forbids: may_forbid }))
    }

    fn list(&mut self, numbers: Vec<u32>) -> RuleIds {
        let names = &self.names;
        let ids = |numbers: &[u32]| numbers.iter().filter_map(|number| names.get(*number as usize).cloned()).collect();
        self.lists.entry(numbers).or_insert_with_key(|numbers| ids(numbers)).clone()
    }

    fn slice(&self, numbers: &[u32]) -> Result<Slice, String> {
        let rules = || numbers.iter().filter_map(|number| self.rules.get(*number as usize));
        let conditions = rules().filter_map(|rule| rule.condition.as_ref());
        let reads = conditions.map(|condition| condition.reads).fold(Attributes::none(), Attributes::union);
        let policies = rules().map(|rule| rule.policy.clone());
        Ok(Slice { policies: PolicySet::from_policies(policies).map_err(|error| error.to_string())?, reads })
    }
}
