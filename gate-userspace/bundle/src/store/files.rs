//! The store's files: names, and writing that is done or not done.

use super::error::{StoreError, io_error};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a file of the chain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What people vouched for when the chain of this host began with that bundle.
    Snapshot,
    /// A bundle that was provisional and went back.
    Expired,
    /// A bundle that goes back unless it is confirmed.
    Provisional,
    /// A bundle.
    Bundle,
    /// The statement by which that bundle was reverted.
    Revert,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Snapshot, Self::Expired, Self::Provisional, Self::Bundle, Self::Revert];

    const fn ending(self) -> &'static str {
        match self {
            Self::Snapshot => ".snapshot",
            Self::Expired => ".expired.tar",
            Self::Provisional => ".provisional.tar",
            Self::Bundle => ".tar",
            Self::Revert => ".revert",
        }
    }

    /// Under this name the file is in `chain`.
    pub(super) fn name(self, version: u64) -> String {
        format!("{version}{}", self.ending())
    }

    fn of(name: &str) -> Option<(u64, Self)> {
        let of = |kind: Self| Some((name.strip_suffix(kind.ending())?.parse::<u64>().ok()?, kind));
        Self::ALL.into_iter().filter_map(of).find(|(version, kind)| kind.name(*version) == name)
    }
}

/// What the chain has, by version, in the order in which it happened.
pub(super) fn list(chain: &Path) -> Result<BTreeMap<u64, Vec<Kind>>, StoreError> {
    let failed = io_error(chain, "list the directory");
    let mut found: BTreeMap<u64, Vec<Kind>> = BTreeMap::new();
    for entry in fs::read_dir(chain).map_err(&failed)? {
        let name = entry.map_err(&failed)?.file_name();
        match name.to_str().and_then(Kind::of) {
            Some((version, kind)) => found.entry(version).or_default().push(kind),
            None => return Err(StoreError::Chain { path: chain.join(name), what: "is no bundle of this store" }),
        }
    }
    found.values_mut().for_each(|kinds| kinds.sort_unstable());
    Ok(found)
}

pub(super) fn take_lock(path: &Path) -> Result<File, StoreError> {
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let lock = open.map_err(io_error(path, "open the lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io_error(path, "lock it")(source)),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(io_error(path, "read it"))
}

/// Replaces a file at once or not at all, and returns when that is durable. `dir` is the store's.
pub(super) fn write_file(dir: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let new = dir.join("new.tar");
    remove_if_there(&new)?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(io_error(path, "write it"))?;
    sync_dir(path.parent().unwrap_or(dir))
}

/// Gives a file another name. It is durable after [`sync_parent`].
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(io_error(to, "put the bundle there"))
}

pub(super) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    path.parent().map_or(Ok(()), sync_dir)
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir, "make it durable"))
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, "remove it")(error)),
        _ => Ok(()),
    }
}

/// A file's path in the chain.
pub(super) fn link(dir: &Path, version: u64, kind: Kind) -> PathBuf {
    dir.join("chain").join(kind.name(version))
}
