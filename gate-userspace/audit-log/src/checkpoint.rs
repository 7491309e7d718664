//! C2SP tlog-checkpoint: the signed head of a log.

use crate::merkle::{HASH_SIZE, Hash};
use crate::note::{self, NoteError, VerifierKey};
use base64ct::{Base64, Encoding as _};
use ed25519_dalek::SigningKey;

/// What a log says of itself at one moment: so many entries, with this root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, which is also the name of its key.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// Why a checkpoint was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not a note that the log's key signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text has another form.
    #[error("line {line} of the checkpoint is `{found}`; it should be {expected}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What it says.
        found: String,
        /// What it should say.
        expected: String,
    },
}

impl Checkpoint {
    /// Reads a checkpoint that `key` signed. Its origin must be the key's name.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let text = note::open(bytes, key)?;
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default();
        let wrong = |line, found: &str, expected: &str| CheckpointError::Line {
            line,
            found: found.into(),
            expected: expected.into(),
        };
        let (origin, size, root) = (next(), next(), next());
        if origin != key.name() {
            return Err(wrong(1, origin, &format!("the origin `{}`", key.name())));
        }
        let size = parse_size(size).ok_or_else(|| wrong(2, size, "the number of entries, in decimal"))?;
        let root = parse_hash(root).ok_or_else(|| wrong(3, root, "the root, 32 bytes in base64"))?;
        if lines.clone().any(str::is_empty) {
            return Err(wrong(4, "", "the empty line before the signatures"));
        }
        Ok(Self { origin: origin.into(), size, root })
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note.
    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        note::sign(&self.text(), &self.origin, key)
    }
}

fn parse_size(text: &str) -> Option<u64> {
    text.parse().ok().filter(|size: &u64| size.to_string() == text)
}

fn parse_hash(text: &str) -> Option<Hash> {
    let bytes: [u8; HASH_SIZE] = Base64::decode_vec(text).ok()?.try_into().ok()?;
    Some(Hash(bytes))
}
