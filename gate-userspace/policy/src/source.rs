//! The files of a policy, in memory.

mod directory;

use crate::diagnostic::{Diagnostic, Report};
use std::collections::BTreeMap;

pub(crate) const SERVICES: &str = "services.toml";
pub(crate) const CASES: &str = "cases.toml";
pub(crate) const DUTIES: &str = "duties.toml";

/// Most bytes of one policy file.
pub const MAX_FILE_BYTES: usize = 4 << 20;
/// Most files of one policy.
pub const MAX_FILES: usize = 1024;

/// The files of one policy: name to bytes. Names have no directory part: `services.toml`, `shop.cedar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySource {
    files: BTreeMap<String, Vec<u8>>,
}

impl PolicySource {
    /// Takes files from memory, as from a bundle (without the bundle's `policy/`).
    ///
    /// # Errors
    /// Every file whose name is not a policy file's, is there twice, or is too large; and what is missing.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Vec<Diagnostic>> {
        let mut report = Report::default();
        let mut taken = BTreeMap::new();
        for (name, bytes) in files {
            if let Err(message) = check_name(&name) {
                report.file(&name, message);
            } else if bytes.len() > MAX_FILE_BYTES {
                report.file(&name, format!("{} bytes; a policy file has at most {MAX_FILE_BYTES}", bytes.len()));
            } else if taken.insert(name.clone(), bytes).is_some() {
                report.file(&name, "is there twice; each name stands for one file");
            }
        }
        Self { files: taken }.complete(report)
    }

    /// The bytes of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// Every file, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The line that a diagnostic is about, as it is written, for people to see beside the message. `None` when the whole
    /// file is meant, or is no text.
    #[must_use]
    pub fn line_of(&self, diagnostic: &Diagnostic) -> Option<&str> {
        let text = std::str::from_utf8(self.file(&diagnostic.file)?).ok()?;
        text.lines().nth(diagnostic.line?.checked_sub(1)?)
    }

    /// The text of one file. Bytes that are not UTF-8 are reported.
    pub(crate) fn text<'a>(&'a self, name: &str, report: &mut Report) -> Option<&'a str> {
        match std::str::from_utf8(self.file(name)?) {
            Ok(text) => Some(text),
            Err(error) => {
                report.file(name, format!("byte {} is not UTF-8; policy files are UTF-8", error.valid_up_to()));
                None
            }
        }
    }

    pub(crate) fn cedar_files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|name| name.ends_with(".cedar"))
    }

    fn complete(self, mut report: Report) -> Result<Self, Vec<Diagnostic>> {
        if self.files.len() > MAX_FILES {
            report.file(SERVICES, format!("{} files beside it; a policy has at most {MAX_FILES}", self.files.len()));
        }
        if !self.files.contains_key(SERVICES) {
            report.file(SERVICES, "is missing; it says what runs here");
        }
        if self.cedar_files().next().is_none() {
            report.file("*.cedar", "no such file; to permit nothing, write an empty one");
        }
        if report.is_empty() { Ok(self) } else { Err(report.finish()) }
    }
}

/// A file that is neither read nor refused could be a rule that somebody believes in, so there is no such file.
fn check_name(name: &str) -> Result<(), String> {
    let stem = match name {
        SERVICES | CASES | DUTIES => return Ok(()),
        _ => name.strip_suffix(".cedar"),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match stem {
        Some(stem) if !stem.is_empty() && !stem.starts_with('.') && stem.chars().all(legal) => Ok(()),
        _ => Err(format!(
            "not a policy file; a policy is {SERVICES}, {DUTIES}, {CASES} and *.cedar (letters, digits, \"-\", \"_\", \".\")"
        )),
    }
}

#[cfg(test)]
mod tests;
