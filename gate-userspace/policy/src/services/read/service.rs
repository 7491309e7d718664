//! `[service.NAME]`.

use super::{complain, owner, port, selector, word};
use crate::diagnostic::Report;
use crate::document::Section;
use crate::names;
use crate::services::{RouteGroup, Service, keys, unit};
use crate::source::SERVICES;
use gate_tables::Selector;
use std::collections::BTreeMap;

const MODES: [(&str, bool); 2] = [("enforce", false), ("observe", true)];

pub(super) fn service(name: &str, section: &Section<'_>, labels: &Selector, report: &mut Report) -> Service {
    section.only_and(&keys::SERVICE, &["observe"], report);
    if let Some(line) = section.line_of_key("observe") {
        let place = section.place();
        report.at(SERVICES, line, format!("unknown key \"observe\"{place}; write mode = \"observe\" or \"enforce\""));
    }
    complain(names::check_party_name("service", name), section.line, report);
    let mut ports = BTreeMap::new();
    for (port_name, at) in section.sections("port", report) {
        complain(names::check_name("port", port_name), at.line, report);
        if let Some(port) = port::port(&at, report) {
            ports.insert(port_name.to_owned(), port);
        }
    }
    Service {
        line: section.line,
        owner: owner(section, "\"team-orders\"", report),
        cgroup: cgroup(section, report).unwrap_or_default(),
        uid: uid(section, report),
        exe: exe(section, report),
        observe: word(section, "mode", &MODES, report).unwrap_or(false),
        groups: section.strings("groups", report).into_iter().map(|group| group.value.to_owned()).collect(),
        on: selector::on(section, labels, report),
        route_groups: route_groups(section, report),
        ports,
    }
}

fn route_groups(section: &Section<'_>, report: &mut Report) -> Vec<RouteGroup> {
    let mut groups = Vec::new();
    for group in section.strings("route_groups", report) {
        complain(names::check_route_group(group.value), group.line, report);
        groups.push(RouteGroup { line: group.line, name: group.value.to_owned() });
    }
    groups
}

fn cgroup(section: &Section<'_>, report: &mut Report) -> Option<String> {
    let unit = section.string("unit", report);
    let slice = section.string("slice", report);
    let cgroup = section.string("cgroup", report);
    let wrong = match (section.has("unit"), section.has("cgroup")) {
        (true, true) => format!("both \"unit\" and \"cgroup\"{}; one of them says it", section.place()),
        (false, false) => {
            format!("neither \"unit\" nor \"cgroup\"{}; write unit = \"NAME.service\"", section.place())
        }
        (false, true) if section.has("slice") => {
            format!("\"slice\"{} is of a unit; the cgroup is the whole path already: remove it", section.place())
        }
        _ => {
            let (line, path) = match (unit, cgroup) {
                (Some(found), _) => (found.line, unit::cgroup(found.value, slice.map(|slice| slice.value))),
                (_, Some(found)) => (found.line, Ok(found.value.to_owned())),
                (None, None) => return None,
            };
            let path = path.and_then(|path| names::check_cgroup(&path).map(|()| path));
            return path.map_err(|message| report.at(SERVICES, line, message)).ok();
        }
    };
    report.at(SERVICES, section.line, wrong);
    None
}

fn uid(section: &Section<'_>, report: &mut Report) -> Option<u32> {
    let found = section.integer("uid", report)?;
    // The last number is nobody's: system calls take it for "none".
    let uid = u32::try_from(found.value).ok().filter(|uid| *uid != u32::MAX);
    if uid.is_none() {
        report.at(SERVICES, found.line, format!("uid = {}; a Unix user id is from 0 to 4294967294", found.value));
    }
    uid
}

fn exe(section: &Section<'_>, report: &mut Report) -> Option<String> {
    let found = section.string("exe", report)?;
    if !names::is_normal_path(found.value) {
        let message = format!(
            "exe = {:?}; write the absolute path without \".\", \"..\" and links: \"/usr/bin/orders\"",
            found.value
        );
        report.at(SERVICES, found.line, message);
    }
    Some(found.value.to_owned())
}
