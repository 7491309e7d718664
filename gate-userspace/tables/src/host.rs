//! Which sections of a policy a host takes, and what holds for processes that no service claims.

use crate::{ServiceId, Tables, Transport};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Labels of one host: one value for a key.
pub type Labels = BTreeMap<String, String>;

/// Hosts by their labels: for each key that is named, the host has one of its values. Empty: every host.
pub type Selector = BTreeMap<String, BTreeSet<String>>;

/// What holds for processes that no service claims, where no section says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Whether they are governed.
    pub posture: Posture,
    /// Listeners that stay reachable, and may answer, under [`Posture::Deny`]; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failsafe: Vec<Listener>,
    /// What some hosts have instead, sorted by name; no host has two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<HostSection>,
}

/// What some hosts have instead of [`Host`]'s own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSection {
    /// Its name.
    pub name: String,
    /// Which hosts.
    pub on: Selector,
    /// As [`Host::posture`].
    pub posture: Posture,
    /// As [`Host::failsafe`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failsafe: Vec<Listener>,
}

/// Whether processes that no service claims are governed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Posture {
    /// They are not: they reach what no service declared.
    #[default]
    Open,
    /// They are: they reach what a rule for `Host::"self"` gives, and take part in what is failsafe.
    Deny,
}

/// A port of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// The port number.
    pub number: u16,
}

/// Why a policy has no sections for a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotThisHost {
    /// A key that the policy does not know: a misspelt one would leave services out.
    #[error("the host has the label {key}={value}; the policy declares no label {key:?}{}", among(.known))]
    UnknownKey {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Those that the policy declares.
        known: Vec<String>,
    },
    /// A value that the policy does not know.
    #[error("the host has the label {key}={value}, which is no value that the policy declares{}", among(.known))]
    UnknownValue {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Those that the policy declares.
        known: Vec<String>,
    },
}

fn among(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; it declares {}", known.join(", ")) }
}

impl Host {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a host of these labels is meant.
pub(crate) fn selects(selector: &Selector, labels: &Labels) -> bool {
    selector.iter().all(|(key, values)| labels.get(key).is_some_and(|value| values.contains(value)))
}

/// Whether no host is meant by both.
#[must_use]
pub fn exclude(one: &Selector, other: &Selector) -> bool {
    one.iter().any(|(key, values)| other.get(key).is_some_and(|others| values.is_disjoint(others)))
}

impl Tables {
    /// What of the policy a host of these labels takes: the services that are on it, what reaches those, and what they
    /// reach outside. Numbers and rules stay as they are.
    ///
    /// # Errors
    /// [`NotThisHost`] for a label that the policy does not declare.
    pub fn for_host(&self, labels: &Labels) -> Result<Self, NotThisHost> {
        for (key, value) in labels {
            let (key, value) = (key.clone(), value.clone());
            match self.labels.get(&key) {
                None => {
                    return Err(NotThisHost::UnknownKey { key, value, known: self.labels.keys().cloned().collect() });
                }
                Some(values) if !values.contains(&value) => {
                    return Err(NotThisHost::UnknownValue { key, value, known: values.iter().cloned().collect() });
                }
                Some(_) => {}
            }
        }
        let mut own = self.clone();
        own.services.retain(|service| selects(&service.on, labels));
        let there: BTreeSet<ServiceId> = own.services.iter().map(|service| service.id).collect();
        let elsewhere: BTreeSet<ServiceId> =
            self.services.iter().map(|service| service.id).filter(|id| !there.contains(id)).collect();
        let is_here = |id: &ServiceId| !elsewhere.contains(id);
        own.reach.retain(|line| is_here(&line.source) && is_here(&line.destination));
        own.access.retain_mut(|line| {
            line.sources.retain(is_here);
            is_here(&line.destination) && !line.sources.is_empty()
        });
        if let Some(section) = own.host.sections.iter().find(|section| selects(&section.on, labels)) {
            own.host = Host { posture: section.posture, failsafe: section.failsafe.clone(), sections: Vec::new() };
        }
        own.host.sections.clear();
        Ok(own)
    }
}

#[cfg(test)]
mod tests;
