//! What happens on a host of the small world, written down without the code under test.

use super::{ADDRESSES, HOSTS, LOCAL, PROCESSES, Process};
use crate::{Access, Labels, PortId, Posture, Protocol, Route, Service, ServiceId, Tables, Transport};
use std::collections::BTreeSet;

/// Who a process or an address is on a host: `None` is nobody whom a rule could mean.
enum Who {
    Governed(ServiceId),
    Observed,
    Nobody,
}

/// A host, on which the model asks.
struct OnHost<'t> {
    all: &'t Tables,
    here: Tables,
    holds: bool,
}

impl OnHost<'_> {
    fn process(&self, (cgroup, uid, exe): Process) -> Who {
        let Some(service) = self.here.services.iter().find(|service| service.cgroup == cgroup) else {
            return Who::Governed(ServiceId::HOST);
        };
        if service.uid.is_some_and(|own| own != uid) || service.exe.as_deref().is_some_and(|own| own != exe) {
            return Who::Nobody;
        }
        if service.observe { Who::Observed } else { Who::Governed(service.id) }
    }

    fn address(&self, address: &str) -> ServiceId {
        let address = address.parse().unwrap();
        let holding =
            self.all.networks.iter().flat_map(|network| network.addresses.iter().map(move |block| (block, network.id)));
        let narrowest = holding.filter(|(block, _)| block.contains(address)).max_by_key(|(block, _)| block.length());
        narrowest.map_or(ServiceId::WORLD, |(_, id)| id)
    }

    fn posture(&self) -> Posture {
        self.here.host.posture
    }

    fn is_failsafe(&self, number: u16) -> bool {
        self.here.host.failsafe.iter().any(|listener| listener.number == number)
    }

    /// A flow to a port of this host, with a request of which the issuer of the token, the path and the host are known.
    fn local(&self, source: &Who, number: u16, udp: bool, (token, path, host): (&str, &str, &str)) -> bool {
        let source = match source {
            Who::Observed => return true,
            Who::Nobody => return false,
            Who::Governed(id) => *id,
        };
        let transport = if udp { Transport::Udp } else { Transport::Tcp };
        let listens = |service: &&Service| {
            service.ports[..].iter().any(|port| (port.number, port.transport) == (number, transport))
        };
        let Some(service) = self.here.services.iter().find(listens) else {
            let free = self.posture() == Posture::Open || (!udp && self.is_failsafe(number));
            return free && self.here.services.iter().all(|service| service.id != source);
        };
        let port = &service.ports[0];
        if port.protocol == Protocol::Plain {
            return self.here.reach(source, service.id, port.id).is_some();
        }
        if port.issuer.as_deref().is_some_and(|issuer| issuer != token) {
            return false;
        }
        let means = |route: &&Route| {
            route.path.matches(path).is_some()
                && (route.hosts.is_empty() || route.hosts.iter().any(|own| own.matches(host)))
        };
        let Some(route) = port.routes.iter().find(means) else { return false };
        let says = |line: &&Access| line.action.as_ref() == Some(&route.action) && line.sources.contains(&source);
        let permits = self.here.access.iter().filter(says).flat_map(|line| &line.permits);
        permits.into_iter().any(|rule| *rule == 0 || self.holds)
    }

    /// A flow to port 443 of an address.
    fn outside(&self, source: &Who, address: &str) -> bool {
        match source {
            Who::Observed => true,
            Who::Nobody => false,
            Who::Governed(ServiceId::HOST) if self.posture() == Posture::Open => true,
            Who::Governed(id) => self.here.reach(*id, self.address(address), PortId(1)).is_some(),
        }
    }
}

/// Everything that is allowed on a host, in words.
pub(super) fn allowed(tables: &Tables, role: Option<&str>, holds: bool) -> BTreeSet<String> {
    let labels: Labels = role.map(|role| ("role".to_owned(), role.to_owned())).into_iter().collect();
    let host = OnHost { all: tables, here: tables.for_host(&labels).unwrap(), holds };
    let mut found = BTreeSet::new();
    let processes = PROCESSES.into_iter().map(|process| (format!("{process:?}"), host.process(process)));
    let addresses = ADDRESSES.into_iter().map(|address| (address.to_owned(), Who::Governed(host.address(address))));
    for (from_here, (name, who)) in processes.map(|one| (true, one)).chain(addresses.map(|one| (false, one))) {
        for address in ADDRESSES.into_iter().filter(|address| from_here && host.outside(&who, address)) {
            found.insert(format!("{name} -> {address}"));
        }
        for (number, udp) in LOCAL.into_iter().flat_map(|number| [(number, false), (number, true)]) {
            let requests = ["one", "two"].into_iter().flat_map(|token| ["/get", "/list"].map(|path| (token, path)));
            for (token, path, name_of_host) in requests.flat_map(|(token, path)| HOSTS.map(|host| (token, path, host)))
            {
                if host.local(&who, number, udp, (token, path, name_of_host)) {
                    found.insert(format!("{name} -> {number} {udp} {token} {path} {name_of_host}"));
                }
            }
        }
    }
    found
}
