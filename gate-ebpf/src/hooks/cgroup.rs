//! Cgroups get their identity inside `mkdir()`, before anything can run in them.
//!
//! Raw tracepoints see every cgroup of the machine, those of cgroup v1 hierarchies too, whose ids collide with
//! cgroup2's: only hierarchy 0 counts.

use aya_ebpf::{
    EbpfContext as _,
    helpers::generated::{bpf_probe_read_kernel, bpf_probe_read_kernel_str},
    macros::raw_tracepoint,
    programs::RawTracePointContext,
};
use gate_common::{
    event::Counter,
    identity::{CgroupIdentity, PATH_SIZE, SLICE, UNATTESTED},
};

use crate::{
    config,
    emit::count,
    identity,
    maps::{CGROUPS, NESTED, PATH, PATHS},
};

/// `cgroup_mkdir(struct cgroup *cgrp, const char *path)`
#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    let _ = made(arg(&ctx, 0), arg(&ctx, 1));
    0
}

/// `cgroup_rmdir(struct cgroup *cgrp, const char *path)`
#[raw_tracepoint(tracepoint = "cgroup_rmdir")]
pub fn cgroup_rmdir(ctx: RawTracePointContext) -> i32 {
    let _ = removed(arg(&ctx, 0));
    0
}

#[inline(always)]
fn arg(ctx: &RawTracePointContext, index: usize) -> u64 {
    // SAFETY: both tracepoints have two arguments of one word each.
    unsafe { *ctx.as_ptr().cast::<u64>().add(index) }
}

#[inline(always)]
fn made(cgroup: u64, path: u64) -> Option<()> {
    if !is_cgroup2(cgroup)? {
        return None;
    }
    let id = id(cgroup)?;
    let full = match (parent(cgroup).and_then(identity::entry), declared(path)) {
        // A child of a service is that service, whatever its own path says.
        (Some(parent), _) if parent.flags & SLICE == 0 => NESTED.insert(&id, &parent, 0).is_err(),
        (_, Some(declared)) => CGROUPS.insert(&id, &declared, 0).is_err(),
        // A child of a governed slice that matches nothing may do nothing.
        (Some(_), None) => {
            let nobody = CgroupIdentity { service: UNATTESTED, flags: 0 };
            NESTED.insert(&id, &nobody, 0).is_err()
        }
        (None, None) => return None,
    };
    if full {
        // `identity::current` falls back to the ancestors.
        count(Counter::CgroupsLost);
    }
    Some(())
}

#[inline(always)]
fn removed(cgroup: u64) -> Option<()> {
    if is_cgroup2(cgroup)? {
        let id = id(cgroup)?;
        let _ = CGROUPS.remove(&id);
        let _ = NESTED.remove(&id);
    }
    Some(())
}

/// The identity that a path is declared as, by exact match of the whole path.
#[inline(always)]
fn declared(path: u64) -> Option<CgroupIdentity> {
    let buffer = PATH.get_ptr_mut(0)?;
    // SAFETY: the buffer is this CPU's own, and the helper bounds what it writes.
    unsafe {
        *buffer.cast::<[u64; PATH_SIZE / 8]>() = [0; PATH_SIZE / 8];
        let length = bpf_probe_read_kernel_str(buffer.cast(), PATH_SIZE as u32, path as *const _);
        // The helper cuts what does not fit: a full buffer is a path that may be longer, and matches nothing.
        if length <= 0 || length >= PATH_SIZE as i64 {
            return None;
        }
        PATHS.get(&*buffer).copied()
    }
}

#[inline(always)]
fn is_cgroup2(cgroup: u64) -> Option<bool> {
    let root = read(cgroup + config::cgroup_root())?;
    let hierarchy: i32 = read32(root + config::root_hierarchy())?;
    Some(hierarchy == 0)
}

#[inline(always)]
fn parent(cgroup: u64) -> Option<u64> {
    let css = read(cgroup + config::cgroup_parent())?;
    if css == 0 {
        return None;
    }
    id(read(css + config::css_cgroup())?)
}

#[inline(always)]
fn id(cgroup: u64) -> Option<u64> {
    let node = read(cgroup + config::cgroup_kn())?;
    read(node + config::kn_id())
}

#[inline(always)]
fn read(address: u64) -> Option<u64> {
    let mut value = 0_u64;
    // SAFETY: the helper writes eight bytes or fails.
    let failed = unsafe { bpf_probe_read_kernel((&raw mut value).cast(), 8, address as *const _) };
    (failed == 0).then_some(value)
}

#[inline(always)]
fn read32(address: u64) -> Option<i32> {
    let mut value = 0_i32;
    // SAFETY: the helper writes four bytes or fails.
    let failed = unsafe { bpf_probe_read_kernel((&raw mut value).cast(), 4, address as *const _) };
    (failed == 0).then_some(value)
}
