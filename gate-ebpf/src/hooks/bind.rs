//! A declared port belongs to its service.

use aya_ebpf::{
    bindings::bpf_sock,
    macros::{cgroup_sock, cgroup_sock_addr},
    programs::{SockAddrContext, SockContext},
};
use gate_common::{address::Address, event::HOOK_BIND, identity::NOT_GOVERNED, maps::FlowKey, verdict};

use super::connect::{address4, address6, port, refuse, socket_of};
use crate::{
    config, identity,
    judge::{self, Flow},
    socket,
};

/// `bind()` of an IPv4 socket.
#[cgroup_sock_addr(bind4)]
pub fn bind4(ctx: SockAddrContext) -> i32 {
    i32::from(bind(socket_of(ctx.sock_addr), address4(ctx.sock_addr), port(ctx.sock_addr)))
}

/// `bind()` of an IPv6 socket.
#[cgroup_sock_addr(bind6)]
pub fn bind6(ctx: SockAddrContext) -> i32 {
    i32::from(bind(socket_of(ctx.sock_addr), address6(ctx.sock_addr), port(ctx.sock_addr)))
}

/// After `bind()` of an IPv4 socket: a port that the kernel chose.
#[cgroup_sock(post_bind4)]
pub fn post_bind4(ctx: SockContext) -> i32 {
    // SAFETY: fields of the context, readable in this hook.
    let (address, port) = unsafe { (Address::v4((*ctx.sock).src_ip4), (*ctx.sock).src_port as u16) };
    i32::from(bind(ctx.sock, address, port))
}

/// After `bind()` of an IPv6 socket.
#[cgroup_sock(post_bind6)]
pub fn post_bind6(ctx: SockContext) -> i32 {
    // SAFETY: as above; volatile because the context allows 32-bit loads only.
    let (address, port) = unsafe {
        let words = (&raw const (*ctx.sock).src_ip6).cast::<u32>();
        (
            Address::v6(
                core::ptr::read_volatile(words),
                core::ptr::read_volatile(words.add(1)),
                core::ptr::read_volatile(words.add(2)),
                core::ptr::read_volatile(words.add(3)),
            ),
            (*ctx.sock).src_port as u16,
        )
    };
    i32::from(bind(ctx.sock, address, port))
}

#[inline(always)]
fn bind(sk: *mut bpf_sock, address: Address, port: u16) -> bool {
    if port == 0 {
        return true;
    }
    let active = judge::active();
    let destination = judge::destination(active, port);
    if !destination.is_declared() {
        return true;
    }
    let caller = identity::current();
    // SAFETY: the socket of the call, not null. A socket older than Gate has no creator, and so no declared port.
    let (creator, netns) =
        unsafe { socket::state(sk) }.map_or((NOT_GOVERNED, config::host_netns()), |state| (state.creator, state.netns));
    if netns != config::host_netns() {
        return true;
    }
    let verdict = verdict::bind(caller, creator, destination);
    if !verdict.denies() {
        return true;
    }
    let flow = Flow {
        key: FlowKey { netns, destination: address, destination_port: port, ..FlowKey::default() },
        source: creator,
        behalf: 0,
        caller,
        uid: identity::uid(),
        owner: destination.service,
        transport: socket::TCP as u8,
        active,
    };
    refuse(&flow, HOOK_BIND, verdict.reason)
}
