//! The targets, by name.

mod archive;
mod cases;
mod cedar;
mod duties;
mod manifest;
mod services;
mod signature;
mod tables;
mod toml;

use crate::{Finding, Verdict};
use std::fmt;
use std::str::FromStr;

/// A reader to be fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// `services.toml`.
    Services,
    /// `cases.toml`, of the shop's policy.
    Cases,
    /// `duties.toml`.
    Duties,
    /// A whole policy directory; what it lacks is the shop's.
    Cedar,
    /// `manifest.json`.
    Manifest,
    /// A bundle's tar file.
    Archive,
    /// One armored SSH signature of a bundle.
    Signature,
    /// `tables.json`.
    Tables,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 8] = [
        Self::Services,
        Self::Cases,
        Self::Duties,
        Self::Cedar,
        Self::Manifest,
        Self::Archive,
        Self::Signature,
        Self::Tables,
    ];

    /// Its name, and its corpus's directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Cases => "cases",
            Self::Duties => "duties",
            Self::Cedar => "cedar",
            Self::Manifest => "manifest",
            Self::Archive => "archive",
            Self::Signature => "signature",
            Self::Tables => "tables",
        }
    }

    /// Feeds it one input.
    ///
    /// # Errors
    /// [`Finding`]: something that must hold of every input does not hold of this one.
    pub fn run(self, input: &[u8]) -> Result<Verdict, Finding> {
        match self {
            Self::Services => services::run(input),
            Self::Cases => cases::run(input),
            Self::Duties => duties::run(input),
            Self::Cedar => cedar::run(input),
            Self::Manifest => manifest::run(input),
            Self::Archive => archive::run(input),
            Self::Signature => signature::run(input),
            Self::Tables => tables::run(input),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Target {
    type Err = Finding;

    fn from_str(name: &str) -> Result<Self, Finding> {
        let found = Self::ALL.into_iter().find(|target| target.name() == name);
        found.ok_or_else(|| Finding(format!("{name:?} is no target")))
    }
}
