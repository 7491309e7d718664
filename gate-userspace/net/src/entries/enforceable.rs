//! What the kernel's programs of this version enforce. What they deny whole may be in a bundle; what they would let pass
//! may not.

use gate_tables::{Posture, Reach, ServiceId, Tables, Transport};

/// What would be allowed more than the bundle says, each in words.
pub(super) fn missing(tables: &Tables) -> Vec<String> {
    let mut found = Vec::new();
    for service in &tables.services {
        let narrowed = [("uid", service.uid.is_some()), ("exe", service.exe.is_some())];
        for (what, _) in narrowed.iter().filter(|(_, is)| *is) {
            found.push(format!(
                "[service.{}] is narrowed by {what}, which this version does not enforce: every process of {} would be it; \
                 leave {what} out",
                service.name, service.cgroup
            ));
        }
    }
    if tables.host.posture == Posture::Deny {
        found.push(
            "[host] has posture = \"deny\", which this version does not enforce: what no service claims would be allowed; \
             leave it out"
                .to_owned(),
        );
    }
    found
}

/// Whether a line is between services of this host, or them and the host itself, over TCP. All others the programs deny.
pub(super) fn is_local(tables: &Tables, line: &Reach) -> bool {
    let source = line.source == ServiceId::HOST || tables.service(line.source).is_some();
    let port =
        tables.service(line.destination).and_then(|service| service.ports.iter().find(|port| port.id == line.port));
    source && port.is_some_and(|port| port.transport == Transport::Tcp)
}
