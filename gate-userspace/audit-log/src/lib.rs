//! The tamper-evident log on disk.
//!
//! A log is a directory: `checkpoint` is a C2SP tlog-checkpoint signed with Ed25519, `tile/…` are the hashes and the
//! entries as C2SP tlog-tiles lays them out. Any tool for that format reads and verifies it, served over HTTP or as
//! it lies. Extension lines and pruning are not used. Two more files are the writer's own: `lock`, and
//! `checkpoint.new` for an instant.
//!
//! - [`Log`] is the one writer. Entries are appended in memory and committed together; once `commit` returns, entries
//!   and checkpoint are on disk. A writer may be killed at any moment; opening the log again completes what was signed
//!   and discards what was not.
//! - [`Reader`] gives entries and proofs, and trusts nothing but the key: all that it returns is covered by the signed
//!   root.
//! - [`verify`] checks everything, and names the file and the entry that is wrong. Whoever holds the key can still sign
//!   a shorter or another past: only an earlier checkpoint, kept elsewhere, shows that. Both take one.
//!
//! Partial tiles stay until the full one is there, as the format demands: every checkpoint ever published can be
//! proved against the files.

mod blame;
mod checkpoint;
mod durable;
mod finding;
mod log;
mod merkle;
mod note;
pub mod proof;
mod reader;
mod recovery;
mod store;
mod tile;
mod tree;
mod verify;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use durable::WriteError;
pub use finding::{EntryProblem, Finding};
pub use log::{Log, LogError};
pub use merkle::{HASH_SIZE, Hash, empty_root, leaf_hash, node_hash};
pub use note::{MAX_NOTE, NoteError, VerifierKey};
pub use reader::{Entries, Reader};
pub use recovery::Recovery;
pub use tile::MAX_ENTRY;
pub use verify::{Report, verify};

#[cfg(test)]
mod tests;
