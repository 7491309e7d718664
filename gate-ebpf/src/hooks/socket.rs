//! Sockets remember who made them.

use aya_ebpf::{
    bindings::bpf_sock,
    helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie, bpf_set_retval},
    macros::cgroup_sock,
    programs::SockContext,
};
use gate_common::{
    event::{Counter, HOOK_SOCKET},
    identity::is_governed,
    maps::FlowKey,
    verdict::Reason,
};

use crate::{
    emit, identity,
    judge::{self, Flow},
    socket, tags,
};

const EPROTONOSUPPORT: i32 = 93;

/// `socket()` of an IPv4 or IPv6 socket.
#[cgroup_sock(sock_create)]
pub fn sock_create(ctx: SockContext) -> i32 {
    let sk: *mut bpf_sock = ctx.sock;
    let creator = identity::current();
    let uid = identity::uid();
    // SAFETY: the context is a full socket in this hook.
    let (kind, protocol, netns) = unsafe { ((*sk).type_, (*sk).protocol, bpf_get_netns_cookie(sk.cast())) };
    if is_governed(creator) && !speaks(kind, protocol) {
        emit::denied(&flow(creator, uid, protocol as u8), HOOK_SOCKET, Reason::Transport);
        if protocol == socket::MPTCP {
            // Clients that prefer MPTCP fall back to TCP on this error.
            // SAFETY: no preconditions.
            unsafe { bpf_set_retval(-EPROTONOSUPPORT) };
        }
        return 0;
    }
    // SAFETY: as above.
    let Some(state) = (unsafe { socket::create(sk) }) else {
        emit::count(Counter::Faults);
        return i32::from(!is_governed(creator));
    };
    state.netns = netns;
    state.creator = creator;
    state.uid = uid;
    1
}

/// `close()`.
#[cgroup_sock(sock_release)]
pub fn sock_release(ctx: SockContext) -> i32 {
    // SAFETY: the context is a full socket in this hook.
    unsafe {
        if let Some(state) = socket::state(ctx.sock) {
            tags::close(state, bpf_get_socket_cookie(ctx.sock.cast()));
        }
    }
    1
}

/// What a governed service may make: TCP sockets, and UDP sockets (which resolvers make only to look at them; their
/// packets are judged).
#[inline(always)]
fn speaks(kind: u32, protocol: u32) -> bool {
    (kind == socket::STREAM && protocol == socket::TCP) || (kind == socket::DATAGRAM && protocol == socket::UDP)
}

#[inline(always)]
fn flow(source: u32, uid: u32, transport: u8) -> Flow {
    Flow {
        key: FlowKey::default(),
        source,
        behalf: 0,
        caller: source,
        uid,
        owner: 0,
        transport,
        active: judge::active(),
    }
}
