//! Which service reaches which port: what the kernel enforces.

use crate::decider::Decider;
use crate::diagnostic::Report;
use crate::rules::{Rule, times};
use gate_tables::{PortId, Reach, ServiceId, Times, Via};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// An L4 port is reached straight where connecting is permitted. An L7 port is reached through the proxy where at least
/// one of its routes may be permitted, whatever the proxy then hears about a single request.
pub(super) fn reach(decider: &Decider, report: &mut Report) -> Vec<Reach> {
    let universe = decider.universe();
    let mut lines: BTreeMap<(ServiceId, ServiceId, PortId), Reach> = BTreeMap::new();
    for (source, number, permits, _) in decider.rules_of_cells() {
        let (Some(target), Some(rule)) = (universe.targets.get(number as usize), permits.first().copied()) else {
            continue;
        };
        let (destination, port) = (target.service, target.port);
        let (via, times) = match target.route {
            Some(_) => (Via::Proxy, Times::default()),
            None => (Via::Direct, times_of(permits, decider, report)),
        };
        match lines.entry((source, destination, port)) {
            Entry::Vacant(vacant) => drop(vacant.insert(Reach { source, destination, port, via, rule, times })),
            Entry::Occupied(mut line) => line.get_mut().rule = line.get().rule.min(rule),
        }
    }
    lines.into_values().collect()
}

/// When at least one of the permits of a connection holds: the kernel keeps one span.
fn times_of(permits: &[u32], decider: &Decider, report: &mut Report) -> Times {
    let rules: Vec<&Rule> = permits.iter().filter_map(|index| decider.rules().get(*index as usize)).collect();
    if rules.iter().any(|rule| !rule.is_conditional()) {
        return Times::default();
    }
    let mut spans: Vec<(&Rule, Times)> =
        rules.into_iter().filter_map(|rule| Some((rule, times::of(rule).ok()?))).collect();
    spans.sort_by_key(|(_, times)| times.from);
    let Some((first, mut together)) = spans.first().copied() else { return Times::default() };
    for (rule, times) in spans {
        match times::either(together, times) {
            Some(joined) => together = joined,
            None => {
                let message = format!(
                    "rules \"{}\" ({}) and \"{}\" permit one connection at times with a gap between them; the kernel keeps \
                     one span for each connection: join the times, or let the later rule begin when the earlier has ended",
                    first.id,
                    first.place(),
                    rule.id
                );
                report.at(&rule.file, rule.line, message);
                break;
            }
        }
    }
    together
}
