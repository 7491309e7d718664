//! What is declared of no service: labels, the host itself, issuers, networks.

use super::texts::{joined, on, port_text};
use super::{Declared, GONE, NEW, NUMBER, OWNER, changed, of};
use gate_tables::{Algorithm, Claim, HostSection, Issuer, Listener, Network, Posture, Tables};

pub(super) fn differences(old: &Tables, new: &Tables, found: &mut Vec<Declared>) {
    changed("labels", "", "are others", &on(&old.labels), &on(&new.labels), found);
    let host = |tables: &Tables| posture(tables.host.posture, &tables.host.failsafe);
    changed("host", "", "is", &host(old), &host(new), found);
    sections(&old.host.sections, &new.host.sections, found);
    issuers(&old.issuers, &new.issuers, found);
    networks(&old.networks, &new.networks, found);
}

/// `governed, failsafe tcp/22`.
pub(in crate::diff) fn posture(posture: Posture, failsafe: &[Listener]) -> String {
    let ports: Vec<String> = failsafe.iter().map(|one| format!("{}/{}", one.transport.name(), one.number)).collect();
    match posture {
        Posture::Open => "open: processes of no service are not governed".to_owned(),
        Posture::Deny => format!("governed, failsafe {}", joined(&ports)),
    }
}

fn sections(old: &[HostSection], new: &[HostSection], found: &mut Vec<Declared>) {
    let text = |section: &HostSection| {
        format!("hosts of {}: {}", on(&section.on), posture(section.posture, &section.failsafe))
    };
    for section in new {
        match old.iter().find(|was| was.name == section.name) {
            None => found.push(Declared { is: Some(text(section)), ..of("section", &section.name, NEW) }),
            Some(was) => changed("section", &section.name, "is", &text(was), &text(section), found),
        }
    }
    for section in old.iter().filter(|was| !new.iter().any(|section| section.name == was.name)) {
        let note = Some("these hosts have what [host] says");
        found.push(Declared { was: Some(text(section)), note, ..of("section", &section.name, GONE) });
    }
}

fn issuers(old: &[Issuer], new: &[Issuer], found: &mut Vec<Declared>) {
    for issuer in new {
        let name = &issuer.name;
        let Some(was) = old.iter().find(|was| was.name == *name) else {
            let is = format!("url {}, keys {}, {}", issuer.url, issuer.keys, algorithms(issuer));
            found.push(Declared { is: Some(is), ..of("issuer", name, NEW) });
            continue;
        };
        changed("issuer", name, "url", &was.url, &issuer.url, found);
        changed("issuer", name, "keys", &was.keys, &issuer.keys, found);
        changed("issuer", name, "audiences", &joined(&was.audiences), &joined(&issuer.audiences), found);
        changed("issuer", name, "algorithms", &algorithms(was), &algorithms(issuer), found);
        changed("issuer", name, "claims", &claims(&was.claims), &claims(&issuer.claims), found);
        changed("issuer", name, "roles", &roles(was), &roles(issuer), found);
    }
    for issuer in old.iter().filter(|was| !new.iter().any(|issuer| issuer.name == was.name)) {
        found.push(Declared { was: Some(issuer.url.clone()), ..of("issuer", &issuer.name, GONE) });
    }
}

fn algorithms(issuer: &Issuer) -> String {
    let named = Algorithm::ALL.iter().filter(|(_, algorithm)| issuer.algorithms.contains(algorithm));
    named.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

fn claims(claims: &[Claim]) -> String {
    let one = |claim: &Claim| {
        let may = if claim.optional { "?" } else { "" };
        format!("{}: {}{may}", claim.name, format!("{:?}", claim.kind).to_lowercase())
    };
    joined(&claims.iter().map(one).collect::<Vec<_>>())
}

fn roles(issuer: &Issuer) -> String {
    issuer
        .roles
        .as_ref()
        .map_or_else(|| "none".to_owned(), |roles| format!("{} of {}", joined(&roles.values), roles.claim))
}

fn networks(old: &[Network], new: &[Network], found: &mut Vec<Declared>) {
    for network in new {
        let name = &network.name;
        let Some(was) = old.iter().find(|was| was.name == *name) else {
            found.push(Declared { is: Some(describe(network)), ..of("network", name, NEW) });
            continue;
        };
        changed("network", name, NUMBER, &was.id.0.to_string(), &network.id.0.to_string(), found);
        changed("network", name, OWNER, &was.owner, &network.owner, found);
        changed("network", name, "environment", environment(was), environment(network), found);
        changed("network", name, "addresses", &addresses(was), &addresses(network), found);
        changed("network", name, "ports", &ports(was), &ports(network), found);
    }
    for network in old.iter().filter(|was| !new.iter().any(|network| network.name == was.name)) {
        let note = Some("its addresses are of the network around it, or of the world");
        found.push(Declared { was: Some(describe(network)), note, ..of("network", &network.name, GONE) });
    }
}

fn describe(network: &Network) -> String {
    let environment = environment(network);
    format!("{}, owner {}, environment {environment}, ports {}", addresses(network), network.owner, ports(network))
}

fn environment(network: &Network) -> &str {
    network.environment.as_deref().unwrap_or("none")
}

pub(in crate::diff) fn addresses(network: &Network) -> String {
    joined(&network.addresses.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn ports(network: &Network) -> String {
    joined(&network.ports.iter().map(port_text).collect::<Vec<_>>())
}
