//! `[service.NAME.port.NAME]`.

use super::{complain, endpoint, route, word};
use crate::diagnostic::Report;
use crate::document::Section;
use crate::names;
use crate::services::{Port, Route, keys};
use crate::source::SERVICES;
use gate_tables::{Channel, Protocol, Transport};
use std::collections::BTreeMap;

const PROTOCOLS: [(&str, Protocol); 4] =
    [("plain", Protocol::Plain), ("http", Protocol::Http), ("http2", Protocol::Http2), ("grpc", Protocol::Grpc)];
const CHANNELS: [(&str, Channel); 2] = [("traffic", Channel::Traffic), ("admin", Channel::Admin)];

pub(super) fn port(section: &Section<'_>, report: &mut Report) -> Option<Port> {
    section.only(&keys::PORT, report);
    let listen = section.required_string("listen", "\"tcp/8080\"", report);
    let listen = listen.and_then(|listen| endpoint("listen", &listen, report));
    let protocol = word(section, "protocol", &PROTOCOLS, report);
    // What a misspelt protocol is, is not known: routes and their lack say nothing then.
    let known = protocol.is_some() || !section.has("protocol");
    let protocol = protocol.unwrap_or_default();
    let routes = routes(section, protocol, known, report);
    let issuer = section.string("issuer", report);
    if let Some(issuer) = issuer.as_ref().filter(|_| known && !protocol.is_l7()) {
        let message = format!(
            "issuer = {:?}{}, which is judged as a flow; users are of requests: write protocol = \"http\", or remove it",
            issuer.value,
            section.place()
        );
        report.at(SERVICES, issuer.line, message);
    }
    if let Some((Transport::Udp, number)) = listen.filter(|_| protocol.is_l7()) {
        let message = format!(
            "protocol = \"{}\"{} is spoken over TCP, not on udp/{number}; leave it out for a port judged as a flow",
            protocol.name(),
            section.place()
        );
        report.at(SERVICES, section.line, message);
    }
    let (transport, number) = listen?;
    let channel = word(section, "channel", &CHANNELS, report).unwrap_or_default();
    let issuer = issuer.map(|issuer| issuer.value.to_owned());
    Some(Port { line: section.line, transport, number, protocol, channel, issuer, routes })
}

fn routes(section: &Section<'_>, protocol: Protocol, known: bool, report: &mut Report) -> BTreeMap<String, Route> {
    let mut routes = BTreeMap::new();
    let Some(table) = section.section("route", report) else {
        if known && protocol.is_l7() && !section.has("route") {
            let message = format!(
                "no route{}; no request could be permitted: write route.NAME = {{ match = {} }}",
                section.place(),
                route::example(protocol)
            );
            report.at(SERVICES, section.line, message);
        }
        return routes;
    };
    for (name, at) in section.sections("route", report) {
        complain(names::check_route_name(name), at.line, report);
        if let Some(route) = route::route(&at, protocol, report) {
            routes.insert(name.to_owned(), route);
        }
    }
    if known && !protocol.is_l7() {
        let message = format!("routes{}, which has no protocol; write protocol = \"http\"", section.place());
        report.at(SERVICES, table.line, message);
    }
    routes
}
