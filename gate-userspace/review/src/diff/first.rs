//! What nobody may overlook who signs: told before everything else.

use super::declarations::{addresses, posture};
use crate::page::Line;
use crate::rules::Index;
use gate_tables::{Cell, Difference, Network, Party, Posture, Tables};
use serde::Serialize;
use std::collections::BTreeMap;

/// Something of weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What it is.
    pub what: &'static str,
    /// What it is about: names of the policy.
    pub about: String,
}

impl Notice {
    /// As a page shows it.
    #[must_use]
    pub fn line(&self) -> Line {
        Line::of(self.what).words(": ").name(&self.about)
    }
}

/// In the order of weight.
pub(super) fn notices(old: &Tables, new: &Tables, difference: &Difference) -> Vec<Notice> {
    let mut found = Vec::new();
    let mut say = |what, about: String| found.push(Notice { what, about });
    if old.environment != new.environment {
        say("the environment is another", format!("{}, was {}", new.environment, old.environment));
    }
    hosts(old, new, &mut say);
    services(old, new, &mut say);
    networks(old, new, &mut say);
    issuers(old, new, &mut say);
    cells(new, difference, &mut say);
    found
}

type Say<'s> = dyn FnMut(&'static str, String) + 's;

fn hosts(old: &Tables, new: &Tables, say: &mut Say<'_>) {
    let opened = |was: Option<Posture>, is: Option<Posture>| was == Some(Posture::Deny) && is == Some(Posture::Open);
    if opened(Some(old.host.posture), Some(new.host.posture)) {
        say("processes of no service are no longer governed", "[host]".to_owned());
    }
    let of = |tables: &Tables, name: &str| {
        tables.host.sections.iter().find(|section| section.name == name).map(|section| section.posture)
    };
    for section in &old.host.sections {
        let is = of(new, &section.name).or(Some(new.host.posture));
        if opened(Some(section.posture), is) {
            say("processes of no service are no longer governed", format!("section {} of [host]", section.name));
        }
    }
    for section in new.host.sections.iter().filter(|section| of(old, &section.name).is_none()) {
        if opened(Some(old.host.posture), Some(section.posture)) {
            let what = posture(section.posture, &section.failsafe);
            say("some hosts are no longer governed", format!("section {} of [host] is {what}", section.name));
        }
    }
}

fn services(old: &Tables, new: &Tables, say: &mut Say<'_>) {
    for service in &new.services {
        let was = old.service_named(&service.name);
        if service.observe && was.is_none_or(|was| !was.observe) {
            say("is only observed, nothing is denied to it", service.name.clone());
        }
    }
    for service in old.services.iter().filter(|service| new.service_named(&service.name).is_none()) {
        say("is gone, its processes are of no service and its ports anybody's", service.name.clone());
    }
}

fn networks(old: &Tables, new: &Tables, say: &mut Say<'_>) {
    for network in &new.networks {
        let was = old.networks.iter().find(|was| was.name == network.name);
        let held = |block| was.is_some_and(|was| was.addresses.iter().any(|outer| outer.holds(block)));
        let grown: Vec<_> = network.addresses.iter().filter(|block| !held(block)).collect();
        let all: Vec<String> = grown.iter().filter(|block| block.length() == 0).map(ToString::to_string).collect();
        if !all.is_empty() {
            say("a network holds every address that no other has", format!("{}: {}", network.name, all.join(" ")));
        } else if let Some(was) = was.filter(|_| !grown.is_empty()) {
            let text = format!("{}: {}, was {}", network.name, addresses(network), addresses(was));
            say("a network has addresses that it had not", text);
        }
    }
}

fn issuers(old: &Tables, new: &Tables, say: &mut Say<'_>) {
    for issuer in &new.issuers {
        match old.issuers.iter().find(|was| was.name == issuer.name) {
            None => {
                say("a new issuer vouches for users", format!("{}: {}, keys {}", issuer.name, issuer.url, issuer.keys))
            }
            Some(was) if (&was.url, &was.keys) != (&issuer.url, &issuer.keys) => {
                let text = format!(
                    "{}: {}, keys {}; was {}, keys {}",
                    issuer.name, issuer.url, issuer.keys, was.url, was.keys
                );
                say("an issuer, or where its keys are, is another", text);
            }
            Some(_) => {}
        }
    }
}

/// Who is of weight as one end of what may be asked now.
fn cells(new: &Tables, difference: &Difference, say: &mut Say<'_>) {
    let index = Index::new(new);
    let network = |name: &str| match index.named(name)?.1 {
        Party::Network(network) => Some(network),
        _ => None,
    };
    let foreign = |name: &str| environment(new, network(name)?).filter(|environment| *environment != new.environment);
    let mut world: Vec<&Cell> = Vec::new();
    let mut across: BTreeMap<(&str, &str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in difference.cells.iter().filter(|change| change.gains).map(|change| &change.cell) {
        if cell.source == Party::World.name() {
            world.push(cell);
        }
        for (one, other) in [(&cell.source, &cell.destination), (&cell.destination, &cell.source)] {
            if let Some(environment) = foreign(one) {
                across.entry((one, environment, other)).or_default().push(cell);
            }
        }
    }
    for ((network, environment, other), cells) in across {
        let text = format!("{other} and network {network} of {environment}: {}", few(&cells));
        say("reach across environments", text);
    }
    if !world.is_empty() {
        say("every address of no network may ask", few(&world));
    }
}

/// Its own, or that of the narrowest network around it that says one.
fn environment<'t>(tables: &'t Tables, network: &'t Network) -> Option<&'t str> {
    let around = tables.networks.iter().filter(|outer| outer.environment.is_some() && outer.encloses(network));
    let narrowest = around.reduce(|one, other| if one.encloses(other) { other } else { one });
    network.environment.as_deref().or_else(|| narrowest?.environment.as_deref())
}

fn few(cells: &[&Cell]) -> String {
    const FEW: usize = 4;
    let mut text = cells.iter().take(FEW).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if cells.len() > FEW {
        text += &format!(", and {} more", cells.len() - FEW);
    }
    text
}
