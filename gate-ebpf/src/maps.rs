//! The maps. All but the socket storage are preallocated. gate-loader pins each under its name.

use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, bpf_map_type::BPF_MAP_TYPE_SK_STORAGE},
    macros::map,
    maps::{Array, HashMap, PerCpuArray, RingBuf, SockMap},
};
use gate_common::{
    address::Address,
    event,
    identity::{CgroupIdentity, PATH_SIZE},
    limits,
    maps::{
        Budget, Destination, FlowKey, FlowTag, GrantKey, GrantValue, Rule, RuleKey, ServiceKey, ServicePosture,
        SocketState,
    },
};

/// The active word, see `gate_common::maps::Active`.
#[map]
pub static ACTIVE: Array<u64> = Array::with_max_entries(1, 0);

/// Cgroup id to identity, of cgroups that a path declares.
#[map]
pub static CGROUPS: HashMap<u64, CgroupIdentity> = HashMap::with_max_entries(limits::CGROUPS, 0);

/// Cgroup id to identity, of cgroups that are nested in one of `CGROUPS`.
#[map]
pub static NESTED: HashMap<u64, CgroupIdentity> = HashMap::with_max_entries(limits::NESTED, 0);

/// Cgroup path (from the mount's root, zero-padded) to identity, read when a cgroup is made.
#[map]
pub static PATHS: HashMap<[u8; PATH_SIZE], CgroupIdentity> = HashMap::with_max_entries(limits::PATHS, 0);

/// Room for one path.
#[map]
pub static PATH: PerCpuArray<[u8; PATH_SIZE]> = PerCpuArray::with_max_entries(1, 0);

/// Declared listeners, double, by `destination_index`.
#[map]
pub static DESTINATIONS: Array<Destination> = Array::with_max_entries(limits::DESTINATIONS, 0);

/// The reachability table, double.
#[map]
pub static RULES: HashMap<RuleKey, Rule> = HashMap::with_max_entries(limits::RULES, 0);

/// Per-service posture, double.
#[map]
pub static SERVICES: HashMap<ServiceKey, ServicePosture> = HashMap::with_max_entries(limits::SERVICES, 0);

/// Live grants of gate-proxy.
#[map]
pub static GRANTS: HashMap<GrantKey, GrantValue> = HashMap::with_max_entries(limits::GRANTS, 0);

/// Flow tags: plain, not LRU, so that a flood evicts nobody.
#[map]
pub static TAGS: HashMap<FlowKey, FlowTag> = HashMap::with_max_entries(limits::TAGS, 0);

/// What each identity has used of the shared tables, by `budget_index`.
#[map]
pub static BUDGETS: Array<Budget> = Array::with_max_entries(limits::BUDGETS, 0);

/// The host's own addresses besides loopback.
#[map]
pub static LOCAL: HashMap<Address, u64> = HashMap::with_max_entries(4_096, 0);

/// gate-proxy's listener.
#[map]
pub static LISTENERS: SockMap = SockMap::with_max_entries(limits::LISTENERS, 0);

/// Events to gate-net.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(limits::EVENTS, 0);

/// Counters, see `gate_common::event::Counter`.
#[map]
pub static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(event::COUNTERS, 0);

/// Socket storage, defined by hand: `aya_ebpf::btf_maps::SkStorage` does not set `BPF_F_CLONE`, with which an
/// accepted socket inherits its listener's state inside the kernel, before anything else can happen to it.
#[repr(C)]
pub struct SocketStorage {
    r#type: *const [i32; BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const SocketState,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize],
}

// SAFETY: the pointers are null and only describe types to the loader.
unsafe impl Sync for SocketStorage {}

/// Per-socket state.
#[unsafe(link_section = ".maps")]
#[unsafe(no_mangle)]
pub static SOCKETS: SocketStorage = SocketStorage {
    r#type: core::ptr::null(),
    key: core::ptr::null(),
    value: core::ptr::null(),
    max_entries: core::ptr::null(),
    map_flags: core::ptr::null(),
};
