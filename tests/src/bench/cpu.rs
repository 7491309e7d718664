//! Processors: who may use which, and who used how much.

use anyhow::Context as _;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};
use std::{fs, path::Path, time::Duration};

/// How many there are.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The one that is measured on.
pub fn measured() -> Vec<usize> {
    vec![count() - 1]
}

/// All others; with one alone, that one.
pub fn others() -> Vec<usize> {
    (0..(count() - 1).max(1)).collect()
}

/// As taskset(1) takes them.
pub fn list(processors: &[usize]) -> String {
    processors.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Puts every thread of every process of a cgroup on these processors. Threads that they start later follow.
///
/// # Errors
/// When the cgroup is not there.
pub fn pin(cgroup: &Path, processors: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    processors.iter().for_each(|processor| set.set(*processor));
    for pid in processes(cgroup)? {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let numbers = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
        for number in numbers.filter_map(Pid::from_raw) {
            // A thread that has ended since needs no processor.
            let _ = sched_setaffinity(Some(number), &set);
        }
    }
    Ok(())
}

/// The processes of a cgroup.
///
/// # Errors
/// When the cgroup is not there.
pub fn processes(cgroup: &Path) -> anyhow::Result<Vec<u32>> {
    let file = cgroup.join("cgroup.procs");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

/// Processor time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// In programs.
    pub user: Duration,
    /// In the kernel on their behalf, the packets that they sent on loopback included.
    pub system: Duration,
}

impl Used {
    /// By all processes that are or were in a cgroup, to the microsecond.
    ///
    /// # Errors
    /// When the cgroup has no `cpu.stat`.
    pub fn by(cgroup: &Path) -> anyhow::Result<Self> {
        let file = cgroup.join("cpu.stat");
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} has no user_usec and system_usec", file.display()))
    }

    /// From the text of `cpu.stat`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            found?.trim().parse().ok().map(Duration::from_micros)
        };
        Some(Self { user: value("user_usec")?, system: value("system_usec")? })
    }

    /// Since then.
    pub fn since(self, before: Self) -> Self {
        Self { user: self.user.saturating_sub(before.user), system: self.system.saturating_sub(before.system) }
    }

    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}
