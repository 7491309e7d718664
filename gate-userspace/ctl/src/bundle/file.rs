//! Bundles as files.

use crate::report::Failure;
use gate_bundle::{Bundle, Limits, Refusal};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The archive's bytes and what they are.
pub(crate) struct Opened {
    pub(crate) bytes: Vec<u8>,
    pub(crate) bundle: Bundle,
}

/// Reads a bundle that is consistent in itself.
pub(crate) fn open(path: &Path) -> Result<Opened, Failure> {
    let bytes = read(path)?;
    let bundle = Bundle::from_tar(bytes.as_slice(), &Limits::default())
        .map_err(|refusal| Failure::refused(reasons(path, &refusal)))?;
    Ok(Opened { bytes, bundle })
}

/// Most bytes that are read of a file that claims to be a bundle: what a bundle may have, and its headers.
const MAX_BYTES: u64 = (128 << 20) + (2 << 20);

/// The bytes of a regular file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |found: &str| Failure::cannot(format!("{}: {found}; give the file of a bundle", path.display()));
    let found = fs::metadata(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if !found.is_file() {
        return Err(wrong("is no regular file"));
    }
    if found.len() > MAX_BYTES {
        return Err(wrong(&format!("has {} bytes, more than any bundle ({MAX_BYTES})", found.len())));
    }
    fs::read(path).map_err(|error| wrong(&format!("cannot be read: {error}")))
}

/// Every reason with the file's name.
pub(crate) fn reasons(path: &Path, refusal: &Refusal) -> Vec<String> {
    refusal.reasons().iter().map(|reason| format!("{}: {reason}", path.display())).collect()
}

/// Writes a new file durably; an existing one stays unless `replace`.
pub(crate) fn create(path: &Path, bytes: &[u8], replace: bool) -> Result<(), Failure> {
    let wrong = |error: &io::Error| Failure::cannot(format!("{}: cannot be written: {error}", path.display()));
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".gate-bundle-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)
        .map_err(|error| wrong(&error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| wrong(&error))?;
    if replace {
        file.persist(path).map_err(|failed| wrong(&failed.error))?;
    } else {
        file.persist_noclobber(path).map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => Failure::cannot(format!(
                "{}: exists already, perhaps with signatures; choose another name, or --force to replace it",
                path.display()
            )),
            _ => wrong(&failed.error),
        })?;
    }
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| wrong(&error))
}

/// Replaces the bundle that was read by one with more signatures. Whatever somebody else wrote meanwhile stays.
pub(crate) fn replace(path: &Path, before: &[u8], bundle: &Bundle) -> Result<(), Failure> {
    if read(path)? != before {
        return Err(Failure::cannot(format!(
            "{}: somebody changed it while it was being signed; nothing was written, sign again",
            path.display()
        )));
    }
    create(path, &bundle.to_tar(), true)
}
