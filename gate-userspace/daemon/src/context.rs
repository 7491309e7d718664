//! What every part of a daemon may know.

use crate::Reporter;
use gate_host::{Clock, HostConfig, PublicKeys, Role};
use std::sync::Arc;

/// What every part of a daemon may know; cheap to clone, for any thread.
#[derive(Debug, Clone)]
pub struct Context {
    /// Which role this is.
    pub role: Role,
    /// `gate.toml`.
    pub config: Arc<HostConfig>,
    /// The roles' enrolled public keys.
    pub public_keys: Arc<PublicKeys>,
    /// The host's clocks.
    pub clock: Clock,
    /// Where to report.
    pub reporter: Reporter,
    /// SHA-256 of the running executable, in hexadecimal.
    pub binary: String,
}

impl Context {
    /// The name in refusals: `gate-net`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("gate-{}", self.role)
    }

    /// The Unix time in seconds.
    #[must_use]
    pub fn unix_s(&self) -> u64 {
        self.clock.unix_ms() / 1_000
    }
}
