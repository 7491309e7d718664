//! What is wrong with a log, and where.

use crate::checkpoint::CheckpointError;
use crate::merkle::Hash;
use std::io;
use std::path::{Path, PathBuf};

/// The file that holds the checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// The first thing that is wrong with a log. Paths are inside the log's directory.
#[derive(Debug, thiserror::Error)]
pub enum Finding {
    /// A file cannot be read, or is not a regular file of a plausible size.
    #[error("{}: cannot be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that the checkpoint needs is not there.
    #[error("{}: is missing; it holds entries or hashes from entry {entry} on", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// The first entry that it covers.
        entry: u64,
    },
    /// There is no checkpoint.
    #[error("checkpoint: is missing, though there are files of a log beside it (the first: {})", beside.display())]
    NoCheckpoint {
        /// Another file of the log.
        beside: PathBuf,
    },
    /// The checkpoint is not one that the log's key signed.
    #[error("{}: {source}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// Why.
        source: CheckpointError,
    },
    /// A tile has the wrong length.
    #[error("{}: has {found} bytes; it should have {expected}", file.display())]
    TileLength {
        /// The tile.
        file: PathBuf,
        /// The first entry that it covers.
        entry: u64,
        /// Its bytes.
        found: usize,
        /// The bytes of a tile of its width.
        expected: usize,
    },
    /// A tile has a hash that does not belong to the signed tree.
    #[error("{}: hash {position} is not what the signed tree has there (from entry {entry} on)", file.display())]
    TileHash {
        /// The tile.
        file: PathBuf,
        /// The first wrong hash, from 0; 0 too if it cannot be told which is wrong.
        position: usize,
        /// The first entry that this hash covers.
        entry: u64,
    },
    /// An entry is not the one that was appended.
    #[error("{}: entry {entry} {problem}", file.display())]
    Entry {
        /// The bundle.
        file: PathBuf,
        /// The entry's index in the log, from 0.
        entry: u64,
        /// What is wrong with it.
        problem: EntryProblem,
    },
    /// The tiles agree with the entries, but not with the checkpoint.
    #[error("checkpoint: its root is {signed}, but the tiles give {found}, and no single file explains it")]
    Root {
        /// The root that the checkpoint signs.
        signed: Hash,
        /// The root that the tiles give.
        found: Hash,
    },
    /// The log is shorter than it was: its tail was cut off.
    #[error("checkpoint: the log has {now} entries, but it had {was} when the earlier checkpoint was saved")]
    Shrunk {
        /// Entries of the earlier checkpoint.
        was: u64,
        /// Entries now.
        now: u64,
    },
    /// The log does not continue the earlier checkpoint: its past was written anew.
    #[error("checkpoint: the first {size} entries have the root {found}, but had {was} in the earlier checkpoint")]
    Rewritten {
        /// Entries of the earlier checkpoint.
        size: u64,
        /// The root that it signs.
        was: Hash,
        /// The root over as many entries now.
        found: Hash,
    },
    /// The earlier checkpoint is of another log.
    #[error("checkpoint: this is the log `{origin}`, but the earlier checkpoint is of `{earlier}`")]
    OtherLog {
        /// This log's origin.
        origin: String,
        /// The earlier checkpoint's.
        earlier: String,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryProblem {
    /// It hashes to something else than the tree has.
    #[error("was changed: it does not hash to its leaf in the signed tree")]
    Changed,
    /// The file ends before or inside it.
    #[error("is cut off: the file ends before it does")]
    Cut,
    /// The file goes on where it should end.
    #[error("should not be there: the file has bytes after its last entry")]
    Extra,
}

impl Finding {
    /// The file that is wrong, inside the log's directory.
    pub fn file(&self) -> &Path {
        match self {
            Self::Unreadable { file, .. }
            | Self::Missing { file, .. }
            | Self::Checkpoint { file, .. }
            | Self::TileLength { file, .. }
            | Self::TileHash { file, .. }
            | Self::Entry { file, .. } => file,
            Self::NoCheckpoint { .. }
            | Self::Root { .. }
            | Self::Shrunk { .. }
            | Self::Rewritten { .. }
            | Self::OtherLog { .. } => Path::new(CHECKPOINT),
        }
    }

    /// The first entry that it touches, if it can be told.
    pub fn entry(&self) -> Option<u64> {
        match self {
            Self::Missing { entry, .. }
            | Self::TileLength { entry, .. }
            | Self::TileHash { entry, .. }
            | Self::Entry { entry, .. } => Some(*entry),
            Self::Shrunk { now, .. } => Some(*now),
            _ => None,
        }
    }
}
