//! Gate's own bpffs: `<run_dir>/bpf/abi-<N>/{maps,links}/NAME`.
//!
//! The directory carries the ABI's version: a loader or a gate-net of another version does not find what it cannot
//! read. Maps are handed to gate-net by their group; links stay with root.

use anyhow::{Context as _, bail};
use gate_host::HostConfig;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// `BPF_FS_MAGIC` of linux/magic.h.
const BPFFS: i64 = 0xcafe_4a11;

/// The directories of one ABI version.
pub struct Pins {
    maps: PathBuf,
    links: PathBuf,
    top: PathBuf,
    group: u32,
}

impl Pins {
    /// Makes the directories in Gate's own bpffs mount.
    ///
    /// # Errors
    /// When it is not a bpffs, or holds the pins of another ABI version.
    pub fn prepare(bpffs: &Path, group: u32) -> anyhow::Result<Self> {
        let found = rustix::fs::statfs(bpffs).with_context(|| format!("{}", bpffs.display()))?.f_type;
        if found != BPFFS {
            bail!("{0} is not a bpf file system; mount one there: mount -t bpf bpf {0}", bpffs.display());
        }
        let name = format!("abi-{}", gate_common::ABI_VERSION);
        for entry in fs::read_dir(bpffs)? {
            let entry = entry?.file_name();
            if entry.to_string_lossy().starts_with("abi-") && entry != name.as_str() {
                bail!(
                    "{} holds pins of {} and this loader is {name}: stop Gate and remove them, or install the version \
                     that made them",
                    bpffs.display(),
                    entry.to_string_lossy()
                );
            }
        }
        let top = bpffs.join(name);
        let pins = Self { maps: top.join("maps"), links: top.join("links"), top, group };
        for directory in [&pins.top, &pins.maps, &pins.links] {
            if !directory.is_dir() {
                fs::create_dir(directory).with_context(|| format!("making {}", directory.display()))?;
            }
        }
        restrict(&pins.links, 0o700)?;
        Ok(pins)
    }

    /// Where a map is pinned.
    pub fn map(&self, name: &str) -> PathBuf {
        self.maps.join(name)
    }

    /// Where a link is pinned.
    pub fn link(&self, name: &str) -> PathBuf {
        self.links.join(name)
    }

    /// Gives the maps to gate-net's group.
    ///
    /// # Errors
    /// When this process is not in that group.
    pub fn hand_over(&self) -> anyhow::Result<()> {
        for map in fs::read_dir(&self.maps)? {
            self.give(&map?.path(), 0o660)?;
        }
        self.give(&self.maps, 0o750)?;
        self.give(&self.top, 0o750)
    }

    fn give(&self, path: &Path, mode: u32) -> anyhow::Result<()> {
        std::os::unix::fs::chown(path, None, Some(self.group)).with_context(|| {
            format!("giving {} to group {}: run gate-loader in gate-net's group", path.display(), self.group)
        })?;
        restrict(path, mode)
    }
}

/// Leaves a note of what was loaded for gate-net's record of its start.
///
/// # Errors
/// When `<run_dir>` is not writable.
pub fn write_report(config: &HostConfig, report: &serde_json::Value) -> anyhow::Result<()> {
    let path = config.run_dir().join("loader.json");
    let fresh = config.run_dir().join("loader.json.new");
    fs::write(&fresh, serde_json::to_vec_pretty(report)?).with_context(|| format!("writing {}", fresh.display()))?;
    restrict(&fresh, 0o644)?;
    fs::rename(&fresh, &path).with_context(|| format!("writing {}", path.display()))
}

fn restrict(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("setting the mode of {}", path.display()))
}
