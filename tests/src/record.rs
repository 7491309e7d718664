//! What the log says, read from the disk as a stranger would: every entry proved against the signed checkpoint. (Reading
//! through gate-audit is recorded itself, and a test that polls would fill the log with its own reading.)

use crate::{Host, until_within};
use gate_audit_log::{Checkpoint, Finding, Reader, VerifierKey};
use gate_host::{HostConfig, Role, public_key_from_line};
use gate_record::Entry;
use std::{fs, path::PathBuf, time::Duration};

/// Group commit and the spools take milliseconds; this is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// Before the first entry.
    pub const START: Self = Self(0);
}

impl Host {
    /// The log's directory.
    #[must_use]
    pub fn log_directory(&self) -> PathBuf {
        self.path("state").join(Role::Audit.name()).join("log")
    }

    /// The log's name.
    ///
    /// # Errors
    /// When `gate.toml` cannot be read.
    pub fn log_origin(&self) -> anyhow::Result<String> {
        let config = HostConfig::load(&self.config())?;
        let enrolled: String =
            config.enrolled().duties_sha256.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("gate/{}/{}/{enrolled}", config.environment(), config.host()))
    }

    /// The key that verifies the log.
    ///
    /// # Errors
    /// When it is not enrolled.
    pub fn log_key(&self) -> anyhow::Result<VerifierKey> {
        let line = fs::read_to_string(self.path("keys").join("audit.pub"))?;
        let key = public_key_from_line(&line).map_err(|found| anyhow::anyhow!("audit.pub {found}"))?;
        Ok(VerifierKey::new(&self.log_origin()?, key)?)
    }

    /// The end of the log now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn mark(&self) -> anyhow::Result<Mark> {
        Ok(Mark(self.checkpoint()?.size))
    }

    /// The log's signed checkpoint now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn checkpoint(&self) -> anyhow::Result<Checkpoint> {
        Ok(Reader::open(&self.log_directory(), &self.log_key()?)?.checkpoint().clone())
    }

    /// Every entry after a place.
    ///
    /// # Errors
    /// When the log cannot be read, or is not what was signed.
    pub fn entries(&self, from: Mark) -> anyhow::Result<Vec<Entry>> {
        let mut reader = Reader::open(&self.log_directory(), &self.log_key()?)?;
        let entries: Result<Vec<(u64, Vec<u8>)>, Finding> = reader.entries(from.0).collect();
        entries?.iter().map(|(_, bytes)| Ok(gate_record::decode(bytes)?)).collect()
    }

    /// The first entry after a place that is as wanted, once it is there; `None` if it does not come.
    ///
    /// # Errors
    /// As [`Host::entries`].
    pub fn entry_after(&self, from: Mark, wanted: impl Fn(&Entry) -> bool) -> anyhow::Result<Option<Entry>> {
        let mut read = from.0;
        let mut failure = None;
        let found = until_within(PATIENCE, "an entry", || match self.entries(Mark(read)) {
            Ok(entries) => {
                read += entries.len() as u64;
                Ok(entries.into_iter().find(&wanted))
            }
            Err(error) => {
                failure = Some(error);
                Ok(None)
            }
        });
        match (found, failure) {
            (Ok(entry), _) => Ok(Some(entry)),
            (Err(_), Some(error)) => Err(error),
            (Err(_), None) => Ok(None),
        }
    }
}

/// An entry in few words, for reports.
#[must_use]
pub fn words(entry: Option<&Entry>) -> String {
    match entry {
        None => "no such entry in the log".into(),
        Some(entry) => match serde_json::to_value(&entry.report.event) {
            Ok(event) => format!("gate-{} recorded {event}", entry.role),
            Err(error) => error.to_string(),
        },
    }
}
