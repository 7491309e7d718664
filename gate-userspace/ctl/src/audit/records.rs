//! Reading the log through gate-audit.

use crate::host::{Admin, NoAnswer};
use gate_ipc::messages::{AdminReply, AdminRequest};

/// Most entries asked for at once; gate-audit may give fewer.
const AT_ONCE: u64 = 256;

/// An operator's view of the log.
pub(crate) struct Records {
    admin: Admin,
}

impl Records {
    pub(crate) fn new(admin: Admin) -> Self {
        Self { admin }
    }

    /// How many entries the log has.
    pub(crate) async fn size(&self) -> Result<u64, NoAnswer> {
        self.ask(0, 1).await.map(|(_, _, size)| size)
    }

    /// The entries from `from` up to, without, `end`, each with its index; fewer when the log ends before.
    pub(crate) async fn read(&self, from: u64, end: u64) -> Result<Vec<(u64, Vec<u8>)>, NoAnswer> {
        let mut found = Vec::new();
        let mut next = from;
        while next < end {
            let count = u32::try_from((end - next).min(AT_ONCE)).unwrap_or(1);
            let (first, entries, _) = self.ask(next, count).await?;
            if entries.is_empty() {
                break;
            }
            let numbered = (first..).zip(entries).filter(|(index, _)| (next..end).contains(index));
            let before = found.len();
            found.extend(numbered);
            if found.len() == before {
                break;
            }
            next = from + found.len() as u64;
        }
        Ok(found)
    }

    async fn ask(&self, from: u64, count: u32) -> Result<(u64, Vec<Vec<u8>>, u64), NoAnswer> {
        match self.admin.ask(&AdminRequest::Read { from, count }, &[]).await? {
            AdminReply::Entries { from, entries, size } => Ok((from, entries, size)),
            other => Err(self.admin.unexpected(&other)),
        }
    }
}
