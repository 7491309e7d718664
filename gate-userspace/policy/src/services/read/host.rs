//! `[host]`: processes that no service claims.

use super::{complain, endpoint, selector, word};
use crate::diagnostic::Report;
use crate::document::Section;
use crate::names;
use crate::services::keys;
use crate::source::SERVICES;
use gate_tables::{Host, HostSection, Listener, Posture, Selector, exclude};

const POSTURES: [(&str, Posture); 2] = [("open", Posture::Open), ("deny", Posture::Deny)];

/// What holds where nothing else is said is an open posture.
pub(super) fn host(root: &Section<'_>, labels: &Selector, report: &mut Report) -> Host {
    let Some(section) = root.section("host", report) else { return Host::default() };
    section.only(&keys::HOST, report);
    let mut host = Host {
        posture: word(&section, "posture", &POSTURES, report).unwrap_or_default(),
        failsafe: failsafe(&section, report),
        sections: Vec::new(),
    };
    let mut lines = Vec::new();
    for (name, at) in section.sections("section", report) {
        let found = part(name, &at, labels, report);
        for (other, line) in host.sections.iter().zip(&lines).filter(|(other, _)| !exclude(&other.on, &found.on)) {
            let message = format!(
                "a host could have the labels of the sections \"{name}\" and \"{}\" (line {line}) of [host]; give both \
                 values of one label that differ",
                other.name
            );
            report.at(SERVICES, at.line, message);
        }
        host.sections.push(found);
        lines.push(at.line);
    }
    host.sections.sort_by(|a, b| a.name.cmp(&b.name));
    host
}

fn part(name: &str, section: &Section<'_>, labels: &Selector, report: &mut Report) -> HostSection {
    section.only(&keys::SECTION, report);
    complain(names::check_name("section", name), section.line, report);
    if !section.has("on") {
        let place = section.place();
        let message =
            format!("\"on\" is missing{place}; write on = [\"role=data\"]; what holds for every host is [host]'s own");
        report.at(SERVICES, section.line, message);
    }
    // A section that says nothing of its own would be open by silence, whatever [host] says.
    if !section.has("posture") {
        let message = format!("\"posture\" is missing{}; write posture = \"open\" or \"deny\"", section.place());
        report.at(SERVICES, section.line, message);
    }
    HostSection {
        name: name.to_owned(),
        on: selector::on(section, labels, report),
        posture: word(section, "posture", &POSTURES, report).unwrap_or_default(),
        failsafe: failsafe(section, report),
    }
}

fn failsafe(section: &Section<'_>, report: &mut Report) -> Vec<Listener> {
    let found = section.strings("failsafe", report);
    let listeners = found.iter().filter_map(|text| endpoint("failsafe", text, report));
    let mut listeners: Vec<Listener> = listeners.map(|(transport, number)| Listener { transport, number }).collect();
    listeners.sort_unstable();
    listeners
}
