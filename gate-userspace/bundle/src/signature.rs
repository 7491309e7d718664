//! Signatures of people: SSHSIG over the exact bytes of a manifest or of a statement.

use crate::key::{Key, KeyError};
use serde::Serialize;
use ssh_key::{PublicKey, SshSig};
use std::fmt;

const ARMOR: &str = "-----BEGIN SSH SIGNATURE-----";
/// Bit 0 of a security key's flags byte (OpenSSH `PROTOCOL.u2f`): somebody touched it.
const USER_PRESENT: u8 = 0x01;
/// A security key's signature ends in its flags (one byte) and its counter (four).
const FLAGS_FROM_END: usize = 5;

/// What a signer of a bundle meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// "I wrote this."
    Author,
    /// "I read this and agree."
    Approver,
}

/// The namespace to sign in: `ssh-keygen -Y sign -n NAMESPACE`. A signature for any other purpose says nothing here.
#[must_use]
pub const fn signing_namespace(role: Role) -> &'static str {
    match role {
        Role::Author => "gate-author@v1",
        Role::Approver => "gate-approver@v1",
    }
}

/// The namespace of a statement that goes back to the bundle before: [`crate::Revert`].
pub const REVERT_NAMESPACE: &str = "gate-revert@v1";

/// Why a signature counts for nothing, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    /// Not the armored form that `ssh-keygen -Y sign` writes.
    #[error("is not an armored SSH signature: {0}")]
    Malformed(String),
    /// Made for another purpose.
    #[error("is made in namespace {found:?}; right is {}", .right.iter().map(|right| format!("{right:?}")).collect::<Vec<_>>().join(" or "))]
    WrongNamespace {
        /// The namespace of the signature.
        found: String,
        /// Those in which it would have said something here.
        right: Vec<&'static str>,
    },
    /// Made with a key that is not accepted.
    #[error("its key {0}")]
    Key(#[from] KeyError),
    /// The signature is of something else.
    #[error("by key {fingerprint} is not a signature of these bytes")]
    DoesNotMatch {
        /// The key that the signature names.
        fingerprint: String,
    },
    /// The same key signed in the same role before.
    #[error("by key {fingerprint} as {role} is in the bundle already")]
    Repeated {
        /// The key.
        fingerprint: String,
        /// As what it signed.
        role: Role,
    },
    /// A security key signed without being touched, so perhaps without its owner.
    #[error("by security key {fingerprint} was made without a touch; sign again and touch the key")]
    NoTouch {
        /// The key that the signature names.
        fingerprint: String,
    },
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Author => "author",
            Self::Approver => "approver",
        })
    }
}

/// Checks one armored signature of a bundle's manifest. Whose key it is, and what that person may do, is not judged
/// here.
pub(crate) fn verify(armored: &[u8], manifest: &[u8]) -> Result<(Role, Key), SignatureProblem> {
    let roles = [Role::Author, Role::Approver];
    verify_as(armored, manifest, &roles.map(|role| (role, signing_namespace(role))))
}

/// Checks one armored signature of `message` in one of these namespaces, and says what it means.
pub(crate) fn verify_as<M: Copy>(
    armored: &[u8],
    message: &[u8],
    meanings: &[(M, &'static str)],
) -> Result<(M, Key), SignatureProblem> {
    let malformed = |what: &str| SignatureProblem::Malformed(what.to_owned());
    if !armored.starts_with(ARMOR.as_bytes()) {
        return Err(malformed(&format!("it does not start with {ARMOR}")));
    }
    let signature = SshSig::from_pem(armored).map_err(|error| malformed(&error.to_string()))?;
    if signature.version() != SshSig::VERSION {
        return Err(malformed(&format!("version {}, this version reads 1", signature.version())));
    }
    if !signature.reserved().is_empty() {
        return Err(malformed("its reserved field is not empty"));
    }
    let Some((meaning, namespace)) = meanings.iter().find(|(_, namespace)| *namespace == signature.namespace()) else {
        let right = meanings.iter().map(|(_, namespace)| *namespace).collect();
        return Err(SignatureProblem::WrongNamespace { found: signature.namespace().to_owned(), right });
    };
    let key = Key::accept(signature.public_key().clone())?;
    let fingerprint = key.fingerprint();
    let public = PublicKey::from(key.data().clone());
    let same_type = signature.algorithm() == key.data().algorithm();
    if !same_type || public.verify(namespace, message, &signature).is_err() {
        return Err(SignatureProblem::DoesNotMatch { fingerprint });
    }
    if key.is_security_key() && !was_touched(signature.signature_bytes()) {
        return Err(SignatureProblem::NoTouch { fingerprint });
    }
    Ok((*meaning, key))
}

/// `ssh-key` 0.6 verifies that the flags are the signed ones, and leaves their meaning to us.
fn was_touched(signature: &[u8]) -> bool {
    signature
        .len()
        .checked_sub(FLAGS_FROM_END)
        .and_then(|at| signature.get(at))
        .is_some_and(|flags| flags & USER_PRESENT != 0)
}
