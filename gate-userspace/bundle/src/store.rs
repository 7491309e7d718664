//! The chain of admitted bundles on disk.
//!
//! ```text
//! chain/1.tar, chain/2.tar …   every bundle that was activated; the last one is in force
//! current.tar                  a copy of the last one, for people and for the loader
//! staged.tar                   a bundle that was admitted and waits; it does not outlive the process
//! lock                         held while a process has the store open
//! ```
//!
//! The files are not trusted: [`Store::open`] admits the whole chain again, from the enrolled root. What it cannot see
//! is a chain whose end was cut off; that takes the record of another host.

use crate::admission::readmit;
use crate::{
    Admission, Admitted, Bundle, Change, Digest, EnrolledRoot, Limits, Reason, Refusal, admit_tar, check_toxic,
};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The bundles that one process admitted, and the one in force.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    trust: EnrolledRoot,
    environment: String,
    limits: Limits,
    current: Option<Admitted>,
    staged: Option<Admitted>,
    /// The lock lasts as long as the descriptor.
    _lock: File,
}

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
    /// A new bundle was refused.
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
}

impl Store {
    /// Opens the store in `dir`, makes it when it is not there, and admits its whole chain again.
    ///
    /// # Errors
    /// [`StoreError`] names the file that is not what was admitted; nothing is in force then.
    pub fn open(dir: &Path, trust: EnrolledRoot, environment: &str, limits: Limits) -> Result<Self, StoreError> {
        let chain = dir.join("chain");
        for dir in [dir, &chain] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(io_error(dir, "make the directory"))?;
        }
        let lock = take_lock(&dir.join("lock"))?;
        for leftover in ["staged.tar", "new.tar"] {
            remove_if_there(&dir.join(leftover))?;
        }
        let environment = environment.to_owned();
        let mut store =
            Self { dir: dir.to_owned(), trust, environment, limits, current: None, staged: None, _lock: lock };
        store.admit_chain(&chain)?;
        Ok(store)
    }

    /// The bundle in force.
    #[must_use]
    pub const fn current(&self) -> Option<&Admitted> {
        self.current.as_ref()
    }

    /// The bundle that waits for its activation.
    #[must_use]
    pub const fn staged(&self) -> Option<&Admitted> {
        self.staged.as_ref()
    }

    /// Judges a bundle by the one in force and keeps it for [`Store::activate`]. Nothing takes effect yet.
    /// A bundle that was staged before is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every reason.
    pub fn stage(&mut self, reader: impl Read, now: u64) -> Result<Admission, StoreError> {
        self.discard()?;
        let current = self.current.as_ref();
        let admission = admit_tar(reader, &self.limits, current, &self.trust, &self.environment, now)?;
        if let Admission::Admitted(admitted) = &admission {
            self.write(&self.dir.join("staged.tar"), &admitted.bundle().to_tar())?;
            self.staged = Some(admitted.clone());
        }
        Ok(admission)
    }

    /// Puts the staged bundle into force, on the disk and here.
    ///
    /// # Errors
    /// [`StoreError::NotStaged`] and [`StoreError::Refused`]: the bundle that was in force before still is.
    /// [`StoreError::Io`]: [`Store::current`] says which one is; the disk may not keep it.
    pub fn activate(&mut self, digest: Digest, now: u64) -> Result<&Admitted, StoreError> {
        let staged = self.staged.take_if(|staged| staged.digest() == digest);
        let Some(staged) = staged else {
            return Err(StoreError::NotStaged { wanted: digest, staged: self.staged.as_ref().map(Admitted::digest) });
        };
        let not_after = staged.manifest().not_after();
        if now > not_after {
            return Err(Refusal::from(Reason::Expired { not_after, now }).into());
        }
        // An exception may have ended since it was staged.
        let change = Change::of(staged.bundle(), self.current.as_ref().map(Admitted::bundle));
        check_toxic(staged.bundle(), &change, now)?;
        let link = self.dir.join("chain").join(format!("{}.tar", staged.version()));
        let waiting = self.dir.join("staged.tar");
        // From this rename on, the new bundle is the one that `open` finds.
        fs::rename(&waiting, &link).map_err(io_error(&link, "put the staged bundle there"))?;
        let current = self.current.insert(staged);
        sync_dir(&self.dir.join("chain"))?;
        write_file(&self.dir, &self.dir.join("current.tar"), &current.bundle().to_tar())?;
        Ok(current)
    }

    /// Forgets the staged bundle.
    ///
    /// # Errors
    /// [`StoreError::Io`] when its file cannot be removed.
    pub fn discard(&mut self) -> Result<(), StoreError> {
        self.staged = None;
        remove_if_there(&self.dir.join("staged.tar"))
    }

    fn admit_chain(&mut self, chain: &Path) -> Result<(), StoreError> {
        let length = count_links(chain)?;
        let mut last = Vec::new();
        let mut before_last = Vec::new();
        for version in 1..=length {
            let path = chain.join(format!("{version}.tar"));
            before_last = std::mem::replace(&mut last, read_file(&path)?);
            let untrusted = |refusal| StoreError::Untrusted { path: path.clone(), refusal };
            let bundle = Bundle::from_tar(last.as_slice(), &self.limits).map_err(untrusted)?;
            let admitted = readmit(&bundle, self.current.as_ref(), &self.trust, &self.environment);
            self.current = Some(admitted.map_err(untrusted)?);
        }
        self.mend_copy(length, &last, &before_last)
    }

    /// `current.tar` may lag one bundle behind, when the process ended within an activation; nothing else.
    fn mend_copy(&self, length: u64, last: &[u8], before_last: &[u8]) -> Result<(), StoreError> {
        let path = self.dir.join("current.tar");
        let there = path.try_exists().map_err(io_error(&path, "look for it"))?;
        let copy = if there { Some(read_file(&path)?) } else { None };
        let lags = match &copy {
            None => length <= 1,
            Some(copy) => length >= 2 && copy == before_last,
        };
        match copy {
            None if length == 0 => Ok(()),
            Some(copy) if length >= 1 && copy == last => Ok(()),
            _ if lags => self.write(&path, last),
            None => Err(StoreError::Chain { path, what: "is missing, although there is a chain" }),
            Some(_) => Err(StoreError::Chain { path, what: "is not the last bundle of the chain, byte for byte" }),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        write_file(&self.dir, path, bytes)
    }
}

/// How many bundles the chain has: `1.tar` up to that number, without a gap, and nothing else.
fn count_links(chain: &Path) -> Result<u64, StoreError> {
    let failed = io_error(chain, "list the directory");
    let mut versions = Vec::new();
    for entry in fs::read_dir(chain).map_err(&failed)? {
        let name = entry.map_err(&failed)?.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(".tar")?.parse::<u64>().ok());
        match version.filter(|version| name == *format!("{version}.tar")) {
            Some(version) => versions.push(version),
            None => return Err(StoreError::Chain { path: chain.join(name), what: "is no bundle of this store" }),
        }
    }
    versions.sort_unstable();
    match (1..).zip(&versions).find(|(expected, found)| expected != *found) {
        None => Ok(versions.len() as u64),
        Some((expected, _)) => {
            let path = chain.join(format!("{expected}.tar"));
            Err(StoreError::Chain { path, what: "is missing, although later bundles are there" })
        }
    }
}

fn take_lock(path: &Path) -> Result<File, StoreError> {
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let lock = open.map_err(io_error(path, "open the lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io_error(path, "lock it")(source)),
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(io_error(path, "read it"))
}

/// Replaces a file at once or not at all, and returns when that is durable.
fn write_file(dir: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let new = dir.join("new.tar");
    remove_if_there(&new)?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(io_error(path, "write it"))?;
    sync_dir(dir)
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_error(dir, "make it durable"))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, "remove it")(error)),
        _ => Ok(()),
    }
}

fn io_error(path: &Path, action: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { path: path.to_owned(), action, source }
}
