//! Why the store cannot be used, or a bundle not be taken.

use crate::{Digest, Refusal};
use std::io;
use std::path::{Path, PathBuf};

/// Why the store cannot be used, or a bundle not be taken.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("{path}: cannot {action}: {source}", path = .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("{path}: another process has this store open", path = .path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// A stored bundle would not be admitted.
    #[error("{path}: {refusal}", path = .path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why not.
        refusal: Refusal,
    },
    /// A file that the store did not write, or one that is missing before the end.
    #[error("{path}: {what}", path = .path.display())]
    Chain {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A new bundle, or a statement, was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The bundle that is to be activated is not the one that was staged.
    #[error("bundle {wanted} is not staged, {}; load it again", .staged.map_or("none is".to_owned(), |d| format!("{d} is")))]
    NotStaged {
        /// The one to be activated.
        wanted: Digest,
        /// The one that waits.
        staged: Option<Digest>,
    },
    /// While a bundle is provisional, nothing else happens.
    #[error(
        "bundle {bundle} (version {version}) is provisional here: confirm it with gatectl bundle confirm, or wait until it \
         has gone back by itself"
    )]
    Provisional {
        /// It.
        bundle: Digest,
        /// Its version.
        version: u64,
    },
    /// The first bundle of a store cannot be provisional.
    #[error(
        "version {version} is the first bundle here, and there is nothing to go back to; load it without --confirm"
    )]
    NothingBefore {
        /// Its version.
        version: u64,
    },
    /// A deadline that is over, or further away than a provisional bundle may last.
    #[error("a provisional bundle goes back within {most_s} s; the deadline is {} s away", .away_s.map_or("less than 0".to_owned(), |s| s.to_string()))]
    Deadline {
        /// How far away it is, in seconds; `None`: it is over.
        away_s: Option<u64>,
        /// How far it may be.
        most_s: u64,
    },
    /// The bundle to be confirmed is not the provisional one.
    #[error("bundle {wanted} is not provisional here; {}", .in_force.map_or("no bundle is in force".to_owned(), |d| format!("in force is {d}")))]
    NotProvisional {
        /// The one to be confirmed.
        wanted: Digest,
        /// The one in force.
        in_force: Option<Digest>,
    },
    /// The deadline is over.
    #[error("bundle {wanted} was to be confirmed before; it goes back, and may be loaded again")]
    TooLate {
        /// The one to be confirmed.
        wanted: Digest,
    },
    /// There is no predecessor that everything could go back to.
    #[error("{what}, so there is nothing to go back to; a new bundle with an author and every approval is the way")]
    NothingToRevert {
        /// Why not.
        what: &'static str,
    },
}

pub(super) fn io_error(path: &Path, action: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { path: path.to_owned(), action, source }
}
