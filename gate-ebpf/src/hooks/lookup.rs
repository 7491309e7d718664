//! A connection to an L7 port is handed to gate-proxy, addresses unchanged; gate-proxy's own goes to the backend.
//!
//! The program runs for connections that no established socket matches. It trusts nothing but the tag: a segment
//! without one reaches neither.

use aya_ebpf::{
    bindings::{bpf_sk_lookup, sk_action},
    macros::sk_lookup,
    programs::SkLookupContext,
};
use gate_common::{
    address::Address,
    event::HOOK_LOOKUP,
    identity::{NOT_GOVERNED, PROXY},
    maps::{FlowKey, HIDDEN, PROXIED},
    verdict::Reason,
};

use crate::{
    config, emit,
    judge::{self, Flow},
    maps::LISTENERS,
    socket, tags,
};

/// Chooses the listener.
#[sk_lookup]
pub fn lookup(ctx: SkLookupContext) -> u32 {
    if choose(&ctx) { sk_action::SK_PASS } else { sk_action::SK_DROP }
}

#[inline(always)]
fn choose(ctx: &SkLookupContext) -> bool {
    let lookup: *mut bpf_sk_lookup = ctx.lookup;
    // SAFETY: fields of the context.
    let (protocol, port) = unsafe { ((*lookup).protocol, (*lookup).local_port as u16) };
    if protocol != socket::TCP {
        return true;
    }
    let active = judge::active();
    let destination = judge::destination(active, port);
    if destination.via != PROXIED && destination.via != HIDDEN {
        return true;
    }
    let key = flow_key(lookup, port);
    let tag = tags::get(&key);
    let source = tag.map_or(NOT_GOVERNED, |tag| tag.source);
    let reason = match tag {
        _ if destination.via == HIDDEN => Reason::HiddenPort,
        None => Reason::NoTag,
        // gate-proxy's own connection: the ordinary listener, the backend's. Its grant is judged on the packet.
        Some(tag) if tag.source == PROXY => return true,
        // A packet of this tag's flow is judged at the listener; nothing is decided here but where it goes.
        Some(_) if LISTENERS.redirect_sk_lookup(ctx, 0, 0).is_ok() => return true,
        // gate-proxy does not listen: the port refuses.
        Some(_) => return false,
    };
    let flow = Flow {
        key,
        source,
        behalf: tag.map_or(0, |tag| tag.behalf),
        caller: source,
        uid: tag.map_or(u32::MAX, |tag| tag.uid),
        owner: destination.service,
        transport: socket::TCP as u8,
        active,
    };
    emit::denied(&flow, HOOK_LOOKUP, reason);
    false
}

#[inline(always)]
fn flow_key(lookup: *mut bpf_sk_lookup, port: u16) -> FlowKey {
    // SAFETY: fields of the context; volatile because only 32-bit loads are allowed.
    let (source, destination, source_port) = unsafe {
        let remote_port = u16::from_be((*lookup).remote_port);
        if (*lookup).family == socket::INET {
            let remote = core::ptr::read_volatile(&raw const (*lookup).remote_ip4);
            let local = core::ptr::read_volatile(&raw const (*lookup).local_ip4);
            (Address::v4(remote), Address::v4(local), remote_port)
        } else {
            (six((&raw const (*lookup).remote_ip6).cast()), six((&raw const (*lookup).local_ip6).cast()), remote_port)
        }
    };
    FlowKey { netns: config::host_netns(), source, destination, source_port, destination_port: port, reserved: 0 }
}

/// # Safety
/// `words` points to four words of the context.
#[inline(always)]
unsafe fn six(words: *const u32) -> Address {
    // SAFETY: as promised.
    unsafe {
        Address::v6(
            core::ptr::read_volatile(words),
            core::ptr::read_volatile(words.add(1)),
            core::ptr::read_volatile(words.add(2)),
            core::ptr::read_volatile(words.add(3)),
        )
    }
}
