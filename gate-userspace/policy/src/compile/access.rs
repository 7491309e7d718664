//! Who may ask for what, cell by cell, for those who compare policies and must not know Cedar.

use crate::decider::Decider;
use crate::rules::{self, Rule};
use crate::universe::Universe;
use gate_tables::{Access, Condition, Issuer, ServiceId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

/// A target, and the indexes of the permits and of the forbids that speak about it.
type Same<'a> = (u32, &'a [u32], &'a [u32]);

/// One line per target and set of rules: its sources are those about whom the same rules speak.
pub(super) fn access(decider: &Decider) -> Vec<Access> {
    let universe = decider.universe();
    let mut lines: HashMap<Same<'_>, Vec<ServiceId>> = HashMap::new();
    for (source, target, permits, forbids) in decider.rules_of_cells() {
        lines.entry((target, permits, forbids)).or_default().push(source);
    }
    let line = |((target, permits, forbids), mut sources): (Same<'_>, Vec<ServiceId>)| {
        let target = universe.targets.get(target as usize)?;
        sources.sort_unstable();
        let action = target.route.is_some().then(|| target.action_name.clone());
        let (permits, forbids) = (permits.to_vec(), forbids.to_vec());
        Some(Access { destination: target.service, port: target.port, action, permits, forbids, sources })
    };
    let mut lines: Vec<Access> = lines.into_iter().filter_map(line).collect();
    lines.sort_unstable();
    lines
}

/// What tells one condition from another, for each rule.
pub(super) struct Conditions<'u> {
    universe: &'u Universe,
    /// Digest of what is in what: conditions may ask for it, and it changes without them.
    memberships: [u8; 32],
}

impl<'u> Conditions<'u> {
    pub(super) fn new(universe: &'u Universe) -> Self {
        let subjects =
            universe.subjects.iter().map(|s| (s.uid.to_string(), s.groups().iter().map(ToString::to_string)));
        let mut lines: Vec<String> = subjects.map(|(name, groups)| line(&name, groups)).collect();
        lines.extend(universe.targets.iter().map(|target| {
            let groups = target.resource_groups().iter().map(ToString::to_string);
            let name = format!("{} {}", target.action, target.resource);
            line(&name, target.action_names().map(str::to_owned).chain(groups))
        }));
        lines.sort_unstable();
        Self { universe, memberships: Sha256::digest(lines.concat()).into() }
    }

    /// `None` for a rule that has neither `when` nor `unless`.
    pub(super) fn of(&self, rule: &Rule) -> Option<Condition> {
        let condition = rule.condition.as_ref()?;
        let mut digest = Sha256::new().chain_update(condition.digest);
        if !condition.only_context {
            digest.update(self.memberships);
        }
        let mut roles = None;
        if condition.reads.has("user") {
            let issuers = self.issuers(rule);
            for issuer in &issuers {
                // What a claim is, and who says so.
                digest.update(format!("{issuer:?}\n"));
            }
            roles = rules::roles::roles(&rule.policy, &issuers);
        }
        Some(Condition { sha256: hexadecimal(&digest.finalize()), total: condition.total, roles })
    }

    /// Those of the ports in its scope, each once; `None`: a port without one.
    fn issuers(&self, rule: &Rule) -> Vec<Option<&'u Arc<Issuer>>> {
        let targets = rule.scope.targets.iter().filter_map(|index| self.universe.targets.get(*index));
        let issuers: BTreeMap<Option<&str>, Option<&Arc<Issuer>>> =
            targets.map(|target| (target.issuer().map(|issuer| issuer.name.as_str()), target.issuer())).collect();
        issuers.into_values().collect()
    }
}

fn line(name: &str, groups: impl Iterator<Item = String>) -> String {
    let mut groups: Vec<String> = groups.collect();
    groups.sort_unstable();
    format!("{name} in {groups:?}\n")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
