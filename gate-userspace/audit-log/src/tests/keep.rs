//! What the tests share: logs with known keys and entries, and whole directories in memory.

use crate::{Checkpoint, Log, LogError, VerifierKey};
use ed25519_dalek::SigningKey;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) const ORIGIN: &str = "host.example/gate";

pub(super) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(super) fn verifier() -> VerifierKey {
    VerifierKey::new(ORIGIN, key().verifying_key()).unwrap()
}

/// Entry `index`, always the same; lengths differ, 0 among them.
pub(super) fn entry(index: u64) -> Vec<u8> {
    format!("{{\"entry\":{index}}}").repeat((index % 4) as usize).into_bytes()
}

pub(super) fn open(directory: &Path) -> Result<Log, LogError> {
    Log::open(directory, ORIGIN, key(), None)
}

/// Appends as many of the known entries as bring the log to `size`, and commits.
pub(super) fn grow(log: &mut Log, size: u64) -> Checkpoint {
    let entries: Vec<_> = (log.size()..size).map(entry).collect();
    log.append(&entries).unwrap();
    log.commit().unwrap().clone()
}

/// A log that was committed at these sizes.
pub(super) fn log_with(directory: &Path, sizes: &[u64]) -> Log {
    let mut log = open(directory).unwrap();
    for size in sizes {
        grow(&mut log, *size);
    }
    log
}

/// Every file below a directory but the lock.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

pub(super) fn read_all(directory: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![directory.to_path_buf()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.file_name().unwrap() != "lock" {
                files.insert(path.strip_prefix(directory).unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

pub(super) fn write_all(directory: &Path, files: &Files) {
    for (path, bytes) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
