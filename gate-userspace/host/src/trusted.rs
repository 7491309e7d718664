//! Reading files that decide who is who: refused unless nobody but their owner could have written them.

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, stat};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// The largest file that is read here. Configuration and keys are far smaller.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be opened or read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// It is a directory, a device, a pipe.
    #[error("{path}: is not a regular file; a plain file is needed here")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Its owner is somebody else.
    #[error("{path}: belongs to uid {found}; it must belong to uid {expected}")]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// Its owner.
        found: u32,
        /// Who should own it.
        expected: u32,
    },
    /// Others may do more with it than they should.
    #[error("{path}: has mode {found:04o}; it must be {expected}")]
    Mode {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        found: u32,
        /// What would be right.
        expected: &'static str,
    },
    /// It has a second name, through which it can be reached past its directory.
    #[error("{path}: has {found} hard links; it must have one name only")]
    Links {
        /// The file.
        path: PathBuf,
        /// How many names it has.
        found: u64,
    },
    /// It is far larger than any such file.
    #[error("{path}: is larger than {MAX_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is not text.
    #[error("{path}: is not UTF-8 text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// Its path depends on the current directory.
    #[error("{path}: is not an absolute path")]
    NotAbsolute {
        /// The path.
        path: PathBuf,
    },
}

/// Reads a text file that only `expected_owner` (root, outside tests) can have written: a regular file of that owner,
/// not writable by group or others, not a symbolic link, with one name, in directories that nobody else can
/// rename it in.
pub fn read_trusted(path: &Path, expected_owner: u32) -> Result<String, TrustError> {
    check_directories(path, expected_owner)?;
    let (file, found) = open_plain(path)?;
    check_owner(path, &found, expected_owner)?;
    let mode = found.st_mode & 0o7777;
    if mode & 0o022 != 0 {
        return Err(TrustError::Mode {
            path: path.into(),
            found: mode,
            expected: "writable by its owner alone (0644)",
        });
    }
    String::from_utf8(read_limited(path, file)?).map_err(|_| TrustError::NotText { path: path.into() })
}

/// Opens a regular file with one name, following no symbolic link in the last place.
pub(crate) fn open_plain(path: &Path) -> Result<(OwnedFd, Stat), TrustError> {
    // NONBLOCK: opening a pipe that somebody put here must not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = open(path, flags, Mode::empty()).map_err(|errno| unreadable(path, errno))?;
    let found = fstat(&file).map_err(|errno| unreadable(path, errno))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(TrustError::NotAFile { path: path.into() });
    }
    // The type of this field differs between architectures.
    #[allow(clippy::useless_conversion, reason = "st_nlink is u32 on aarch64 and u64 on x86_64")]
    let links = u64::from(found.st_nlink);
    if links != 1 {
        return Err(TrustError::Links { path: path.into(), found: links });
    }
    Ok((file, found))
}

/// Reads all of a file that is not absurdly large.
pub(crate) fn read_limited(path: &Path, file: OwnedFd) -> Result<Vec<u8>, TrustError> {
    let mut bytes = Vec::new();
    let read = File::from(file).take(MAX_BYTES + 1).read_to_end(&mut bytes);
    let length = read.map_err(|source| TrustError::Unreadable { path: path.into(), source })?;
    if length as u64 > MAX_BYTES {
        return Err(TrustError::TooLarge { path: path.into() });
    }
    Ok(bytes)
}

pub(crate) fn check_owner(path: &Path, found: &Stat, expected: u32) -> Result<(), TrustError> {
    if found.st_uid == expected {
        return Ok(());
    }
    Err(TrustError::Owner { path: path.into(), found: found.st_uid, expected })
}

/// Each directory above must be such that only root or the expected owner can replace what is in it. A sticky directory
/// (`/tmp`) will do: others cannot rename or remove there what they do not own.
fn check_directories(path: &Path, expected_owner: u32) -> Result<(), TrustError> {
    if !path.is_absolute() {
        return Err(TrustError::NotAbsolute { path: path.into() });
    }
    for directory in path.ancestors().skip(1) {
        let found = stat(directory).map_err(|errno| unreadable(directory, errno))?;
        if found.st_uid != 0 {
            check_owner(directory, &found, expected_owner)?;
        }
        let mode = found.st_mode & 0o7777;
        if mode & 0o022 != 0 && mode & 0o1000 == 0 {
            let expected = "writable by its owner alone (0755), or sticky";
            return Err(TrustError::Mode { path: directory.into(), found: mode, expected });
        }
    }
    Ok(())
}

fn unreadable(path: &Path, errno: rustix::io::Errno) -> TrustError {
    TrustError::Unreadable { path: path.into(), source: errno.into() }
}
