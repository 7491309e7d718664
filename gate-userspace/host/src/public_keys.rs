//! The public keys that root enrolled: whose signature is whose.

use crate::role::Role;
use crate::trusted::{TrustError, read_trusted};
use base64ct::{Base64, Encoding};
use ed25519_dalek::VerifyingKey;
use std::fmt;
use std::path::{Path, PathBuf};

/// The public keys of the roles that sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    authn: VerifyingKey,
    authz: VerifyingKey,
    audit: VerifyingKey,
}

/// Everything that is wrong with the enrolled keys.
#[derive(Debug, thiserror::Error)]
#[error("{}", Lines(.0))]
pub struct PublicKeyError(pub Vec<PublicKeyProblem>);

/// One thing that is wrong with an enrolled key.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyProblem {
    /// The file cannot be read, or others could have written it.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// What it holds is not a key.
    #[error("{path}:1: {found}; it must be one line, the base64 of the 32 bytes of an Ed25519 public key")]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: &'static str,
    },
    /// Two roles that must be independent of each other are not.
    #[error("{path}:1: is the key of {other} as well; each role needs a key of its own")]
    Shared {
        /// The file.
        path: PathBuf,
        /// The role that has it, too.
        other: Role,
    },
}

struct Lines<'e>(&'e [PublicKeyProblem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl PublicKeys {
    /// Reads `authn.pub`, `authz.pub` and `audit.pub`, which must be `expected_owner`'s (root's, outside tests).
    pub fn load(keys_dir: &Path, expected_owner: u32) -> Result<Self, PublicKeyError> {
        let mut problems = Vec::new();
        let mut read = |role: Role| read_key(&keys_dir.join(file_name(role)), expected_owner, &mut problems);
        let found = Role::SIGNING.map(|role| (role, read(role)));
        check_distinct(keys_dir, &found, &mut problems);
        match found {
            [(_, Some(authn)), (_, Some(authz)), (_, Some(audit))] if problems.is_empty() => {
                Ok(Self { authn, authz, audit })
            }
            _ => Err(PublicKeyError(problems)),
        }
    }

    /// The key of authn's assertions.
    pub fn authn(&self) -> &VerifyingKey {
        &self.authn
    }

    /// The key of authz's grants and confirmations.
    pub fn authz(&self) -> &VerifyingKey {
        &self.authz
    }

    /// The key of the log's checkpoints.
    pub fn audit(&self) -> &VerifyingKey {
        &self.audit
    }
}

/// The line that enrolls this key, without a newline.
pub fn public_key_line(key: &VerifyingKey) -> String {
    Base64::encode_string(key.as_bytes())
}

/// Reads such a line, with or without a newline. The error finishes a sentence about the line.
pub fn public_key_from_line(line: &str) -> Result<VerifyingKey, &'static str> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let mut bytes = [0; 32];
    match Base64::decode(line, &mut bytes).map(<[u8]>::len) {
        Ok(32) => {}
        Ok(_) => return Err("is too short"),
        Err(_) => return Err("is not the base64 of 32 bytes"),
    }
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| "is not a point of the curve")?;
    // Signatures that hold for any message exist for such a key.
    if key.is_weak() { Err("is a weak key") } else { Ok(key) }
}

fn file_name(role: Role) -> String {
    format!("{role}.pub")
}

fn read_key(path: &Path, expected_owner: u32, problems: &mut Vec<PublicKeyProblem>) -> Option<VerifyingKey> {
    let key = read_trusted(path, expected_owner).map_err(PublicKeyProblem::from).and_then(|text| {
        public_key_from_line(&text).map_err(|found| PublicKeyProblem::NotAKey { path: path.into(), found })
    });
    key.map_err(|problem| problems.push(problem)).ok()
}

fn check_distinct(keys_dir: &Path, found: &[(Role, Option<VerifyingKey>)], problems: &mut Vec<PublicKeyProblem>) {
    for (index, (role, key)) in found.iter().enumerate() {
        let earlier = found.iter().take(index).find(|(_, other)| key.is_some() && other == key);
        if let Some((other, _)) = earlier {
            problems.push(PublicKeyProblem::Shared { path: keys_dir.join(file_name(*role)), other: *other });
        }
    }
}
