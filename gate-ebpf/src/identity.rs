//! Who the current task is (only for hooks in which the current task is the actor), and whose a socket is.

use aya_ebpf::{
    bindings::bpf_sock,
    helpers::{
        bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_get_current_uid_gid,
        generated::{bpf_sk_ancestor_cgroup_id, bpf_sk_cgroup_id},
    },
};
use gate_common::identity::{CgroupIdentity, MAX_DEPTH, NOT_GOVERNED, SLICE, UNATTESTED};

use crate::maps::{CGROUPS, NESTED};

/// The identity of a cgroup, as an exact entry says it.
#[inline(always)]
pub fn of_cgroup(id: u64) -> Option<u32> {
    entry(id).map(member)
}

/// The entry of a cgroup.
#[inline(always)]
pub fn entry(id: u64) -> Option<CgroupIdentity> {
    // SAFETY: the entry is copied at once; entries are only ever replaced whole.
    unsafe {
        match CGROUPS.get(&id) {
            Some(entry) => Some(*entry),
            None => NESTED.get(&id).copied(),
        }
    }
}

/// What a process in a cgroup with that entry is.
#[inline(always)]
fn member(entry: CgroupIdentity) -> u32 {
    if entry.flags & SLICE != 0 { UNATTESTED } else { entry.service }
}

/// The current task's service.
#[inline(always)]
pub fn current() -> u32 {
    // SAFETY: neither helper has preconditions; the second gives 0 beyond the task's own level.
    of(unsafe { bpf_get_current_cgroup_id() }, |level| unsafe { bpf_get_current_ancestor_cgroup_id(level) })
}

/// The service that a socket belongs to by its cgroup.
///
/// # Safety
/// `sk` is a full socket of the running program's context.
#[inline(always)]
pub unsafe fn of_socket(sk: *mut bpf_sock) -> u32 {
    // SAFETY: as promised; 0 beyond the cgroup's own level.
    of(unsafe { bpf_sk_cgroup_id(sk.cast()) }, |level| unsafe { bpf_sk_ancestor_cgroup_id(sk.cast(), level) })
}

/// Where a cgroup has no entry (the table was full, or the cgroup is older than the bundle), the nearest governed
/// ancestor decides: its service, or `unattested` below a slice.
#[inline(always)]
fn of(own: u64, ancestor: impl Fn(i32) -> u64) -> u32 {
    if let Some(identity) = of_cgroup(own) {
        return identity;
    }
    let mut found = NOT_GOVERNED;
    for level in 1..=MAX_DEPTH {
        let id = ancestor(level);
        if id == 0 {
            break;
        }
        if let Some(identity) = of_cgroup(id) {
            found = identity;
        }
    }
    found
}

/// The current task's user id.
#[inline(always)]
pub fn uid() -> u32 {
    bpf_get_current_uid_gid() as u32
}
