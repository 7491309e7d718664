//! What `services.toml` declares, as tables.

use super::numbers::Numbers;
use crate::services::{self, Declarations};
use gate_tables::{FORMAT, Network, Port, PortId, Protocol, Route, Service, ServiceId, Tables, Transport};
use std::collections::BTreeSet;

/// Everything but rules, reach and access.
pub(super) fn tables(declarations: &Declarations, numbers: Numbers) -> Tables {
    let services = declarations.services.iter().map(|(name, declared)| service(numbers.of(name), name, declared));
    let networks = declarations.networks.iter().map(|(name, declared)| network(numbers.of(name), name, declared));
    Tables {
        format: FORMAT,
        environment: declarations.environment.clone(),
        labels: declarations.labels.clone(),
        host: declarations.host.clone(),
        issuers: declarations.issuers.values().map(|declared| declared.issuer.clone()).collect(),
        networks: networks.collect(),
        services: services.collect(),
        retired: numbers.retired,
        ..Tables::default()
    }
}

fn service(id: ServiceId, name: &str, declared: &services::Service) -> Service {
    let ports = (1u16..).map(PortId).zip(&declared.ports);
    let mut groups = declared.groups.clone();
    groups.sort_unstable();
    Service {
        id,
        name: name.to_owned(),
        owner: declared.owner.clone(),
        cgroup: declared.cgroup.clone(),
        uid: declared.uid,
        exe: declared.exe.clone(),
        observe: declared.observe,
        groups,
        on: declared.on.clone(),
        ports: ports.map(|(id, (port_name, declared))| port(id, name, port_name, declared)).collect(),
    }
}

fn port(id: PortId, service: &str, name: &str, declared: &services::Port) -> Port {
    let routes = declared.routes.iter().map(|(route_name, route)| Route {
        action: format!("{service}.{route_name}"),
        method: route.method.clone(),
        path: route.path.clone(),
        groups: route.groups.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
        hosts: route.hosts.clone(),
        headers: route.headers.clone(),
        query: route.query.clone(),
    });
    Port {
        id,
        name: name.to_owned(),
        transport: declared.transport,
        number: declared.number,
        protocol: declared.protocol,
        channel: declared.channel,
        issuer: declared.issuer.clone(),
        routes: routes.collect(),
    }
}

fn network(id: ServiceId, name: &str, declared: &services::Network) -> Network {
    let name_of = |(transport, number): &(Transport, u16)| format!("{}-{number}", transport.name());
    let mut ports: Vec<(String, (Transport, u16))> = declared.ports.iter().map(|port| (name_of(port), *port)).collect();
    ports.sort_unstable();
    let port = |(id, (name, (transport, number)))| Port {
        id,
        name,
        transport,
        number,
        protocol: Protocol::Plain,
        ..Port::default()
    };
    Network {
        id,
        name: name.to_owned(),
        owner: declared.owner.clone(),
        environment: declared.environment.clone(),
        addresses: declared.addresses.iter().copied().collect(),
        ports: (1u16..).map(PortId).zip(ports).map(port).collect(),
    }
}
