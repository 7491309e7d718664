//! What the rules say about a cell, and whether something else allows more.

use crate::{Access, Condition, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// The rules about a cell by their conditions: two rules with one condition are one.
pub(super) struct Says<'a> {
    permits: BTreeMap<Option<&'a Condition>, &'a str>,
    forbids: BTreeMap<Option<&'a Condition>, &'a str>,
}

type Conditions<'a> = BTreeSet<Option<&'a Condition>>;

impl<'a> Says<'a> {
    pub(super) fn new(rules: &'a [Rule], line: &Access) -> Self {
        let of = |indexes: &[u32]| {
            let rules = indexes.iter().filter_map(|index| rules.get(*index as usize));
            rules.map(|rule| (rule.condition.as_ref(), rule.id.as_str())).collect()
        };
        Self { permits: of(&line.permits), forbids: of(&line.forbids) }
    }

    /// What decides, without the names. A permit without a condition makes the others idle, unless they may fail.
    pub(super) fn effect(&self) -> (Conditions<'a>, Conditions<'a>) {
        let always = self.permits.contains_key(&None);
        let decides = |condition: &&Option<&Condition>| !always || condition.is_none_or(|c| !c.total);
        (self.permits.keys().filter(decides).copied().collect(), self.forbids.keys().copied().collect())
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.permits.values().chain(self.forbids.values()).map(ToString::to_string).collect()
    }
}

/// Whether `is` may allow something that `was` denied.
pub(super) fn gains(was: Option<&Says<'_>>, is: Option<&Says<'_>>) -> bool {
    let Some(is) = is else { return false };
    let Some(was) = was else { return true };
    let always = was.permits.contains_key(&None);
    let permits = always || is.permits.keys().all(|condition| was.permits.contains_key(condition));
    let forbids = was.forbids.keys().all(|condition| is.forbids.contains_key(condition));
    // A condition that fails denies the whole request: it is a forbid, too.
    let failing = |says: &Says<'_>, condition: &Option<&Condition>| {
        says.permits.contains_key(condition) || says.forbids.contains_key(condition)
    };
    let mut may_fail = was.permits.keys().chain(was.forbids.keys()).filter(|c| c.is_some_and(|c| !c.total));
    !(permits && forbids && may_fail.all(|condition| failing(is, condition)))
}
