//! The embedded BPF object.

use crate::{btf::Offsets, pins::Pins};
use anyhow::Context as _;
use aya::{Ebpf, EbpfLoader};
use sha2::{Digest as _, Sha256};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/gate-ebpf.o"));

/// The level of diagnostics at which each verdict is written.
pub const DEBUG: u8 = 4;

/// The maps, each pinned under its name.
const MAPS: [&str; 16] = [
    "ACTIVE",
    "CGROUPS",
    "NESTED",
    "PATHS",
    "PATH",
    "DESTINATIONS",
    "RULES",
    "SERVICES",
    "GRANTS",
    "TAGS",
    "BUDGETS",
    "LOCAL",
    "LISTENERS",
    "EVENTS",
    "COUNTERS",
    "SOCKETS",
];

/// SHA-256 of the object, as it is recorded.
pub fn digest() -> String {
    hex::encode(Sha256::digest(OBJECT))
}

/// Loads the object: maps that are pinned already are used again, so that what they hold outlives an upgrade.
///
/// `log_level` 0 takes every diagnostic out of the programs; [`DEBUG`] leaves them all in.
///
/// # Errors
/// What the kernel says, the verifier's log included.
pub fn load(pins: &Pins, netns: u64, offsets: &Offsets, log_level: u8) -> anyhow::Result<Ebpf> {
    let paths: Vec<_> = MAPS.iter().map(|name| (*name, pins.map(name))).collect();
    let mut loader = EbpfLoader::new();
    for (name, path) in &paths {
        loader.map_pin_path(name, path.as_path());
    }
    loader
        .override_global("AYA_LOG_LEVEL", &log_level, true)
        .override_global("HOST_NETNS", &netns, true)
        .override_global("OFFSET_CGROUP_KN", &offsets.cgroup_kn, true)
        .override_global("OFFSET_CGROUP_ROOT", &offsets.cgroup_root, true)
        .override_global("OFFSET_CGROUP_PARENT", &offsets.cgroup_parent, true)
        .override_global("OFFSET_CSS_CGROUP", &offsets.css_cgroup, true)
        .override_global("OFFSET_KN_ID", &offsets.kn_id, true)
        .override_global("OFFSET_ROOT_HIERARCHY", &offsets.root_hierarchy, true);
    loader.load(OBJECT).context("loading the BPF object")
}
