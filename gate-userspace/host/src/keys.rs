//! A role's own Ed25519 key: made by the role at its first start, readable by that role alone.

use crate::trusted::{TrustError, check_owner, open_plain, read_limited};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchmod, fsync, linkat, open, unlink};
use rustix::process::geteuid;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const SEED_BYTES: usize = 32;

/// Why a role has no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not this role's alone.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// The file is not a seed.
    #[error("{path}: has {found} bytes; a role's key is a seed of exactly {SEED_BYTES} bytes")]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
    },
    /// A new key could not be written.
    #[error("{path}: a new key cannot be written: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// There was no randomness to make a key of.
    #[error("no randomness for a new key: {0}")]
    Randomness(io::Error),
}

/// A role's private key. It signs; it is never shown.
pub struct RoleKey(SigningKey);

/// Fills the buffer with the kernel's randomness: the production argument of [`RoleKey::load_or_create`].
pub fn system_random(buffer: &mut [u8]) -> io::Result<()> {
    getrandom::fill(buffer).map_err(io::Error::from)
}

impl RoleKey {
    /// Reads the key, or makes one where there is none. An existing file is refused unless it is a regular file with
    /// one name, of this process's user, with mode 0600 and exactly 32 bytes. A key that is there is never replaced.
    pub fn load_or_create(path: &Path, mut random: impl FnMut(&mut [u8]) -> io::Result<()>) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Untrusted(TrustError::Unreadable { source, .. }))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                let mut seed = Zeroizing::new([0; SEED_BYTES]);
                random(seed.as_mut_slice()).map_err(KeyError::Randomness)?;
                create(path, &seed).map_err(|source| KeyError::Unwritable { path: path.into(), source })?;
                // What counts is what is in the file, whoever was first.
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Reads the key that is there.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let (file, found) = open_plain(path)?;
        check_owner(path, &found, geteuid().as_raw())?;
        let mode = found.st_mode & 0o7777;
        if mode != 0o600 {
            return Err(TrustError::Mode { path: path.into(), found: mode, expected: "0600" }.into());
        }
        let bytes = Zeroizing::new(read_limited(path, file)?);
        let key = <&[u8; SEED_BYTES]>::try_from(bytes.as_slice()).map(SigningKey::from_bytes);
        key.map(Self).map_err(|_| KeyError::Length { path: path.into(), found: bytes.len() })
    }

    /// Signs bytes. What they are for belongs into the bytes.
    pub fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes)
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.0.verifying_key()
    }

    /// The key itself, for libraries that sign with it.
    pub fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleKey").field("public", &hex::encode(self.public().as_bytes())).finish_non_exhaustive()
    }
}

/// Writes the seed under another name and gives it its own only when it is whole and on disk. A file that is there
/// already stays.
fn create(path: &Path, seed: &[u8; SEED_BYTES]) -> io::Result<()> {
    let directory = path.parent().ok_or_else(|| io::Error::other("the path has no directory"))?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    // Left by a start that was cut off; the directory is this role's own.
    match unlink(&unfinished) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    write_whole(open(&unfinished, flags, Mode::RUSR | Mode::WUSR)?, seed)?;
    // link(2), unlike rename(2), does not replace.
    let linked = linkat(CWD, &unfinished, CWD, path, AtFlags::empty());
    unlink(&unfinished)?;
    match linked {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    fsync(open(directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)?;
    Ok(())
}

fn write_whole(file: OwnedFd, seed: &[u8; SEED_BYTES]) -> io::Result<()> {
    // An unusual umask may have taken the owner's own bits.
    fchmod(&file, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    file.write_all(seed)?;
    file.sync_all()
}
