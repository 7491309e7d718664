//! What one role states to another, signed: the assertion (who is there), the grant (who may be reached, until
//! when) and the confirmation (these tables follow from these rules).
//!
//! A statement is signed with its role's own Ed25519 key over `context || 0x00 || payload`. The context differs
//! for each kind, so that a signature for one purpose is worth nothing for another. The payload is the
//! [postcard](https://docs.rs/postcard) encoding; it is verified as received and only then parsed.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use gate_tables::ServiceId;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, net::SocketAddr};

/// Longest life of an assertion, in milliseconds. gate-net and gate-authz refuse one that claims more.
pub const MAX_ASSERTION_MS: u64 = 300_000;

/// Longest life of a grant, in milliseconds. gate-net refuses one that claims more.
pub const MAX_GRANT_MS: u64 = 60_000;

/// How far into the future a statement may be issued, in milliseconds. The signer shares the host's clock.
pub const MAX_SKEW_MS: u64 = 1_000;

/// A session's random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 16]);

/// A decision's random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DecisionId(pub [u8; 16]);

/// SHA-256 of a bundle's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BundleDigest(pub [u8; 32]);

macro_rules! hexadecimal {
    ($($name:ty),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // One write: this is on the way of every record.
                let mut text = [0; 64];
                let mut length = 0;
                for (byte, pair) in self.0.iter().zip(text.chunks_exact_mut(2)) {
                    pair.copy_from_slice(&digits(*byte));
                    length += 2;
                }
                let text = text.get(..length).and_then(|text| std::str::from_utf8(text).ok());
                f.write_str(text.unwrap_or_default())
            }
        }
    )*};
}
hexadecimal!(SessionId, DecisionId, BundleDigest);

/// Two hexadecimal digits.
const fn digits(byte: u8) -> [u8; 2] {
    const fn digit(value: u8) -> u8 {
        if value < 10 { b'0' + value } else { b'a' + value - 10 }
    }
    [digit(byte >> 4), digit(byte & 15)]
}

/// A kind of statement.
pub trait Statement: Serialize + DeserializeOwned {
    /// What the signature is for; unique per kind and version.
    const CONTEXT: &'static str;
}

/// gate-authn: who is at the other end of one connection, with which user's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// The session: one connection and one token.
    pub session: SessionId,
    /// The kernel's cookie of the proxy's accepted socket (`SO_COOKIE`).
    pub connection: u64,
    /// SHA-256 of the request's token; zero where there is none.
    pub token: [u8; 32],
    /// The service that connected. `ServiceId(0)`: a process of no service.
    pub source: ServiceId,
    /// That service's name; empty for none.
    pub source_name: String,
    /// The Unix user that connected.
    pub uid: u32,
    /// The address that the peer connected to.
    pub destination: SocketAddr,
    /// The environment.
    pub environment: String,
    /// The bundle version under which it was attested.
    pub version: u64,
    /// When it was signed, Unix milliseconds.
    pub issued_ms: u64,
    /// When it ends, Unix milliseconds.
    pub expires_ms: u64,
}

/// gate-authz: the proxy may open connections from `source` to `destination` until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The session whose request was allowed.
    pub session: SessionId,
    /// The decision that it follows from.
    pub decision: DecisionId,
    /// The service on whose behalf the proxy connects.
    pub source: ServiceId,
    /// The service that it connects to.
    pub destination: ServiceId,
    /// The environment.
    pub environment: String,
    /// The bundle version of the decision.
    pub version: u64,
    /// When it was signed, Unix milliseconds.
    pub issued_ms: u64,
    /// When it ends, Unix milliseconds.
    pub until_ms: u64,
}

/// gate-authz: it compiled the rules of this bundle itself, and the tables in it are the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The bundle.
    pub bundle: BundleDigest,
    /// The environment.
    pub environment: String,
    /// The bundle's version.
    pub version: u64,
}

impl Statement for Assertion {
    const CONTEXT: &'static str = "gate assertion v1";
}
impl Statement for Grant {
    const CONTEXT: &'static str = "gate grant v1";
}
impl Statement for Confirmation {
    const CONTEXT: &'static str = "gate confirmation v1";
}

/// A statement with its signature, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed<T> {
    #[serde(with = "serde_bytes")]
    payload: Vec<u8>,
    #[serde(with = "serde_bytes")]
    signature: Vec<u8>,
    #[serde(skip)]
    kind: PhantomData<fn() -> T>,
}

/// Why a statement is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The signature is not the role's.
    #[error("{kind}: the signature is not by the enrolled key of the role that makes it")]
    Signature {
        /// The context.
        kind: &'static str,
    },
    /// The signature holds and the payload cannot be read: another version made it.
    #[error("{kind}: the payload cannot be read")]
    Payload {
        /// The context.
        kind: &'static str,
    },
    /// Not in its time of validity.
    #[error("{kind}: {found}")]
    Stale {
        /// The context.
        kind: &'static str,
        /// What is wrong with its times.
        found: &'static str,
    },
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    ///
    /// # Errors
    /// [`StatementError::Payload`] when it cannot be encoded.
    pub fn sign(statement: &T, key: &SigningKey) -> Result<Self, StatementError> {
        let payload = postcard::to_allocvec(statement).map_err(|_| StatementError::Payload { kind: T::CONTEXT })?;
        let signature = key.sign(&message::<T>(&payload)).to_bytes().to_vec();
        Ok(Self { payload, signature, kind: PhantomData })
    }

    /// The statement, if the signature is `key`'s and made for this purpose.
    ///
    /// # Errors
    /// [`StatementError::Signature`] or [`StatementError::Payload`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<T, StatementError> {
        let signature =
            Signature::from_slice(&self.signature).map_err(|_| StatementError::Signature { kind: T::CONTEXT })?;
        key.verify_strict(&message::<T>(&self.payload), &signature)
            .map_err(|_| StatementError::Signature { kind: T::CONTEXT })?;
        match postcard::take_from_bytes(&self.payload) {
            Ok((statement, [])) => Ok(statement),
            _ => Err(StatementError::Payload { kind: T::CONTEXT }),
        }
    }

    /// The signed bytes, for use as a cache key together with [`Signed::signature`].
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl Assertion {
    /// Whether it is in its time of validity.
    ///
    /// # Errors
    /// [`StatementError::Stale`].
    pub fn check_time(&self, now_ms: u64) -> Result<(), StatementError> {
        check_time(Self::CONTEXT, self.issued_ms, self.expires_ms, MAX_ASSERTION_MS, now_ms)
    }
}

impl Grant {
    /// Whether it is in its time of validity.
    ///
    /// # Errors
    /// [`StatementError::Stale`].
    pub fn check_time(&self, now_ms: u64) -> Result<(), StatementError> {
        check_time(Self::CONTEXT, self.issued_ms, self.until_ms, MAX_GRANT_MS, now_ms)
    }
}

fn check_time(kind: &'static str, issued: u64, until: u64, longest: u64, now: u64) -> Result<(), StatementError> {
    let stale = |found| Err(StatementError::Stale { kind, found });
    if issued > now.saturating_add(MAX_SKEW_MS) {
        return stale("it was issued in the future");
    }
    if until <= now {
        return stale("it has expired");
    }
    if until.saturating_sub(issued) > longest {
        return stale("it claims a longer life than such a statement may have");
    }
    Ok(())
}

fn message<T: Statement>(payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(T::CONTEXT.len() + 1 + payload.len());
    message.extend_from_slice(T::CONTEXT.as_bytes());
    message.push(0);
    message.extend_from_slice(payload);
    message
}

#[cfg(test)]
mod tests;
