//! Reading a policy directory: the only input and output of this crate.

use super::{MAX_FILE_BYTES, PolicySource};
use crate::diagnostic::{Diagnostic, Report};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

impl PolicySource {
    /// Reads the files of a policy directory. Hidden files and `*.md` are not part of a policy; anything else that is
    /// no policy file is refused, because it could be a rule that somebody believes in.
    ///
    /// # Errors
    /// Everything that is missing, unreadable, no regular file, or no policy file.
    pub fn from_dir(directory: &Path) -> Result<Self, Vec<Diagnostic>> {
        let mut report = Report::default();
        let mut files = Vec::new();
        match read_all(directory, &mut files, &mut report) {
            Ok(()) if report.is_empty() => Self::from_files(files),
            Ok(()) => {
                let mut found = report.finish();
                found.extend(Self::from_files(files).err().unwrap_or_default());
                Err(found)
            }
            Err(error) => {
                report.file(&directory.display().to_string(), format!("{error}; a policy is a readable directory"));
                Err(report.finish())
            }
        }
    }
}

fn read_all(directory: &Path, files: &mut Vec<(String, Vec<u8>)>, report: &mut Report) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            report.file(&entry.path().display().to_string(), "the name is not UTF-8");
            continue;
        };
        if name.starts_with('.') || name.ends_with(".md") {
            continue;
        }
        if !entry.file_type()?.is_file() {
            report.file(&name, "not a regular file; a policy has no directories and no links");
            continue;
        }
        match read_limited(&entry.path()) {
            Ok(bytes) => files.push((name, bytes)),
            Err(error) => report.file(&name, error.to_string()),
        }
    }
    files.sort();
    Ok(())
}

/// One byte more than is allowed is enough to refuse the file.
fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
