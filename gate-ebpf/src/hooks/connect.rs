//! `connect()` and `sendmsg()` with an address: what is denied fails at once.

use aya_ebpf::{
    bindings::{bpf_sock, bpf_sock_addr},
    helpers::generated::bpf_get_socket_cookie,
    macros::cgroup_sock_addr,
    programs::SockAddrContext,
};
use gate_common::{
    address::Address,
    event::{Counter, HOOK_CONNECT, HOOK_SENDMSG},
    identity::{PROXY, is_governed},
    maps::{Destination, FlowKey, STAGE_FRESH, STAGE_OPENED, SocketState},
    verdict::{self, NO_RULE, Reason, Verdict},
};

use crate::{
    config,
    emit::{self, Outcome},
    identity,
    judge::{self, Flow},
    socket, tags,
};

/// `connect()` of an IPv4 socket.
#[cgroup_sock_addr(connect4)]
pub fn connect4(ctx: SockAddrContext) -> i32 {
    i32::from(connect(&ctx, address4(ctx.sock_addr)))
}

/// `connect()` of an IPv6 socket, to v4-mapped addresses too.
#[cgroup_sock_addr(connect6)]
pub fn connect6(ctx: SockAddrContext) -> i32 {
    i32::from(connect(&ctx, address6(ctx.sock_addr)))
}

/// `sendmsg()` with an address on an IPv4 datagram socket.
#[cgroup_sock_addr(sendmsg4)]
pub fn sendmsg4(ctx: SockAddrContext) -> i32 {
    i32::from(send(&ctx, address4(ctx.sock_addr)))
}

/// `sendmsg()` with an address on an IPv6 datagram socket.
#[cgroup_sock_addr(sendmsg6)]
pub fn sendmsg6(ctx: SockAddrContext) -> i32 {
    i32::from(send(&ctx, address6(ctx.sock_addr)))
}

/// The address that the call names.
#[inline(always)]
pub(super) fn address4(ctx: *mut bpf_sock_addr) -> Address {
    // SAFETY: a field of the context; volatile so that the compiler does not merge it with its neighbour.
    Address::v4(unsafe { core::ptr::read_volatile(&raw const (*ctx).user_ip4) })
}

/// The address that the call names.
#[inline(always)]
pub(super) fn address6(ctx: *mut bpf_sock_addr) -> Address {
    // SAFETY: as above.
    unsafe {
        let words = (&raw const (*ctx).user_ip6).cast::<u32>();
        Address::v6(
            core::ptr::read_volatile(words),
            core::ptr::read_volatile(words.add(1)),
            core::ptr::read_volatile(words.add(2)),
            core::ptr::read_volatile(words.add(3)),
        )
    }
}

/// The port that the call names, host byte order.
#[inline(always)]
pub(super) fn port(ctx: *mut bpf_sock_addr) -> u16 {
    // SAFETY: as above.
    u16::from_be(unsafe { core::ptr::read_volatile(&raw const (*ctx).user_port) } as u16)
}

/// The socket of the call.
#[inline(always)]
pub(super) fn socket_of(ctx: *mut bpf_sock_addr) -> *mut bpf_sock {
    // SAFETY: the field is set in every sock_addr hook.
    unsafe { (*ctx).__bindgen_anon_1.sk }
}

#[inline(always)]
fn connect(ctx: &SockAddrContext, address: Address) -> bool {
    let caller = identity::current();
    let sk = socket_of(ctx.sock_addr);
    // SAFETY: the socket of the call, not null.
    let Some(state) = (unsafe { socket::state(sk) }) else {
        // A socket older than Gate.
        if is_governed(caller) {
            emit::count(Counter::Faults);
        }
        return !is_governed(caller);
    };
    let active = judge::active();
    let mut flow = Flow {
        key: FlowKey {
            netns: state.netns,
            destination: address,
            destination_port: port(ctx.sock_addr),
            ..FlowKey::default()
        },
        source: state.creator,
        behalf: state.behalf,
        caller,
        uid: identity::uid(),
        owner: 0,
        // SAFETY: a field of the context.
        transport: unsafe { (*ctx.sock_addr).protocol } as u8,
        active,
    };
    let governed = is_governed(caller) || is_governed(state.creator);
    // MPTCP's number does not fit into a byte.
    // SAFETY: a field of the context.
    if unsafe { (*ctx.sock_addr).protocol } != socket::TCP {
        return !governed || refuse(&flow, HOOK_CONNECT, Reason::Transport);
    }
    if state.netns != config::host_netns() {
        return !governed || refuse(&flow, HOOK_CONNECT, Reason::Namespace);
    }
    // Whatever this socket was before, it is not any more (connect(AF_UNSPEC), a second connect).
    // SAFETY: the helper takes the context.
    tags::close(state, unsafe { bpf_get_socket_cookie(ctx.sock_addr.cast()) });
    state.stage = STAGE_FRESH;
    state.judged = 0;
    judge_connect(state, &mut flow)
}

#[inline(always)]
fn judge_connect(state: &mut SocketState, flow: &mut Flow) -> bool {
    let destination = if judge::is_local(flow.key.destination) {
        judge::destination(flow.active, flow.key.destination_port)
    } else {
        Destination::NONE
    };
    flow.owner = destination.service;
    let mut verdict = judge::flow(flow.active, flow.source, flow.behalf, destination);
    if flow.caller != flow.source {
        verdict = verdict::borrowed(verdict, judge::flow(flow.active, flow.caller, 0, destination));
    }
    let observed = verdict.denies()
        && judge::observes(flow.active, flow.source, destination)
        && (flow.caller == flow.source || judge::observes(flow.active, flow.caller, destination));
    if verdict.denies() && !observed {
        return refuse(flow, HOOK_CONNECT, verdict.reason);
    }
    if (is_governed(flow.source) || flow.owner != 0) && !tags::has_room(flow.source) {
        emit::count(Counter::TagsLost);
        return refuse(flow, HOOK_CONNECT, Reason::TableFull);
    }
    if observed {
        emit::verdict(flow, HOOK_CONNECT, Outcome::WouldDeny, verdict.reason, NO_RULE);
        open(state, flow, Verdict::direct(NO_RULE));
        return true;
    }
    if flow.source != PROXY && (is_governed(flow.source) || flow.owner != 0) {
        emit::verdict(flow, HOOK_CONNECT, Outcome::Allowed, Reason::None, verdict.rule);
    }
    open(state, flow, verdict);
    true
}

#[inline(always)]
fn open(state: &mut SocketState, flow: &Flow, verdict: Verdict) {
    state.stage = STAGE_OPENED;
    state.judged = flow.active;
    state.until = verdict.until;
    state.passage = verdict.passage as u32;
    state.source = flow.source;
    state.destination = flow.owner;
    state.source_uid = flow.uid;
    state.refused = 0;
    state.flow = flow.key;
}

#[inline(always)]
fn send(ctx: &SockAddrContext, address: Address) -> bool {
    let caller = identity::current();
    // SAFETY: the socket of the call, not null.
    let (creator, netns) =
        unsafe { socket::state(socket_of(ctx.sock_addr)) }.map_or((caller, 0), |state| (state.creator, state.netns));
    if !is_governed(caller) && !is_governed(creator) {
        return true;
    }
    let flow = Flow {
        key: FlowKey { netns, destination: address, destination_port: port(ctx.sock_addr), ..FlowKey::default() },
        source: creator,
        behalf: 0,
        caller,
        uid: identity::uid(),
        owner: 0,
        // SAFETY: a field of the context.
        transport: unsafe { (*ctx.sock_addr).protocol } as u8,
        active: judge::active(),
    };
    refuse(&flow, HOOK_SENDMSG, Reason::Transport)
}

/// Records a denial that fails the call with EPERM; in observe it is only recorded. Says whether the call goes on.
#[inline(always)]
pub(super) fn refuse(flow: &Flow, hook: u8, reason: Reason) -> bool {
    if matches!(reason, Reason::Transport) && judge::observes(flow.active, flow.source, Destination::NONE) {
        emit::verdict(flow, hook, Outcome::WouldDeny, reason, NO_RULE);
        return true;
    }
    emit::count(Counter::ConnectsRefused);
    emit::denied(flow, hook, reason);
    false
}
