//! Tests over real sockets, in this process and across processes and cgroups.

mod admission;
mod clients;
mod frames;
mod peers;
mod sockets;

use crate::{CgroupRoot, Connection, Listener};
use std::future::Future;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::task::LocalSet;

/// Runs a test on one thread, as the daemons do.
fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let patience = std::time::Duration::from_secs(60);
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(patience, test).await.expect("the test hangs") })
}

/// Where the unified hierarchy is mounted.
fn cgroup_mount() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("a cgroup2 mount");
    line.split(' ').nth(4).unwrap().into()
}

/// A listener in a directory of its own, with the hierarchy's root as `cgroup_root`.
fn listen() -> (TempDir, PathBuf, Listener) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.sock");
    let cgroups = CgroupRoot::resolve(&cgroup_mount()).unwrap();
    let listener = Listener::bind(&path, 0o600, None, cgroups).unwrap();
    (directory, path, listener)
}

/// Both ends of a connection: the caller's, the callee's.
async fn pair() -> (Connection, Connection) {
    let (_directory, path, listener) = listen();
    let caller = Connection::connect(&path).unwrap();
    let callee = listener.accept().await.unwrap().unwrap();
    (caller, callee)
}
