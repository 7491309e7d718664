//! Who the current task is. Only for hooks in which the current task is the actor.

use aya_ebpf::helpers::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_get_current_uid_gid};
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

/// The current task's service. Where its cgroup has no entry (the table was full, or the cgroup is older than the
/// bundle), the nearest governed ancestor decides: its service, or `unattested` below a slice.
#[inline(always)]
pub fn current() -> u32 {
    // SAFETY: the helper has no preconditions.
    if let Some(identity) = of_cgroup(unsafe { bpf_get_current_cgroup_id() }) {
        return identity;
    }
    let mut found = NOT_GOVERNED;
    for level in 1..=MAX_DEPTH {
        // SAFETY: as above; 0 beyond the task's own level.
        let id = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
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
