//! Constants that gate-loader sets before the programs are loaded.

/// Cookie of the network namespace that Gate governs.
#[unsafe(no_mangle)]
static HOST_NETNS: u64 = 0;

/// Where fields lie in this kernel's structures, from its BTF.
#[unsafe(no_mangle)]
static OFFSET_CGROUP_KN: u64 = 0;
#[unsafe(no_mangle)]
static OFFSET_CGROUP_ROOT: u64 = 0;
#[unsafe(no_mangle)]
static OFFSET_CGROUP_PARENT: u64 = 0;
#[unsafe(no_mangle)]
static OFFSET_CSS_CGROUP: u64 = 0;
#[unsafe(no_mangle)]
static OFFSET_KN_ID: u64 = 0;
#[unsafe(no_mangle)]
static OFFSET_ROOT_HIERARCHY: u64 = 0;

macro_rules! constant {
    ($(#[$meta:meta])* $name:ident: $type:ty = $static:ident) => {
        $(#[$meta])*
        #[inline(always)]
        pub fn $name() -> $type {
            // SAFETY: the static is in .rodata, initialized and aligned; volatile because the loader changes it.
            unsafe { core::ptr::read_volatile(&raw const $static) }
        }
    };
}

constant!(host_netns: u64 = HOST_NETNS);
constant!(
    /// `cgroup.kn`.
    cgroup_kn: u64 = OFFSET_CGROUP_KN
);
constant!(
    /// `cgroup.root`.
    cgroup_root: u64 = OFFSET_CGROUP_ROOT
);
constant!(
    /// `cgroup.self.parent`, a `cgroup_subsys_state`.
    cgroup_parent: u64 = OFFSET_CGROUP_PARENT
);
constant!(
    /// `cgroup_subsys_state.cgroup`.
    css_cgroup: u64 = OFFSET_CSS_CGROUP
);
constant!(
    /// `kernfs_node.id`.
    kn_id: u64 = OFFSET_KN_ID
);
constant!(
    /// `cgroup_root.hierarchy_id`.
    root_hierarchy: u64 = OFFSET_ROOT_HIERARCHY
);
