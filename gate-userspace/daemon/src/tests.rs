//! Queue, courier and server, over real sockets. The whole daemon is tried by those that use it.

mod candidates;
mod courier;
mod provisional;
mod queue;
mod serve;

use crate::queue::Queue;
use crate::{Reporter, Reports};
use gate_host::Clock;
use gate_record::{Event, Report};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::LocalSet;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let patience = std::time::Duration::from_secs(60);
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(patience, test).await.expect("the test hangs") })
}

/// A reporter, and the other end of its queue.
fn queue() -> (Reporter, Reports) {
    let queue = Queue::new(Clock::system());
    (Reporter::new(Arc::clone(&queue)), Reports::new(&queue))
}

/// An event that can be told from others.
fn numbered(number: u64) -> Event {
    Event::Closed { count: number, why: String::new() }
}

fn event(report: &[u8]) -> Event {
    serde_json::from_slice::<Report>(report).unwrap().event
}

fn cgroup_mount() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 ")).expect("a cgroup2 mount");
    line.split(' ').nth(4).unwrap().into()
}

/// A host on which this process's user operates, and is no role.
fn host() -> gate_host::HostConfig {
    let roles = ["loader", "net", "proxy", "authn", "authz", "audit"].iter().enumerate().map(|(index, role)| {
        format!("[role.{role}]\nuid = {0}\ngid = {0}\ncgroup = \"gate-{role}\"\n", 61_700 + index)
    });
    let text = format!(
        "host = \"h1\"\nenvironment = \"test\"\ncgroup_root = \"/sys/fs/cgroup\"\nrun_dir = \"/run/gate\"\n\
         state_dir = \"/var/lib/gate\"\nkeys_dir = \"/etc/gate/keys\"\n\
         [enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = []\nuids = [{}]\n[proxy]\nport = 15001\n{}",
        "0".repeat(64),
        rustix::process::geteuid().as_raw(),
        roles.collect::<String>()
    );
    gate_host::HostConfig::parse(&text).unwrap()
}
