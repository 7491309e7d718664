//! The bundle in force, as far as it is about this host.

use gate_daemon::Admitted;
use gate_tables::{Labels, Tables};

/// What this host takes of a bundle.
#[derive(Debug, Clone)]
pub(crate) struct InForce {
    version: u64,
    tables: Tables,
}

impl InForce {
    /// What of a bundle is for a host of these labels.
    ///
    /// # Errors
    /// The policy does not know the host's labels.
    pub(crate) fn new(bundle: &Admitted, labels: &Labels) -> Result<Self, Vec<String>> {
        let tables = bundle.tables().for_host(labels).map_err(|error| vec![error.to_string()])?;
        Ok(Self { version: bundle.version(), tables })
    }

    /// The bundle's version.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The services of this host, and what they reach.
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }
}
