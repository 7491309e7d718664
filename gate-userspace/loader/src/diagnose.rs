//! Diagnostics of the programs, through aya-log, for a bounded time.

use anyhow::Context as _;
use aya::Ebpf;
use aya_log::EbpfLogger;
use log::{Log, Metadata, Record};
use rustix::event::{PollFd, Timespec, poll};
use std::{
    io::Write as _,
    time::{Duration, Instant},
};

/// How often the ring buffer is looked at.
const PERIOD: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Writes what the programs log to standard error until the time is over.
///
/// # Errors
/// When the object has no log buffer.
pub fn follow(loaded: &mut Ebpf, time: Duration) -> anyhow::Result<()> {
    let mut logger = EbpfLogger::init_with_logger(loaded, ToStandardError).context("the object has no log buffer")?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        // Nothing to wait for but the time; the buffer holds what comes in between.
        poll(&mut [] as &mut [PollFd<'_>; 0], Some(&PERIOD))?;
        logger.flush();
    }
    Ok(())
}

struct ToStandardError;

impl Log for ToStandardError {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Somebody who closed standard error does not read it.
        let _ = writeln!(std::io::stderr(), "{}", record.args());
    }

    fn flush(&self) {}
}
