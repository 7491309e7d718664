//! The kernel's numbers as people's names.

use gate_common::{
    event::{
        FlowEvent, HOOK_BIND, HOOK_CGROUP, HOOK_CONNECT, HOOK_EGRESS, HOOK_INGRESS, HOOK_LOOKUP, HOOK_OPTION,
        HOOK_SENDMSG, HOOK_SOCKET,
    },
    identity::{AUDIT, AUTHN, AUTHZ, BEHALF_OF_HOST, NET, NOT_GOVERNED, PROXY, UNATTESTED},
    verdict::{NO_RULE, Reason},
};
use gate_record::{Event, Outcome};
use gate_tables::{ServiceId, Tables};
use std::net::SocketAddr;

/// The name of a service number; empty for a process of no service.
pub(crate) fn service_name(tables: Option<&Tables>, id: u32) -> String {
    let own = match id {
        NOT_GOVERNED => return String::new(),
        PROXY => "gate-proxy",
        AUTHN => "gate-authn",
        AUTHZ => "gate-authz",
        AUDIT => "gate-audit",
        NET => "gate-net",
        BEHALF_OF_HOST => "host",
        UNATTESTED => "unattested",
        _ => "",
    };
    if !own.is_empty() {
        return own.into();
    }
    let named = tables.and_then(|tables| tables.service(ServiceId(id))).map(|service| service.name.clone());
    named.unwrap_or_else(|| format!("service {id} of an earlier bundle"))
}

/// A verdict of the kernel, as it is recorded.
pub(crate) fn flow(tables: Option<&Tables>, event: &FlowEvent) -> Event {
    let reason = event.why().map_or("an unknown reason", Reason::words);
    let mut why = reason.to_owned();
    if event.caller != event.source {
        let caller = service_name(tables, event.caller);
        why.push_str(&format!(" (used by {})", if caller.is_empty() { "a process of no service" } else { &caller }));
    }
    if event.behalf != NOT_GOVERNED {
        why.push_str(&format!(" (on behalf of {})", service_name(tables, event.behalf)));
    }
    let rule = tables.filter(|_| event.rule != NO_RULE).and_then(|tables| tables.rules.get(event.rule as usize));
    Event::Flow {
        outcome: match event.outcome {
            0 => Outcome::Allow,
            2 => Outcome::WouldDeny,
            _ => Outcome::Deny,
        },
        hook: hook(event.hook).into(),
        why,
        source: service_name(tables, event.source),
        destination: service_name(tables, event.destination),
        from: (event.from_port != 0).then(|| SocketAddr::new(event.from.ip(), event.from_port)),
        to: SocketAddr::new(event.to.ip(), event.to_port),
        uid: (event.uid != u32::MAX).then_some(event.uid),
        rule: rule.map(|rule| rule.id.clone()),
    }
}

fn hook(number: u8) -> &'static str {
    match number {
        HOOK_CONNECT => "connect",
        HOOK_BIND => "bind",
        HOOK_SOCKET => "socket",
        HOOK_EGRESS => "egress",
        HOOK_INGRESS => "ingress",
        HOOK_SENDMSG => "sendmsg",
        HOOK_OPTION => "option",
        HOOK_LOOKUP => "lookup",
        HOOK_CGROUP => "cgroup",
        _ => "unknown",
    }
}
