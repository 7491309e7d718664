//! Time as an argument.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The two clocks that Gate goes by: the wall clock for people and signatures, the boot clock (which the kernel
/// programs read as well, and which nobody can set) for expiries on this host.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<ManualClock>),
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    unix_ms: AtomicU64,
    boottime_ns: AtomicU64,
}

impl Clock {
    /// The host's clocks.
    pub fn system() -> Self {
        // rustix looks for the vDSO when it first reads a clock, with calls that no sandbox allows; what it does not find,
        // it never looks for again, and each reading is a system call. So that is now, before any sandbox.
        let _ = clock_gettime(ClockId::Realtime);
        Self(Source::System)
    }

    /// A clock that the caller moves.
    pub fn manual(clock: Arc<ManualClock>) -> Self {
        Self(Source::Manual(clock))
    }

    /// Milliseconds since 1970, UTC. A wall clock that stands before 1970 reads as 0, where everything has yet to begin.
    pub fn unix_ms(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let now = clock_gettime(ClockId::Realtime);
                seconds(now).saturating_mul(1_000).saturating_add(nanoseconds(now) / 1_000_000)
            }
            Source::Manual(clock) => clock.unix_ms.load(Ordering::Relaxed),
        }
    }

    /// Nanoseconds since boot, time asleep included: `CLOCK_BOOTTIME`, `bpf_ktime_get_boot_ns()`.
    pub fn boottime_ns(&self) -> u64 {
        match &self.0 {
            Source::System => {
                let now = clock_gettime(ClockId::Boottime);
                seconds(now).saturating_mul(1_000_000_000).saturating_add(nanoseconds(now))
            }
            Source::Manual(clock) => clock.boottime_ns.load(Ordering::Relaxed),
        }
    }
}

impl ManualClock {
    /// A clock that stands at these times.
    pub fn at(unix_ms: u64, boottime_ns: u64) -> Arc<Self> {
        Arc::new(Self { unix_ms: unix_ms.into(), boottime_ns: boottime_ns.into() })
    }

    /// Moves both clocks on.
    pub fn advance_ms(&self, ms: u64) {
        self.unix_ms.fetch_add(ms, Ordering::Relaxed);
        self.boottime_ns.fetch_add(ms.saturating_mul(1_000_000), Ordering::Relaxed);
    }

    /// Sets the wall clock alone, as an administrator can.
    pub fn set_unix_ms(&self, unix_ms: u64) {
        self.unix_ms.store(unix_ms, Ordering::Relaxed);
    }
}

fn seconds(time: Timespec) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0)
}

fn nanoseconds(time: Timespec) -> u64 {
    u64::try_from(time.tv_nsec).unwrap_or(0)
}
