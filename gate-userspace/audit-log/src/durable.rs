//! Writing that lasts: files, then their directories, each with fsync.
//!
//! Files are synced only after all of them are written. A file that is synced as soon as it is written costs one commit
//! of the file system's journal each; the first fsync after several were written takes the names and sizes of all along.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What the owner's group may read.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

/// Why and where writing failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {action}: {source}", path.display())]
pub struct WriteError {
    /// What was tried.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> WriteError + 'p {
    move |source| WriteError { action, path: path.into(), source }
}

/// Makes a directory if it is not there, and says whether it did. Its parent must be there.
fn make_directory(path: &Path) -> Result<bool, WriteError> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        made => made.map(|()| true).map_err(failed("make the directory", path)),
    }
}

/// Makes the directory of a log if it is not there.
pub(crate) fn make_root(path: &Path) -> Result<(), WriteError> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if make_directory(path)? => sync(parent),
        Some(_) => Ok(()),
        None => make_directory(path).map(drop),
    }
}

fn sync(path: &Path) -> Result<(), WriteError> {
    let file = File::open(path).map_err(failed("open", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Takes the right to write, which lasts as long as the file is open. `None` if another has it.
pub(crate) fn lock(path: &Path) -> Result<Option<File>, WriteError> {
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = open.map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(failed("lock", path)(error)),
    }
}

/// A writer of files below one directory.
#[derive(Debug)]
pub(crate) struct Durable {
    root: PathBuf,
    /// Directories whose own entries are known to be on disk.
    known: HashSet<PathBuf>,
    /// Files whose contents may not be on disk, open.
    written: Vec<(PathBuf, File)>,
    /// Directories that have entries which may not be on disk.
    unsynced: BTreeSet<PathBuf>,
}

impl Durable {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.into(), known: HashSet::from([root.into()]), written: Vec::new(), unsynced: BTreeSet::new() }
    }

    /// Writes a file. It and its name are on disk only after [`Durable::sync`].
    pub(crate) fn write(&mut self, file: &Path, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.root.join(file);
        if let Some(directory) = path.parent() {
            self.enter(directory)?;
        }
        let mut options = OpenOptions::new();
        let open = options.write(true).create(true).truncate(true).mode(FILE_MODE).open(&path);
        let mut file = open.map_err(failed("open", &path))?;
        file.write_all(bytes).map_err(failed("write", &path))?;
        self.written.push((path, file));
        Ok(())
    }

    /// Puts the contents of a file on disk that is there already.
    pub(crate) fn sync_file(&mut self, file: &Path) -> Result<(), WriteError> {
        sync(&self.root.join(file))
    }

    /// Puts a file in the place of another at once, on disk. What was written before is on disk earlier.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), WriteError> {
        self.sync_contents()?;
        let (from, to) = (self.root.join(from), self.root.join(to));
        fs::rename(&from, &to).map_err(failed("rename", &from))?;
        self.unsynced.extend(to.parent().map(PathBuf::from));
        self.sync()
    }

    /// Removes a file. Whether that is on disk matters to nobody.
    pub(crate) fn remove(&mut self, file: &Path) -> Result<(), WriteError> {
        let path = self.root.join(file);
        fs::remove_file(&path).map_err(failed("remove", &path))
    }

    /// Removes a directory of files that nobody needs any more. What cannot be removed stays until the log is opened
    /// again: that harms nobody.
    pub(crate) fn remove_unneeded(&mut self, directory: &Path) {
        let directory = self.root.join(directory);
        if fs::remove_dir_all(&directory).is_ok() {
            self.known.remove(&directory);
            self.unsynced.remove(&directory);
        }
    }

    /// Writes to disk all files written so far, and then their names, the deepest directories first.
    pub(crate) fn sync(&mut self) -> Result<(), WriteError> {
        self.sync_contents()?;
        while let Some(directory) = self.unsynced.pop_last() {
            sync(&directory)?;
        }
        Ok(())
    }

    fn sync_contents(&mut self) -> Result<(), WriteError> {
        for (path, file) in self.written.drain(..) {
            file.sync_data().map_err(failed("sync", &path))?;
        }
        Ok(())
    }

    /// Makes the directory if need be, and notes that it will get a new entry.
    fn enter(&mut self, directory: &Path) -> Result<(), WriteError> {
        self.unsynced.insert(directory.into());
        if self.known.contains(directory) {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.enter(parent)?;
        }
        make_directory(directory)?;
        self.known.insert(directory.into());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_written_is_left_unsynced() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Durable::new(directory.path());
        files.write(Path::new("tile/0/000.p/3"), b"abc").unwrap();
        files.write(Path::new("tile/entries/000.p/3"), b"abc").unwrap();
        assert_eq!((files.written.len(), files.unsynced.len()), (2, 6));
        files.sync().unwrap();
        assert_eq!((files.written.len(), files.unsynced.len()), (0, 0));
        // A rename syncs what it puts in place before it does, and the name after.
        files.write(Path::new("checkpoint.new"), b"abc").unwrap();
        files.rename(Path::new("checkpoint.new"), Path::new("checkpoint")).unwrap();
        assert_eq!((files.written.len(), files.unsynced.len()), (0, 0));
    }

    #[test]
    fn what_cannot_be_synced_is_an_error_before_the_rename() {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Durable::new(directory.path());
        files.write(Path::new("checkpoint.new"), b"abc").unwrap();
        // fsync of a pipe is EINVAL, as that of a broken disk is EIO.
        let (_reader, writer) = io::pipe().unwrap();
        files.written.push((PathBuf::from("broken"), File::from(std::os::fd::OwnedFd::from(writer))));
        let failed = files.rename(Path::new("checkpoint.new"), Path::new("checkpoint"));
        assert!(failed.is_err_and(|error| error.action == "sync"));
        assert!(!directory.path().join("checkpoint").exists());
    }
}
