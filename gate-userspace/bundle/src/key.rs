//! People's public keys.

use ssh_key::{HashAlg, PublicKey, public::EcdsaPublicKey, public::KeyData};
use std::fmt;

/// A public key that people may sign bundles with: Ed25519 or ECDSA P-256, in a file, an agent or a security key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(KeyData);

/// Why a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the text of an SSH public key.
    #[error("is not an SSH public key; write the line of a .pub file: \"ssh-ed25519 AAAA… comment\"")]
    Malformed,
    /// A key type that Gate does not accept.
    #[error(
        "is of type {0}; accepted are ssh-ed25519, ecdsa-sha2-nistp256, sk-ssh-ed25519@openssh.com and \
         sk-ecdsa-sha2-nistp256@openssh.com"
    )]
    Unsupported(String),
    /// A point for which signatures can be made without a private key, or that is written in another form.
    #[error("is not a sound point on its curve; make a new key with ssh-keygen")]
    Weak,
}

impl Key {
    /// Parses the line of a `.pub` file.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the key.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let key = PublicKey::from_openssh(line).map_err(|_| KeyError::Malformed)?;
        Self::accept(key.key_data().clone())
    }

    pub(crate) fn accept(data: KeyData) -> Result<Self, KeyError> {
        let sound = match &data {
            KeyData::Ed25519(key) => is_sound_edwards(&key.0),
            KeyData::SkEd25519(key) => is_sound_edwards(&key.public_key().0),
            KeyData::Ecdsa(EcdsaPublicKey::NistP256(point)) => is_uncompressed(point.as_bytes()),
            KeyData::SkEcdsaSha2NistP256(key) => is_uncompressed(key.ec_point().as_bytes()),
            other => return Err(KeyError::Unsupported(other.algorithm().to_string())),
        };
        if sound { Ok(Self(data)) } else { Err(KeyError::Weak) }
    }

    pub(crate) const fn data(&self) -> &KeyData {
        &self.0
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether the key lives in a security key, whose signatures say if somebody touched it.
    #[must_use]
    pub const fn is_security_key(&self) -> bool {
        matches!(self.0, KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_))
    }

    /// The point itself, without the type's name: one point under two types is still one key.
    pub(crate) fn point(&self) -> &[u8] {
        match &self.0 {
            KeyData::Ed25519(key) => &key.0,
            KeyData::SkEd25519(key) => &key.public_key().0,
            KeyData::Ecdsa(key) => key.as_sec1_bytes(),
            KeyData::SkEcdsaSha2NistP256(key) => key.ec_point().as_bytes(),
            _ => &[],
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint())
    }
}

/// A point of small order verifies signatures that nobody made.
fn is_sound_edwards(bytes: &[u8; 32]) -> bool {
    ed25519_dalek::VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak())
}

/// OpenSSH writes points uncompressed only; a second form would be a second name for one key.
fn is_uncompressed(point: &[u8]) -> bool {
    point.len() == 65 && point.first() == Some(&4)
}
