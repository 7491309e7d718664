//! Whether somebody holds what nobody may hold together, by the tables alone.

use super::Change;
use crate::duties::{Exception, Holder, Toxic};
use crate::{Bundle, Duties, Reason, Refusal};
use gate_tables::{Access, PortId, ServiceId, Tables};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One action in one hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The action.
    pub action: String,
    /// The service that has it.
    pub by: String,
    /// The rules that permit it.
    pub rules: Vec<String>,
}

/// Whether a bundle's duties allow its tables. Admission asks the same.
///
/// # Errors
/// [`Refusal`] with every toxic combination, exception and unknown action.
pub fn check_toxic(bundle: &Bundle, change: &Change, now: u64) -> Result<(), Refusal> {
    let reasons = judge(bundle.duties(), bundle.tables(), change, Some(now));
    if reasons.is_empty() { Ok(()) } else { Err(Refusal::new(reasons)) }
}

/// The duties that come with the tables judge them: whoever changes both signs for both. What only takes access away is
/// not kept back by an exception that is over, or no longer needed, nor by a route that is gone: nobody holds more.
pub(super) fn judge(duties: &Duties, tables: &Tables, change: &Change, now: Option<u64>) -> Vec<Reason> {
    if duties.toxic().is_empty() {
        return Vec::new();
    }
    let view = View::new(tables);
    let strict = !change.only_removes();
    let mut reasons = Vec::new();
    let mut used = BTreeSet::new();
    for toxic in duties.toxic() {
        let unknown = toxic.actions().iter().filter(|action| view.target(action).is_none());
        let unknown = unknown.map(|action| Reason::ToxicUnknown { id: toxic.id().into(), action: action.clone() });
        reasons.extend(unknown.filter(|_| strict));
        for (holder, holds) in view.holders(toxic) {
            let is_it = |exception: &&Exception| exception.toxic() == toxic.id() && exception.holder() == holder;
            let Some(exception) = duties.exceptions().iter().find(is_it) else {
                let (id, reason) = (toxic.id().to_owned(), toxic.reason().to_owned());
                reasons.push(Reason::Toxic { id, reason, kind: toxic.holder(), holder, holds });
                continue;
            };
            used.insert((exception.toxic(), exception.holder()));
            if strict && now.is_some_and(|now| now > exception.until().last_second()) {
                reasons.push(Reason::ExceptionOver { exception: Box::new(exception.clone()) });
            }
        }
    }
    let idle = duties.exceptions().iter().filter(|one| strict && !used.contains(&(one.toxic(), one.holder())));
    reasons.extend(idle.map(|exception| Reason::ExceptionIdle { exception: Box::new(exception.clone()) }));
    reasons
}

type Target<'t> = (ServiceId, PortId, Option<&'t str>);

/// The tables by what rules give.
struct View<'t> {
    tables: &'t Tables,
    lines: BTreeMap<Target<'t>, Vec<&'t Access>>,
}

impl<'t> View<'t> {
    fn new(tables: &'t Tables) -> Self {
        let mut lines: BTreeMap<Target<'t>, Vec<&Access>> = BTreeMap::new();
        for line in &tables.access {
            lines.entry((line.destination, line.port, line.action.as_deref())).or_default().push(line);
        }
        Self { tables, lines }
    }

    /// What `orders.list`, or `connect ledger:main`, is.
    fn target(&self, action: &str) -> Option<Target<'t>> {
        if let Some(port) = action.strip_prefix("connect ") {
            let (service, port) = port.split_once(':')?;
            let service = self.tables.service_named(service)?;
            let port = service.ports.iter().find(|declared| declared.name == port)?;
            return (port.protocol == gate_tables::Protocol::Plain).then_some((service.id, port.id, None));
        }
        self.tables.services.iter().find_map(|service| {
            service.ports.iter().find_map(|port| {
                let route = port.routes.iter().find(|route| route.action == action)?;
                Some((service.id, port.id, Some(route.action.as_str())))
            })
        })
    }

    /// Everybody who holds all of it, and how. A rule with a condition gives what it may permit.
    fn holders(&self, toxic: &Toxic) -> Vec<(String, Vec<Held>)> {
        let mut hands: BTreeMap<&str, BTreeMap<&str, Vec<Held>>> = BTreeMap::new();
        for action in toxic.actions() {
            let lines = self.target(action).and_then(|target| self.lines.get(&target));
            for line in lines.into_iter().flatten() {
                for source in &line.sources {
                    let (by, owner) = self.named(*source);
                    let hand = if toxic.holder() == Holder::Owner { owner } else { by };
                    let held = Held { action: action.clone(), by: by.to_owned(), rules: self.rules(line) };
                    hands.entry(hand).or_default().entry(action).or_default().push(held);
                }
            }
        }
        let full = hands.into_iter().filter(|(_, holds)| holds.len() == toxic.actions().len());
        full.map(|(hand, holds)| (hand.to_owned(), holds.into_values().flatten().collect())).collect()
    }

    /// A source's name and its owner's; the host is its own.
    fn named(&self, source: ServiceId) -> (&'t str, &'t str) {
        self.tables.service(source).map_or(("host", "host"), |service| (&service.name, &service.owner))
    }

    fn rules(&self, line: &Access) -> Vec<String> {
        let rules = line.permits.iter().filter_map(|index| self.tables.rules.get(*index as usize));
        rules.map(|rule| rule.id.clone()).collect()
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} by {})", self.action, self.by, self.rules.join(", "))
    }
}
