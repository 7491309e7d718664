//! A host of its own for a test: directories, keys, cgroups, users (numbers that nobody else has), a record, and the
//! real binaries. Needs root and a cgroup2 mount; without them the tests fail and say so.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy knows functions marked as tests, not what they call"
)]

pub mod bundle;
pub mod cgroups;
pub mod host;
pub mod record;
pub mod stand_in;
pub mod wire;

pub use bundle::{Policy, shop};
pub use host::{Daemon, Host};
pub use record::Recorder;
pub use wire::Wire;

use std::time::{Duration, Instant};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    try_until(ask).unwrap_or_else(|| panic!("{what}: not within {PATIENCE:?}"))
}

/// As [`until`]; `None` when there is none in time.
pub fn try_until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask() {
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            answer => return answer,
        }
    }
}
