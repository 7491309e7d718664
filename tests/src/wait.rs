//! Waiting for a condition, never for a time.

use anyhow::bail;
use std::time::{Duration, Instant};

/// How often a condition is asked.
const INTERVAL: Duration = Duration::from_millis(2);

/// How long anything on this host may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Asks until there is an answer.
///
/// # Errors
/// When there is none within the limit, or asking failed.
pub fn until_within<T>(
    limit: Duration,
    what: &str,
    mut ask: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = ask()? {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("waited {limit:?} for {what}");
        }
        std::thread::sleep(INTERVAL);
    }
}

/// As [`until_within`], with the usual limit.
///
/// # Errors
/// As [`until_within`].
pub fn until<T>(what: &str, ask: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    until_within(LIMIT, what, ask)
}
