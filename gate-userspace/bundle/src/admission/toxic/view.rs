//! The tables by what rules give to whom.

use super::Held;
use crate::duties::{Holder, Toxic};
use gate_tables::{Access, Parties, Party, PortId, Protocol, Rule, ServiceId, Tables};
use std::collections::BTreeMap;

/// Who holds something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hand {
    /// `service`, `network`, `owner`, …
    pub(super) kind: &'static str,
    /// As an exception names it.
    pub(super) name: String,
}

type Target<'t> = (ServiceId, PortId, Option<&'t str>);

pub(super) struct View<'t> {
    tables: &'t Tables,
    parties: Parties<'t>,
    lines: BTreeMap<Target<'t>, Vec<&'t Access>>,
}

impl<'t> View<'t> {
    pub(super) fn new(tables: &'t Tables) -> Self {
        let mut lines: BTreeMap<Target<'t>, Vec<&Access>> = BTreeMap::new();
        for line in &tables.access {
            lines.entry((line.destination, line.port, line.action.as_deref())).or_default().push(line);
        }
        Self { tables, parties: Parties::new(tables), lines }
    }

    /// What `orders.list`, `connect ledger:main` or `connect resolver:udp-53` is.
    pub(super) fn target(&self, action: &str) -> Option<Target<'t>> {
        if let Some(port) = action.strip_prefix("connect ") {
            let (name, port) = port.split_once(':')?;
            let network = || self.tables.networks.iter().find(|network| network.name == name).map(Party::Network);
            let party = self.tables.service_named(name).map(Party::Service).or_else(network)?;
            let port = party.ports().iter().find(|declared| declared.name == port)?;
            return (port.protocol == Protocol::Plain).then_some((party_id(party), port.id, None));
        }
        let (service, _) = action.split_once('.')?;
        let service = self.tables.service_named(service)?;
        service.ports.iter().find_map(|port| {
            let route = port.routes.iter().find(|route| route.action == action)?;
            Some((service.id, port.id, Some(route.action.as_str())))
        })
    }

    /// Everybody who holds all of it, and how. A rule with a condition gives what it may permit.
    pub(super) fn holders(&self, toxic: &Toxic) -> Vec<(Hand, Vec<Held>)> {
        let mut hands: BTreeMap<Hand, BTreeMap<&str, Vec<Held>>> = BTreeMap::new();
        for action in toxic.actions() {
            let lines = self.target(action).and_then(|target| self.lines.get(&target));
            for line in lines.into_iter().flatten() {
                for (hand, by, rules) in self.hands(toxic.holder(), line) {
                    let held = Held { action: action.clone(), by, rules };
                    hands.entry(hand).or_default().entry(action).or_default().push(held);
                }
            }
        }
        let full = hands.into_iter().filter(|(_, holds)| holds.len() == toxic.actions().len());
        full.map(|(hand, holds)| (hand, holds.into_values().flatten().collect())).collect()
    }

    /// Who holds what a line gives, through whom, and by which of its rules.
    fn hands(&self, holder: Holder, line: &Access) -> Vec<(Hand, String, Vec<String>)> {
        if holder == Holder::Role {
            return self.roles(line);
        }
        let rules = ids(self.permits(line));
        let mut found = Vec::new();
        for source in line.sources.iter().filter_map(|source| self.parties.get(*source)) {
            let of = |kind, name: &str| (Hand { kind, name: name.to_owned() }, source.name().to_owned(), rules.clone());
            match (holder, source) {
                (Holder::Owner, _) => found.push(of("owner", source.owner())),
                (Holder::Group, Party::Service(service)) => {
                    found.extend(service.groups.iter().map(|group| of("group", group)));
                }
                (Holder::Group | Holder::Role, _) => {}
                (Holder::Service, Party::Network(network)) => found.push(of("network", &network.name)),
                (Holder::Service, _) => found.push(of("service", source.name())),
            }
        }
        found
    }

    /// What a user may ask depends on who brings the request, too: every caller counts, since a user may have any of them.
    fn roles(&self, line: &Access) -> Vec<(Hand, String, Vec<String>)> {
        let port = self.parties.get(line.destination).and_then(|party| party.port(line.port));
        let issuer = port.and_then(|port| port.issuer.as_deref());
        let issuer = self.tables.issuers.iter().find(|declared| Some(declared.name.as_str()) == issuer);
        let Some((issuer, roles)) = issuer.and_then(|issuer| Some((&issuer.name, issuer.roles.as_ref()?))) else {
            return Vec::new();
        };
        let by = through(line.sources.iter().filter_map(|source| self.parties.get(*source)).map(Party::name));
        let mut found = Vec::new();
        for role in &roles.values {
            let may_hold = |rule: &&Rule| {
                let only = rule.condition.as_ref().and_then(|condition| condition.roles.as_ref());
                only.is_none_or(|only| only.contains(role))
            };
            let rules = ids(self.permits(line).filter(may_hold));
            if !rules.is_empty() {
                found.push((Hand { kind: "role", name: format!("{issuer}:{role}") }, by.clone(), rules));
            }
        }
        found
    }

    fn permits(&self, line: &Access) -> impl Iterator<Item = &'t Rule> {
        let rules = &self.tables.rules;
        line.permits.iter().filter_map(move |index| rules.get(*index as usize))
    }
}

pub(super) fn ids<'t>(rules: impl Iterator<Item = &'t Rule>) -> Vec<String> {
    rules.map(|rule| rule.id.clone()).collect()
}

fn party_id(party: Party<'_>) -> ServiceId {
    match party {
        Party::Service(service) => service.id,
        Party::Network(network) => network.id,
        Party::Host => ServiceId::HOST,
        Party::World => ServiceId::WORLD,
    }
}

/// `through web`, `through web and 3 more`.
fn through<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("through {one}"),
        [one, rest @ ..] => format!("through {one} and {} more", rest.len()),
    }
}
