//! TCP state changes: a tag is written before the SYN leaves, and used up when the connection is accepted.

use aya_ebpf::{
    bindings::{BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_TCP_CONNECT_CB, bpf_sock, bpf_sock_ops},
    helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie},
    macros::sock_ops,
    programs::SockOpsContext,
};
use gate_common::{
    address::Address,
    event::Counter,
    identity::{PROXY, is_governed},
    maps::{FlowKey, FlowTag, STAGE_ACCEPTED, STAGE_OPENED},
    verdict,
};

use crate::{config, emit, judge, socket, tags};

/// State changes of TCP sockets.
#[sock_ops]
pub fn operations(ctx: SockOpsContext) -> u32 {
    match ctx.op() {
        BPF_SOCK_OPS_TCP_CONNECT_CB => connecting(&ctx),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB => accepted(&ctx),
        _ => {}
    }
    1
}

#[inline(always)]
fn connecting(ctx: &SockOpsContext) {
    // SAFETY: the helper takes the context.
    let netns = unsafe { bpf_get_netns_cookie(ctx.ops.cast()) };
    if netns != config::host_netns() {
        return;
    }
    let (local, remote) = ends(ctx);
    let key = FlowKey {
        netns,
        source: local.0,
        destination: remote.0,
        source_port: local.1,
        destination_port: remote.1,
        reserved: 0,
    };
    let state = match socket_of(ctx) {
        // SAFETY: a full socket of the context.
        Some(sk) => unsafe { socket::state(sk) },
        None => None,
    };
    let Some(state) = state else {
        // A socket without state (the kernel's own, as MPTCP's are) has no tag, and inherits nobody's.
        tags::forget(&key, 0);
        return;
    };
    if state.stage != STAGE_OPENED {
        // Connected without a judged connect().
        tags::forget(&key, 0);
        state.refused = u32::from(is_governed(state.creator));
        return;
    }
    if state.source == 0 && state.destination == 0 {
        // Whoever had this 5-tuple before is gone.
        tags::forget(&key, 0);
        state.flow = key;
        return;
    }
    let tag = FlowTag {
        source: state.source,
        behalf: state.behalf,
        uid: state.source_uid,
        destination: state.destination,
        active: state.judged,
        until: state.until,
        // SAFETY: the helper takes the context.
        cookie: unsafe { bpf_get_socket_cookie(ctx.ops.cast()) },
    };
    if !tags::write(state, &key, &tag) {
        state.refused = 1;
    }
}

#[inline(always)]
fn accepted(ctx: &SockOpsContext) {
    let Some(sk) = socket_of(ctx) else { return };
    // SAFETY: the helper takes the context.
    let netns = unsafe { bpf_get_netns_cookie(ctx.ops.cast()) };
    if netns != config::host_netns() {
        return;
    }
    let (local, remote) = ends(ctx);
    let key = FlowKey {
        netns,
        source: remote.0,
        destination: local.0,
        source_port: remote.1,
        destination_port: local.1,
        reserved: 0,
    };
    let active = judge::active();
    let tag = tags::take(&key);
    let destination = judge::destination(active, key.destination_port);
    // SAFETY: a full socket of the context. The state is the listener's, copied by the kernel.
    let Some(state) = (unsafe { socket::create(sk) }) else {
        emit::count(Counter::Faults);
        return;
    };
    // Whatever the listener was before: its state was copied whole. (Two ends that connect at once come here too.)
    state.stage = STAGE_ACCEPTED;
    state.netns = netns;
    // SAFETY: the helper takes the context.
    state.cookie = unsafe { bpf_get_socket_cookie(ctx.ops.cast()) };
    state.flow = key;
    state.tagged = 0;
    state.refused = 0;
    state.destination = destination.service;
    state.judged = 0;
    state.until = 0;
    match tag {
        Some(tag) => {
            state.source = tag.source;
            state.behalf = tag.behalf;
            state.source_uid = tag.uid;
            // What was judged at connect() and at arrival under this word need not be judged a third time, until it ends.
            // gate-proxy's flows are judged on their first packet: its grant may have been renewed since.
            let served = verdict::arrive(judge::permitted(destination), state.creator, destination);
            let same = tag.active == active && tag.destination == destination.service;
            if same && tag.source != PROXY && !served.denies() {
                state.judged = active;
                state.until = tag.until;
            }
        }
        None => {
            state.source = 0;
            state.behalf = 0;
            state.source_uid = u32::MAX;
            state.refused = u32::from(destination.is_declared() || is_governed(state.creator));
        }
    }
    if state.source == PROXY && !destination.is_declared() {
        state.refused = 1;
    }
}

#[inline(always)]
fn socket_of(ctx: &SockOpsContext) -> Option<*mut bpf_sock> {
    // SAFETY: the field is null or a socket.
    let sk = unsafe { (*ctx.ops).__bindgen_anon_2.sk };
    (!sk.is_null()).then_some(sk)
}

/// Local and remote address and port.
#[inline(always)]
fn ends(ctx: &SockOpsContext) -> ((Address, u16), (Address, u16)) {
    let ops: *mut bpf_sock_ops = ctx.ops;
    let local_port = ctx.local_port() as u16;
    let remote_port = u32::from_be(ctx.remote_port()) as u16;
    // SAFETY: fields of the context; volatile because only 32-bit loads are allowed.
    unsafe {
        if ctx.family() == socket::INET {
            let local = core::ptr::read_volatile(&raw const (*ops).local_ip4);
            let remote = core::ptr::read_volatile(&raw const (*ops).remote_ip4);
            return ((Address::v4(local), local_port), (Address::v4(remote), remote_port));
        }
        let local = six((&raw const (*ops).local_ip6).cast());
        let remote = six((&raw const (*ops).remote_ip6).cast());
        ((local, local_port), (remote, remote_port))
    }
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
