//! Which service reaches which port: what the kernel enforces.

use crate::decider::Decider;
use gate_tables::{PortId, Reach, ServiceId, Tables, Times, Via};
use std::collections::BTreeMap;

/// An L4 port is reached straight where connecting is permitted. An L7 port is reached through the proxy where at least
/// one of its routes may be permitted, whatever the proxy then hears about a single request.
pub(super) fn reach(decider: &Decider, tables: &Tables) -> Vec<Reach> {
    let universe = decider.universe();
    let mut lines: BTreeMap<(ServiceId, ServiceId, PortId), (Via, String)> = BTreeMap::new();
    for (principal, number, rule) in decider.possible_permits() {
        let Some(target) = universe.targets.get(number as usize) else { continue };
        let via = if target.route.is_some() { Via::Proxy } else { Via::Direct };
        let (_, first) =
            lines.entry((principal, target.service, target.port)).or_insert_with(|| (via, rule.id.clone()));
        if rule.id < *first {
            first.clone_from(&rule.id);
        }
    }
    let index_of = |id: &str| tables.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok();
    let line = |((source, destination, port), (via, id)): (_, (Via, String))| {
        let rule = u32::try_from(index_of(&id)?).ok()?;
        Some(Reach { source, destination, port, via, rule, times: Times::default() })
    };
    lines.into_iter().filter_map(line).collect()
}
