//! A cgroup subtree of the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Cgroups {
    root: PathBuf,
}

impl Cgroups {
    pub fn new(children: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = mount().join(format!("gate-test-{}-{number}", std::process::id()));
        fs::create_dir(&root).expect("making a cgroup needs root");
        let cgroups = Self { root };
        for child in children {
            fs::create_dir(cgroups.root.join(child)).unwrap();
        }
        cgroups
    }

    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        let _ = fs::write(self.root.join("cgroup.kill"), "1");
        let children = fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path());
        let directories = children.filter(|path| path.is_dir()).chain([self.root.clone()]);
        for directory in directories.collect::<Vec<_>>() {
            // Killed processes leave their cgroup a moment later.
            super::until("removing a cgroup", || match fs::remove_dir(&directory) {
                Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => None,
                _ => Some(()),
            });
        }
    }
}

/// Where the unified hierarchy is mounted; on hybrid hosts not at `/sys/fs/cgroup`.
fn mount() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let point = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    });
    point.expect("a cgroup2 mount")
}
