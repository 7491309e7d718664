//! What a rule permits and this version denies all the same: its author should know before his users do.

use super::{Decider, RuleAt};
use crate::rules::Rule;
use crate::universe::{Kind, Subject, Target};
use gate_tables::{Channel, Protocol, Transport};
use std::collections::BTreeMap;
use std::fmt;

/// What is denied although a rule permits it, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// What is denied.
    pub what: UnservedKind,
    /// The rule that permits it.
    pub rule: RuleAt,
    /// The first of what is denied: who, and what.
    pub example: String,
}

/// What this version does not serve yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnservedKind {
    /// Datagrams.
    Udp,
    /// Connections from a network or the world.
    FromOutside,
    /// Connections to a network.
    ToNetwork,
    /// A port of HTTP/2.
    Http2,
    /// A port of gRPC.
    Grpc,
    /// A port of administration that speaks HTTP: it has no listener yet.
    AdminRequest,
}

impl Decider {
    /// In the order of rule ids and kinds.
    pub(crate) fn unserved(&self) -> Vec<Unserved> {
        let permits = self.rules.iter().filter(|rule| rule.permits());
        permits.flat_map(|rule| self.unserved_of(rule)).collect()
    }

    fn unserved_of(&self, rule: &Rule) -> Vec<Unserved> {
        let mut found: BTreeMap<UnservedKind, (usize, usize)> = BTreeMap::new();
        let subjects =
            || rule.scope.subjects.iter().filter_map(|index| Some((*index, self.universe.subjects.get(*index)?)));
        for (number, target) in
            rule.scope.targets.iter().filter_map(|index| Some((*index, self.universe.targets.get(*index)?)))
        {
            let to = self.subjects.get(&target.service).and_then(|index| self.universe.subjects.get(*index));
            for (subject, from) in subjects() {
                for what in kinds(from, to, target).into_iter().flatten() {
                    found.entry(what).or_insert((subject, number));
                }
            }
        }
        let example = |(subject, target): (usize, usize)| {
            let (subject, target) = (self.universe.subjects.get(subject)?, self.universe.targets.get(target)?);
            let asked = if target.route.is_some() { &target.action } else { &target.resource };
            Some(format!("{} to {asked}", subject.uid))
        };
        let unserved = |(what, pair)| Some(Unserved { what, rule: RuleAt::of(rule), example: example(pair)? });
        found.into_iter().filter_map(unserved).collect()
    }
}

fn kinds(from: &Subject, to: Option<&Subject>, target: &Target) -> [Option<UnservedKind>; 4] {
    let outside = matches!(from.kind, Kind::Network | Kind::World);
    let protocol = match target.protocol {
        Protocol::Http2 => Some(UnservedKind::Http2),
        Protocol::Grpc => Some(UnservedKind::Grpc),
        Protocol::Http if target.channel == Channel::Admin => Some(UnservedKind::AdminRequest),
        Protocol::Plain | Protocol::Http => None,
    };
    [
        (target.transport == Transport::Udp).then_some(UnservedKind::Udp),
        outside.then_some(UnservedKind::FromOutside),
        to.is_some_and(|to| to.kind == Kind::Network).then_some(UnservedKind::ToNetwork),
        protocol,
    ]
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            UnservedKind::Udp => "datagrams (UDP)",
            UnservedKind::FromOutside => "connections from a network or the world",
            UnservedKind::ToNetwork => "connections to a network",
            UnservedKind::Http2 => "requests of HTTP/2",
            UnservedKind::Grpc => "requests of gRPC",
            UnservedKind::AdminRequest => "requests of the admin channel",
        };
        write!(f, "rule {} permits {what}, which this version denies: {}", self.rule, self.example)
    }
}
