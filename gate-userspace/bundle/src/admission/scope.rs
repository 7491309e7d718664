//! Whose services a change is about, and whether a person may sign for them.

use super::{Because, Change};
use crate::reason::plain;
use gate_tables::Tables;
use std::collections::{BTreeMap, BTreeSet};

/// Who answers for each service: its owner in the bundle in force, so that nobody takes a service over by naming himself
/// its owner; who receives it answers for it, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Owners(BTreeMap<String, BTreeSet<String>>);

impl Owners {
    pub(super) fn new(old: &Tables, new: &Tables) -> Self {
        let mut owners: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for service in old.services.iter().chain(&new.services) {
            owners.entry(service.name.clone()).or_default().insert(service.owner.clone());
        }
        Self(owners)
    }

    /// Nobody answers for the host, or for the policy as a whole, but people who sign for everything.
    fn within(&self, service: &str, scope: &BTreeSet<String>) -> bool {
        self.0.get(service).is_some_and(|owners| owners.is_subset(scope))
    }

    fn told(&self, service: &str) -> String {
        match self.0.get(service) {
            Some(owners) => format!("{} of {}", plain(service), plain(&join(owners))),
            None => "what is of no service".to_owned(),
        }
    }
}

impl Change {
    /// What somebody with this scope cannot approve: services of others that gain a caller, or whose declaration changes.
    pub(super) fn beyond_approving(&self, scope: &BTreeSet<String>) -> Vec<String> {
        let gaining = self.difference().cells.iter().filter(|change| change.gains);
        let services = gaining.map(|change| &change.cell.destination).chain(&self.difference().redeclared);
        self.beyond(services.collect(), scope)
    }

    /// What somebody with this scope cannot write, or take away alone: declarations of others' services, and what is
    /// between two services of others. To ask for access is for the team that wants it, too.
    pub(crate) fn beyond_writing(&self, scope: &BTreeSet<String>) -> Vec<String> {
        let difference = self.difference();
        let mut beyond = self.beyond(difference.redeclared.iter().chain(&difference.narrowed).collect(), scope);
        let cells = difference.cells.iter().map(|change| &change.cell);
        let of_others = cells
            .filter(|cell| !self.owners.within(&cell.source, scope) && !self.owners.within(&cell.destination, scope));
        beyond.extend(of_others.map(|cell| plain(&cell.to_string())));
        beyond
    }

    fn beyond(&self, services: BTreeSet<&String>, scope: &BTreeSet<String>) -> Vec<String> {
        let mut beyond: Vec<String> = self
            .because()
            .iter()
            .filter_map(|because| match because {
                Because::Duties => Some("policy/duties.toml".to_owned()),
                Because::First => Some("everything: it is the first of its chain".to_owned()),
                Because::Gives { .. } | Because::TakesNothing => None,
            })
            .collect();
        let others = services.into_iter().filter(|service| !self.owners.within(service, scope));
        beyond.extend(others.map(|service| self.owners.told(service)));
        beyond
    }
}

fn join(owners: &BTreeSet<String>) -> String {
    owners.iter().map(String::as_str).collect::<Vec<_>>().join(" and ")
}
