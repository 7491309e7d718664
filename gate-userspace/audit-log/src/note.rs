//! C2SP signed-note: text with Ed25519 signatures, and the keys that verify it.

use base64ct::{Base64, Encoding as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The signature type of plain Ed25519.
const ED25519: u8 = 1;

/// Largest note that is read: room for dozens of signatures, also of post-quantum ones.
pub const MAX_NOTE: usize = 256 * 1024;

/// Why a key or a note was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The name of a key has a form that notes cannot carry.
    #[error("`{found}` cannot name a key: a name is not empty and has no spaces, no `+` and no control characters")]
    Name {
        /// The name.
        found: String,
    },
    /// A verifier key has another form.
    #[error("`{found}` is not a verifier key: {reason}")]
    Key {
        /// What was given.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The bytes are not a note.
    #[error("this is not a signed note: {reason}")]
    Format {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// No signature is by the key.
    #[error("there is no signature by {key}")]
    NotSigned {
        /// The key, as name and id.
        key: String,
    },
    /// A signature by the key does not fit the text.
    #[error("the signature by {key} does not fit the text")]
    Signature {
        /// The key, as name and id.
        key: String,
    },
}

/// A named Ed25519 public key. Written as `name+id+base64`, which the tools of that ecosystem take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Names a public key.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.contains(bad) {
            return Err(NoteError::Name { found: name.into() });
        }
        Ok(Self { name: name.into(), id: key_id(name, &key), key })
    }

    /// The name; for a log's key, the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number that tells keys of one name apart. It proves nothing.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The public key.
    pub fn public_key(&self) -> &VerifyingKey {
        &self.key
    }

    fn label(&self) -> String {
        format!("{}+{:08x}", self.name, self.id)
    }
}

fn key_id(name: &str, key: &VerifyingKey) -> u32 {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key).finalize();
    digest.first_chunk().map_or(0, |head| u32::from_be_bytes(*head))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = vec![ED25519];
        encoded.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}", self.label(), Base64::encode_string(&encoded))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let refuse = |reason| NoteError::Key { found: text.into(), reason };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refuse("it should be name+id+base64"));
        };
        let bytes = Base64::decode_vec(key).map_err(|_| refuse("its last part is not base64"))?;
        let Some((&ED25519, key)) = bytes.split_first() else {
            return Err(refuse("it is not of type 1, Ed25519"));
        };
        let key = VerifyingKey::try_from(key).map_err(|_| refuse("it does not hold an Ed25519 public key"))?;
        if key.is_weak() {
            return Err(refuse("it is a weak Ed25519 key, under which anybody can sign"));
        }
        let key = Self::new(name, key)?;
        if id != format!("{:08x}", key.id) {
            return Err(refuse("its id does not belong to this name and key"));
        }
        Ok(key)
    }
}

/// Signs a text, which ends in a newline.
pub(crate) fn sign(text: &str, name: &str, key: &SigningKey) -> String {
    let mut signature = key_id(name, &key.verifying_key()).to_be_bytes().to_vec();
    signature.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    format!("{text}\n\u{2014} {name} {}\n", Base64::encode_string(&signature))
}

/// The text of a note, if the key signed it. Signatures by other keys are ignored.
pub(crate) fn open<'n>(note: &'n [u8], key: &VerifierKey) -> Result<&'n str, NoteError> {
    let refuse = |reason| NoteError::Format { reason };
    if note.len() > MAX_NOTE {
        return Err(refuse("it is longer than 256 KiB"));
    }
    let note = str::from_utf8(note).map_err(|_| refuse("it is not UTF-8"))?;
    if note.contains(|c: char| c < ' ' && c != '\n') {
        return Err(refuse("it has control characters"));
    }
    let end = note.rfind("\n\n").ok_or_else(|| refuse("no empty line parts text and signatures"))?;
    let (text, signatures) = note.split_at_checked(end + 1).ok_or_else(|| refuse("it has no text"))?;
    let signatures = signatures.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let signatures = signatures.ok_or_else(|| refuse("its last line does not end in a newline"))?;
    let mut signed = false;
    for line in signatures.split('\n') {
        let (name, signature) = parse_signature(line).ok_or_else(|| refuse("a signature line has another form"))?;
        signed |= check_signature(text, name, &signature, key)?;
    }
    if signed { Ok(text) } else { Err(NoteError::NotSigned { key: key.label() }) }
}

fn parse_signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let signature = Base64::decode_vec(signature).ok()?;
    (!name.is_empty() && !name.contains('+') && signature.len() > 4).then_some((name, signature))
}

/// Whether the signature is by this key. If it is, it must fit.
fn check_signature(text: &str, name: &str, signature: &[u8], key: &VerifierKey) -> Result<bool, NoteError> {
    let Some((id, signature)) = signature.split_first_chunk() else { return Ok(false) };
    if name != key.name || u32::from_be_bytes(*id) != key.id {
        return Ok(false);
    }
    let refuse = || NoteError::Signature { key: key.label() };
    let signature = Signature::from_slice(signature).map_err(|_| refuse())?;
    key.key.verify_strict(text.as_bytes(), &signature).map_err(|_| refuse())?;
    Ok(true)
}
