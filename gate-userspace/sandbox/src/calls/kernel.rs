//! `bpf(2)`, for the two roles that touch the kernel's programs and maps.

use super::{Arg, Call, call, int};

/// Commands of `bpf(2)`: `enum bpf_cmd`, linux/bpf.h.
mod command {
    pub(super) const MAP_LOOKUP_ELEM: i32 = 1;
    pub(super) const MAP_UPDATE_ELEM: i32 = 2;
    pub(super) const MAP_DELETE_ELEM: i32 = 3;
    pub(super) const MAP_GET_NEXT_KEY: i32 = 4;
    pub(super) const OBJ_GET: i32 = 7;
    pub(super) const OBJ_GET_INFO_BY_FD: i32 = 15;
    pub(super) const MAP_LOOKUP_AND_DELETE_ELEM: i32 = 21;
    pub(super) const MAP_LOOKUP_BATCH: i32 = 24;
    pub(super) const MAP_LOOKUP_AND_DELETE_BATCH: i32 = 25;
    pub(super) const MAP_UPDATE_BATCH: i32 = 26;
    pub(super) const MAP_DELETE_BATCH: i32 = 27;
}

const ON_MAPS: &[&[Arg]] = &[
    &[int(0, command::MAP_LOOKUP_ELEM)],
    &[int(0, command::MAP_UPDATE_ELEM)],
    &[int(0, command::MAP_DELETE_ELEM)],
    &[int(0, command::MAP_GET_NEXT_KEY)],
    &[int(0, command::OBJ_GET)],
    &[int(0, command::OBJ_GET_INFO_BY_FD)],
    &[int(0, command::MAP_LOOKUP_AND_DELETE_ELEM)],
    &[int(0, command::MAP_LOOKUP_BATCH)],
    &[int(0, command::MAP_LOOKUP_AND_DELETE_BATCH)],
    &[int(0, command::MAP_UPDATE_BATCH)],
    &[int(0, command::MAP_DELETE_BATCH)],
];

/// What is in the maps. No command here makes, loads, attaches, pins or enumerates anything.
pub(super) const BPF_MAPS: &[Call] = &[
    call!(SYS_bpf, "reads and writes the maps' entries", ON_MAPS),
    call!(SYS_membarrier, "waits until no program reads the copy that is about to be written"),
    call!(SYS_uname, "which kernel runs, for the library"),
    call!(SYS_name_to_handle_at, "the id of a cgroup"),
];

/// Everything, for the seconds that the loader runs. What it may do beyond that is the capabilities' matter.
pub(super) const BPF_LOAD: &[Call] = &[
    call!(SYS_bpf, "makes and pins maps; loads, attaches, replaces and pins programs"),
    call!(SYS_uname, "which kernel runs, for the library"),
    call!(SYS_name_to_handle_at, "the id of a cgroup"),
];
