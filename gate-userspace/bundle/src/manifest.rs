//! `manifest.json`: what people sign.

use crate::{CASES, DUTIES, Digest, SERVICES, TABLES, reason::plain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the bundle's format. A reader refuses any other.
pub const FORMAT: u32 = 1;
/// The kernel's active word holds the version above one bit for the table's copy.
const MAX_VERSION: u64 = u64::MAX >> 1;
const MAX_NAME: usize = 64;

/// The manifest of a bundle. Its bytes are compact JSON with the fields in this order; no other bytes mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    environment: String,
    version: u64,
    previous: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    git_commit: Option<String>,
    created: u64,
    not_after: u64,
    files: BTreeMap<String, Digest>,
}

/// What an author decides of a manifest; the rest follows from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The environment that the bundle is for.
    pub environment: String,
    /// Version and digest of the bundle that this one follows; `None` for the first.
    pub previous: Option<(u64, Digest)>,
    /// The commit of the policy repository, 40 or 64 hexadecimal digits.
    pub git_commit: Option<String>,
    /// When it was made, in seconds since 1970. Nothing is decided by it.
    pub created: u64,
    /// Until when it may be activated for the first time, in seconds since 1970.
    pub not_after: u64,
}

/// Why bytes are not a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON of a [`Manifest`].
    #[error("manifest.json: {0}")]
    Malformed(String),
    /// The same content in other bytes.
    #[error("manifest.json: not in canonical form (compact, fields in order, no key twice)")]
    NotCanonical,
    /// A field whose value cannot be.
    #[error("manifest.json: {field} is {found}; {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}

impl Manifest {
    /// The manifest of these files (`policy/…` and `tables.json`).
    ///
    /// # Errors
    /// [`ManifestError::Field`] when the draft or a file's name cannot be.
    pub fn for_files(draft: Draft, files: &BTreeMap<String, Vec<u8>>) -> Result<Self, ManifestError> {
        let manifest = Self {
            format: FORMAT,
            environment: draft.environment,
            version: draft.previous.map_or(1, |(version, _)| version.saturating_add(1)),
            previous: draft.previous.map(|(_, digest)| digest),
            git_commit: draft.git_commit,
            created: draft.created,
            not_after: draft.not_after,
            files: files.iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect(),
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The canonical bytes: what people sign, and whose SHA-256 is the bundle's digest.
    ///
    /// # Errors
    /// Never for a manifest that exists; JSON of strings and numbers cannot fail.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        serde_json::to_vec(self).map_err(|error| ManifestError::Malformed(error.to_string()))
    }

    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] names the first thing that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| ManifestError::Malformed(plain(&error.to_string())))?;
        if manifest.to_bytes()? != bytes {
            return Err(ManifestError::NotCanonical);
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// The environment that the bundle is for.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Its place in the chain, from 1.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The digest of the bundle before it; `None` for the first.
    #[must_use]
    pub const fn previous(&self) -> Option<Digest> {
        self.previous
    }

    /// The commit of the policy repository, if it was told.
    #[must_use]
    pub fn git_commit(&self) -> Option<&str> {
        self.git_commit.as_deref()
    }

    /// When it was made, in seconds since 1970; a claim of whoever made it.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// Until when it may be activated for the first time, in seconds since 1970.
    #[must_use]
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// The digest of each file.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, Digest> {
        &self.files
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |field, found: String, expected| Err(ManifestError::Field { field, found, expected });
        if self.format != FORMAT {
            return wrong("format", self.format.to_string(), "this version reads 1");
        }
        if !is_environment(&self.environment) {
            let expected = "an environment is 1 to 64 letters, digits, dots, hyphens and underscores";
            return wrong("environment", format!("{:?}", self.environment), expected);
        }
        if self.version == 0 || self.version > MAX_VERSION {
            return wrong("version", self.version.to_string(), "versions count from 1 and stay under 2^63");
        }
        if let Some(commit) = self.git_commit.as_deref().filter(|commit| !is_commit(commit)) {
            return wrong("git_commit", format!("{commit:?}"), "a commit is 40 or 64 lower-case hexadecimal digits");
        }
        if self.not_after < self.created {
            return wrong("not_after", self.not_after.to_string(), "it is not before created");
        }
        if let Some(name) = self.files.keys().find(|name| !is_file_name(name)) {
            let expected = "files are tables.json, policy/{services,duties,cases}.toml and policy/NAME.cedar";
            return wrong("files", format!("{name:?}"), expected);
        }
        for name in [SERVICES, DUTIES, TABLES] {
            if !self.files.contains_key(name) {
                return wrong(
                    "files",
                    format!("without {name}"),
                    "services.toml, duties.toml and tables.json are there",
                );
            }
        }
        Ok(())
    }
}

/// Whether a member of that name may be in a bundle, beside the manifest and the signatures.
pub(crate) fn is_file_name(name: &str) -> bool {
    if [SERVICES, DUTIES, CASES, TABLES].contains(&name) {
        return true;
    }
    let stem = name.strip_prefix("policy/").and_then(|name| name.strip_suffix(".cedar"));
    stem.is_some_and(|stem| {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        stem.len() <= MAX_NAME
            && stem.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && stem.bytes().all(legal)
    })
}

fn is_environment(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(legal)
}

fn is_commit(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
