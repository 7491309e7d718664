//! Socket options: who is at the other end, on whose behalf, and what may not be changed.

use aya_ebpf::{
    bindings::{bpf_sock, bpf_sockopt},
    macros::cgroup_sockopt,
    programs::SockoptContext,
};
use gate_common::{
    ABI_VERSION,
    event::{HOOK_INGRESS, HOOK_OPTION},
    identity::{AUTHN, PROXY, is_governed},
    maps::{STAGE_ACCEPTED, STAGE_FRESH},
    peer::{GATE_BEHALF, GATE_PEER, Peer, SOL_GATE},
    verdict::Reason,
};

use super::connect::refuse;
use crate::{
    identity,
    judge::{self, Flow},
    socket,
};

/// `getsockopt()`.
#[cgroup_sockopt(getsockopt)]
pub fn option_get(ctx: SockoptContext) -> i32 {
    // SAFETY: a field of the context.
    if unsafe { (*ctx.sockopt).level } == SOL_GATE {
        let _ = peer(ctx.sockopt);
    }
    // Where nothing was answered, the kernel's own ENOPROTOOPT stands.
    1
}

/// `setsockopt()`.
#[cgroup_sockopt(setsockopt)]
pub fn option_set(ctx: SockoptContext) -> i32 {
    // SAFETY: fields of the context.
    let (level, name) = unsafe { ((*ctx.sockopt).level, (*ctx.sockopt).optname) };
    if level == SOL_GATE {
        return i32::from(name == GATE_BEHALF && behalf(ctx.sockopt).is_some());
    }
    if changes_identity(level, name) {
        return i32::from(may_change(ctx.sockopt));
    }
    1
}

#[inline(always)]
fn peer(ctx: *mut bpf_sockopt) -> Option<()> {
    // SAFETY: fields of the context.
    let (name, sk, value, end) = unsafe {
        ((*ctx).optname, (*ctx).__bindgen_anon_1.sk, (*ctx).__bindgen_anon_2.optval, (*ctx).__bindgen_anon_3.optval_end)
    };
    if name != GATE_PEER || sk.is_null() || identity::current() != AUTHN {
        return None;
    }
    // SAFETY: a socket of the context, not null.
    let state = unsafe { socket::state(sk) }?;
    if state.stage != STAGE_ACCEPTED || !judge::again(state, true, HOOK_INGRESS) {
        return None;
    }
    let value = value.cast::<Peer>();
    if value.wrapping_add(1) as usize > end as usize {
        return None;
    }
    // SAFETY: `value..end` is writable memory of the context and long enough for a Peer, as checked; the fields of the
    // context are written one by one because it does not allow wider stores.
    unsafe {
        (&raw mut (*value).abi).write(ABI_VERSION);
        (&raw mut (*value).source).write(state.source);
        (&raw mut (*value).uid).write(state.source_uid);
        (&raw mut (*value).destination_service).write(state.destination);
        (&raw mut (*value).active).write(state.judged);
        (&raw mut (*value).cookie).write(state.cookie);
        (&raw mut (*value).destination.a).write(state.flow.destination.a);
        (&raw mut (*value).destination.b).write(state.flow.destination.b);
        (&raw mut (*value).destination.c).write(state.flow.destination.c);
        (&raw mut (*value).destination.d).write(state.flow.destination.d);
        (&raw mut (*value).destination_port).write(state.flow.destination_port);
        (&raw mut (*value).reserved).write(0);
        (&raw mut (*value).reserved2).write(0);
        core::ptr::write_volatile(&raw mut (*ctx).optlen, Peer::SIZE as i32);
        core::ptr::write_volatile(&raw mut (*ctx).retval, 0);
    }
    Some(())
}

#[inline(always)]
fn behalf(ctx: *mut bpf_sockopt) -> Option<()> {
    // SAFETY: fields of the context.
    let (sk, value, end) =
        unsafe { ((*ctx).__bindgen_anon_1.sk, (*ctx).__bindgen_anon_2.optval, (*ctx).__bindgen_anon_3.optval_end) };
    if sk.is_null() || identity::current() != PROXY {
        return None;
    }
    let value = value.cast::<u32>();
    if value.wrapping_add(1) as usize > end as usize {
        return None;
    }
    // SAFETY: a socket of the context; the value is readable as checked. optlen -1: the option is handled.
    unsafe {
        let state = socket::state(sk)?;
        if state.creator != PROXY || state.stage != STAGE_FRESH {
            return None;
        }
        state.behalf = *value;
        core::ptr::write_volatile(&raw mut (*ctx).optlen, -1);
    }
    Some(())
}

/// Options after which the socket is not what was judged: another family, another state, a foreign address.
#[inline(always)]
fn changes_identity(level: i32, name: i32) -> bool {
    const SOL_IP: i32 = 0;
    const SOL_TCP: i32 = 6;
    const SOL_IPV6: i32 = 41;
    const IP_FREEBIND: i32 = 15;
    const IP_TRANSPARENT: i32 = 19;
    const IPV6_ADDRFORM: i32 = 1;
    const IPV6_TRANSPARENT: i32 = 75;
    const IPV6_FREEBIND: i32 = 78;
    const TCP_REPAIR: i32 = 19;
    matches!(
        (level, name),
        (SOL_IP, IP_TRANSPARENT | IP_FREEBIND)
            | (SOL_IPV6, IPV6_ADDRFORM | IPV6_TRANSPARENT | IPV6_FREEBIND)
            | (SOL_TCP, TCP_REPAIR)
    )
}

#[inline(always)]
fn may_change(ctx: *mut bpf_sockopt) -> bool {
    let caller = identity::current();
    // SAFETY: a field of the context.
    let sk: *mut bpf_sock = unsafe { (*ctx).__bindgen_anon_1.sk };
    if sk.is_null() {
        return !is_governed(caller);
    }
    // SAFETY: a socket of the context, not null.
    let state = unsafe { socket::state(sk) };
    let creator = state.as_ref().map_or(caller, |state| state.creator);
    if !is_governed(caller) && !is_governed(creator) {
        return true;
    }
    let flow = Flow {
        key: state.map(|state| state.flow).unwrap_or_default(),
        source: creator,
        behalf: 0,
        caller,
        uid: identity::uid(),
        owner: 0,
        transport: socket::TCP as u8,
        active: judge::active(),
    };
    refuse(&flow, HOOK_OPTION, Reason::Option)
}
