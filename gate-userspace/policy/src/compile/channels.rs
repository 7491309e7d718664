//! Who uses a service does not administer one with the same identity.

use crate::decider::Decider;
use crate::diagnostic::Report;
use crate::rules::Rule;
use gate_tables::{Channel, ServiceId};
use std::collections::BTreeMap;

/// Reports each caller that may reach ports of both channels.
pub(super) fn check(decider: &Decider, report: &mut Report) {
    let universe = decider.universe();
    // Of each caller, the first rule of each channel: that of the smallest index, since cells come in no order.
    let mut callers: BTreeMap<ServiceId, [Option<u32>; 2]> = BTreeMap::new();
    for (source, number, permits, _) in decider.rules_of_cells() {
        let (Some(target), Some(rule)) = (universe.targets.get(number as usize), permits.first().copied()) else {
            continue;
        };
        let [traffic, admin] = callers.entry(source).or_default();
        let first = if target.channel == Channel::Admin { admin } else { traffic };
        *first = Some(first.map_or(rule, |known| known.min(rule)));
    }
    for (source, rules) in callers {
        let [Some(traffic), Some(admin)] = rules.map(|rule| decider.rules().get(rule? as usize)) else { continue };
        say(decider, source, traffic, admin, report);
    }
}

fn say(decider: &Decider, source: ServiceId, traffic: &Rule, admin: &Rule, report: &mut Report) {
    let subjects = &decider.universe().subjects;
    let caller = subjects.iter().find(|subject| subject.principal.service_id() == source);
    let caller = caller.map(|subject| subject.uid.to_string()).unwrap_or_default();
    let message = format!(
        "rule \"{}\" gives {caller} an admin port, and \"{}\" ({}) gives it a traffic port; whoever administers is not \
         whoever uses: make two services of the caller, or put the ports on one channel",
        admin.id,
        traffic.id,
        traffic.place()
    );
    report.at(&admin.file, admin.line, message);
}
