//! Files that are somebody else's.

use super::Outcome;
use std::{
    fs::{self, OpenOptions},
    path::Path,
    time::Instant,
};

/// Opens a path for reading, and for writing; lists it where it is a directory. What worked, or the refusal.
#[must_use]
pub fn open(path: &Path) -> Outcome {
    let begun = Instant::now();
    let refused = |call: &str, error: &std::io::Error| Outcome::refused(call, error, begun.elapsed());
    if path.is_dir() {
        return match fs::read_dir(path) {
            Ok(entries) => Outcome::Worked(format!("listed {} entries", entries.count())),
            Err(error) => refused("open", &error),
        };
    }
    match OpenOptions::new().read(true).open(path) {
        Ok(_) => return Outcome::Worked("opened for reading".into()),
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => return refused("open", &error),
        Err(_) => {}
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Outcome::Worked("opened for writing".into()),
        Err(error) => refused("open", &error),
    }
}
