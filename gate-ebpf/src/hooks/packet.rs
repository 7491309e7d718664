//! Every packet of every socket below the root: nothing passes that is not allowed now, whatever was allowed before.

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::bpf_sk_fullsock,
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use gate_common::{
    event::{Counter, HOOK_EGRESS, HOOK_INGRESS},
    identity::{NOT_GOVERNED, PROXY, is_governed},
    maps::{Destination, FlowTag, STAGE_ACCEPTED, STAGE_OPENED, SocketState},
    verdict::{self, NO_RULE, Reason, Verdict},
};

use crate::{
    config,
    emit::{self, Outcome},
    identity,
    judge::{self, Flow},
    packet::{self, Segment},
    socket, tags,
};

/// Packets from sockets.
#[cgroup_skb(egress)]
pub fn egress(ctx: SkBuffContext) -> i32 {
    verdict_of(leave(ctx.skb.skb))
}

/// Packets to sockets.
#[cgroup_skb(ingress)]
pub fn ingress(ctx: SkBuffContext) -> i32 {
    verdict_of(enter(ctx.skb.skb))
}

#[inline(always)]
fn verdict_of(passes: bool) -> i32 {
    if !passes {
        emit::count(Counter::PacketsDropped);
    }
    i32::from(passes)
}

#[inline(always)]
fn full_socket(skb: *mut __sk_buff) -> Option<*mut bpf_sock> {
    // SAFETY: the field is null or a socket; the helper returns null or a full socket.
    unsafe {
        let sk = (*skb).__bindgen_anon_2.sk;
        if sk.is_null() {
            return None;
        }
        let sk = bpf_sk_fullsock(sk);
        (!sk.is_null()).then_some(sk)
    }
}

#[inline(always)]
fn leave(skb: *mut __sk_buff) -> bool {
    let Some(sk) = full_socket(skb) else { return true };
    // SAFETY: a full socket.
    let Some(state) = (unsafe { socket::state(sk) }) else { return !is_governed(owner(sk)) };
    adopt(state, sk);
    // SAFETY: fields of a full socket.
    let (kind, protocol, stage) = unsafe { ((*sk).type_, (*sk).protocol, (*sk).state) };
    if kind != socket::STREAM || protocol != socket::TCP {
        return !is_governed(state.creator) || other(state, protocol, HOOK_EGRESS);
    }
    if state.netns != config::host_netns() {
        return !is_governed(state.creator);
    }
    if stage == socket::LISTEN {
        // The SYN-ACK of a connection whose SYN was admitted.
        return true;
    }
    open_flow(skb, state, HOOK_EGRESS)
}

/// A packet of a flow that connect() or accept() made known.
#[inline(always)]
fn open_flow(skb: *mut __sk_buff, state: &mut SocketState, hook: u8) -> bool {
    let local = match state.stage {
        STAGE_OPENED => state.destination != 0 || judge::is_local(state.flow.destination),
        STAGE_ACCEPTED => true,
        // Connected around Gate, or half-way into being accepted.
        _ => return !is_governed(state.creator),
    };
    // SAFETY: a field of the context.
    let interface = unsafe { (*skb).ifindex };
    if state.destination != 0 && !judge::stays(interface) {
        return stray(state, hook);
    }
    judge::again(state, local, hook)
}

/// Refuses, once and for all, a flow between services of this host of which a packet strays.
#[inline(always)]
fn stray(state: &mut SocketState, hook: u8) -> bool {
    if state.refused == 0 {
        state.refused = 1;
        let flow = Flow {
            key: state.flow,
            source: state.source,
            behalf: state.behalf,
            caller: state.source,
            uid: state.source_uid,
            owner: state.destination,
            transport: socket::TCP as u8,
            active: judge::active(),
        };
        emit::denied(&flow, hook, Reason::Strayed);
    }
    false
}

#[inline(always)]
fn enter(skb: *mut __sk_buff) -> bool {
    let Some(sk) = full_socket(skb) else { return true };
    // SAFETY: fields of a full socket.
    let (kind, protocol, stage) = unsafe { ((*sk).type_, (*sk).protocol, (*sk).state) };
    // SAFETY: a full socket.
    let mut state = unsafe { socket::state(sk) };
    let (creator, netns) = match &mut state {
        Some(state) => {
            adopt(state, sk);
            (state.creator, state.netns)
        }
        None => (owner(sk), config::host_netns()),
    };
    if kind != socket::STREAM || protocol != socket::TCP {
        return match state {
            Some(state) if is_governed(state.creator) => other(state, protocol, HOOK_INGRESS),
            _ => !is_governed(creator),
        };
    }
    if netns != config::host_netns() {
        return !is_governed(creator);
    }
    if stage == socket::LISTEN {
        // Whatever the socket was before.
        return arrive(skb, netns, creator);
    }
    match state {
        Some(state) => open_flow(skb, state, HOOK_INGRESS),
        // A connected socket older than Gate.
        None => !is_governed(creator),
    }
}

/// A segment for a listener: its destination is what it says, its source is what the tag says.
#[inline(always)]
fn arrive(skb: *mut __sk_buff, netns: u64, listener: u32) -> bool {
    let Some(Segment { key }) = packet::tcp(skb, netns) else { return !is_governed(listener) };
    let active = judge::active();
    let destination = judge::destination(active, key.destination_port);
    let tag: Option<FlowTag> = tags::get(&key);
    let source = tag.map_or(NOT_GOVERNED, |tag| tag.source);
    let behalf = tag.map_or(0, |tag| tag.behalf);
    // SAFETY: a field of the context.
    let interface = unsafe { (*skb).ifindex };
    let fresh = tag.is_some_and(|tag| {
        let lasts = tag.until == 0 || emit::now() < tag.until;
        tag.active == active && tag.destination == destination.service && lasts
    });
    let verdict = match tag {
        None if destination.is_declared() => Verdict::deny(Reason::NoTag),
        Some(_) if destination.is_declared() && !judge::stays(interface) => Verdict::deny(Reason::Strayed),
        // Judged at connect() under this very word. A grant may have ended since: gate-proxy's is judged again.
        Some(_) if fresh && source != PROXY => judge::permitted(destination),
        _ => judge::flow(active, source, behalf, destination),
    };
    // Observed flows pass as if a rule allowed them, but only to whom the port belongs.
    let observed = matches!(verdict.reason, Reason::NoRule | Reason::Unattested | Reason::OutOfTime)
        && judge::observes(active, source, destination);
    let passing = if observed { Verdict::direct(NO_RULE) } else { verdict };
    let arrives = verdict::arrive(passing, listener, destination);
    if !arrives.denies() {
        return true;
    }
    let reason = arrives.reason;
    let flow = Flow {
        key,
        source,
        behalf,
        caller: source,
        uid: tag.map_or(u32::MAX, |tag| tag.uid),
        owner: if destination.is_declared() { destination.service } else { listener },
        transport: socket::TCP as u8,
        active,
    };
    if judge::observes(active, listener, Destination::NONE) && matches!(reason, Reason::Undeclared) {
        emit::verdict(&flow, HOOK_INGRESS, Outcome::WouldDeny, reason, NO_RULE);
        return true;
    }
    emit::denied(&flow, HOOK_INGRESS, reason);
    false
}

/// Packets of a governed socket that is not TCP.
#[inline(always)]
fn other(state: &mut SocketState, protocol: u32, hook: u8) -> bool {
    let active = judge::active();
    let flow = Flow {
        key: state.flow,
        source: state.creator,
        behalf: 0,
        caller: state.creator,
        uid: state.uid,
        owner: 0,
        transport: protocol as u8,
        active,
    };
    if judge::observes(active, state.creator, Destination::NONE) {
        return true;
    }
    if state.refused == 0 {
        state.refused = 1;
        emit::denied(&flow, hook, Reason::Transport);
    }
    false
}

/// A socket that was made before its cgroup was governed becomes its service's: once after each flip.
#[inline(always)]
fn adopt(state: &mut SocketState, sk: *mut bpf_sock) {
    if state.creator != NOT_GOVERNED {
        return;
    }
    let active = judge::active();
    if state.looked_at == active {
        return;
    }
    state.looked_at = active;
    state.creator = owner(sk);
    if state.stage == STAGE_OPENED {
        state.source = state.creator;
    }
}

/// Whose socket it is by its cgroup, for sockets older than Gate.
#[inline(always)]
fn owner(sk: *mut bpf_sock) -> u32 {
    // SAFETY: a full socket.
    unsafe { identity::of_socket(sk) }
}
