//! A bundle as it arrives: a descriptor from another process, whose bytes nobody has judged.

use gate_bundle::{Digest, Manifest, StoreError};
use rustix::fs::{FileType, fstat, fstatfs};
use rustix::io::{Errno, pread};
use std::os::fd::OwnedFd;

/// Most bytes of a bundle's archive: those of its members, and their headers.
const MAX_TAR: u64 = (128 << 20) + (2 << 20);
/// `FUSE_SUPER_MAGIC` of linux/magic.h: reading waits for some process as long as that one likes.
const FUSE: i64 = 0x6573_5546;
/// Longest text that goes into one record.
const MAX_TEXT: usize = 1_024;
/// Most reasons that go into one record; the operator sees all.
const MAX_REASONS: usize = 10;

/// Copies the bytes, so that nobody changes them while they are judged.
pub(crate) fn read(descriptor: &OwnedFd) -> Result<Vec<u8>, String> {
    let wrong = |error: Errno| format!("the bundle's descriptor cannot be read: {error}");
    let found = fstat(descriptor).map_err(wrong)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err("the bundle's descriptor is no regular file".into());
    }
    if fstatfs(descriptor).map_err(wrong)?.f_type == FUSE {
        return Err("the bundle is on a FUSE file system; copy it to another one".into());
    }
    let size = u64::try_from(found.st_size).unwrap_or(u64::MAX);
    if size > MAX_TAR {
        return Err(format!("the bundle has {size} bytes, at most {MAX_TAR} are read"));
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|error| error.to_string())?];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match pread(descriptor, rest, filled as u64) {
            Ok(0) => return Err("the bundle became shorter while it was read".into()),
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    Ok(bytes)
}

/// The digest and version that a refused archive claims, for the record; empty and 0 where it has no manifest. A tar
/// header has the name in its first 100 bytes and the size as octal digits at 124.
pub(crate) fn claims(tar: &[u8]) -> (String, u64) {
    let manifest = || {
        let name = tar.get(..100)?.split(|byte| *byte == 0).next()?;
        let size = std::str::from_utf8(tar.get(124..135)?).ok()?;
        let size = usize::from_str_radix(size.trim_matches(['\0', ' ']), 8).ok()?;
        (name == b"manifest.json").then(|| tar.get(512..512_usize.checked_add(size)?)).flatten()
    };
    match manifest() {
        Some(bytes) => {
            let version = Manifest::from_bytes(bytes).map(|manifest| manifest.version());
            (Digest::of(bytes).to_string(), version.unwrap_or(0))
        }
        None => (String::new(), 0),
    }
}

/// Every reason of a refusal by itself.
pub(crate) fn reasons(error: &StoreError) -> Vec<String> {
    match error {
        StoreError::Refused(refusal) => refusal.reasons().iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// What the record holds of them.
pub(crate) fn bounded(mut reasons: Vec<String>) -> Vec<String> {
    let more = reasons.len().saturating_sub(MAX_REASONS);
    reasons.truncate(MAX_REASONS);
    let mut kept: Vec<String> = reasons.into_iter().map(shortened).collect();
    if more > 0 {
        kept.push(format!("and {more} more"));
    }
    kept
}

pub(crate) fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
