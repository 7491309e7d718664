//! Statements of people beside the bundles: one line of canonical JSON, and the signatures over that line.
//!
//! ```text
//! {"statement":"…",…}
//! -----BEGIN SSH SIGNATURE-----
//! …
//! -----END SSH SIGNATURE-----
//! ```
//!
//! What is signed are the bytes of the first line, without its line end. Each kind of statement has namespaces of its
//! own, so that no signature of another kind, nor of a bundle, says anything here.

use crate::reason::plain;
use serde::{Serialize, de::DeserializeOwned};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Most bytes of a statement with its signatures.
pub(crate) const MAX_BYTES: usize = 64 << 10;
/// Most signatures under one.
const MAX_SIGNATURES: usize = 32;

/// Why bytes are not a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// More than any statement has.
    #[error("the statement has {found} bytes, at most {MAX_BYTES} are read")]
    TooLarge {
        /// How many.
        found: usize,
    },
    /// Not a line of the right JSON.
    #[error("the statement is not one: {0}")]
    Malformed(String),
    /// The same content in other bytes.
    #[error("the statement is not in canonical form (one line of compact JSON, fields in order, then the signatures)")]
    NotCanonical,
    /// A statement of another kind.
    #[error("the statement is a {found:?}; right here is a {right:?}")]
    OtherKind {
        /// What it says of itself.
        found: String,
        /// What it is to be.
        right: &'static str,
    },
    /// Too many signatures, or none where one is needed.
    #[error("the statement has {found} signatures; {right}")]
    Signatures {
        /// How many.
        found: usize,
        /// How many there may be, in words.
        right: &'static str,
    },
}

/// The parts of a statement's file, unjudged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// What is signed.
    pub(crate) line: Vec<u8>,
    /// Armored, each with its line end.
    pub(crate) signatures: Vec<String>,
}

impl Sheet {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > MAX_BYTES {
            return Err(StatementError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| StatementError::Malformed(error.to_string()))?;
        let Some((line, mut rest)) = text.split_once('\n') else {
            return Err(StatementError::Malformed("it has no line end".into()));
        };
        let mut signatures = Vec::new();
        while !rest.is_empty() {
            let end = rest.find(END).filter(|_| rest.starts_with(BEGIN)).ok_or(StatementError::NotCanonical)?;
            let (signature, after) = rest.split_at(end + END.len());
            signatures.push(signature.to_owned());
            rest = after;
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(StatementError::Signatures { found: signatures.len(), right: "at most 32 are read" });
        }
        Ok(Self { line: line.as_bytes().to_vec(), signatures })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [&self.line[..], b"\n", self.signatures.concat().as_bytes()].concat()
    }
}

/// The line that says this.
pub(crate) fn to_line(said: &impl Serialize) -> Result<Vec<u8>, StatementError> {
    serde_json::to_vec(said).map_err(|error| StatementError::Malformed(error.to_string()))
}

/// What a line says; no other bytes say the same.
pub(crate) fn from_line<S: Serialize + DeserializeOwned>(line: &[u8]) -> Result<S, StatementError> {
    let said = serde_json::from_slice(line).map_err(|error| StatementError::Malformed(plain(&error.to_string())))?;
    if to_line(&said)? == line { Ok(said) } else { Err(StatementError::NotCanonical) }
}

/// A signature with the one line end that it has in a statement.
pub(crate) fn armored(signature: &str) -> String {
    format!("{}\n", signature.trim())
}
