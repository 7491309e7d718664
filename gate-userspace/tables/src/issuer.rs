//! Who vouches for users.

use serde::{Deserialize, Serialize};

/// Somebody whose signed tokens (JWT) say who a user is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its name in the policy.
    pub name: String,
    /// The `iss` of its tokens.
    pub url: String,
    /// A token must be for one of these (`aud`); sorted.
    pub audiences: Vec<String>,
    /// The algorithms its signatures may have; sorted.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are: an `https://` address, or the absolute path of a file.
    pub keys: String,
    /// What rules may read of a token besides `sub`, sorted by name.
    pub claims: Vec<Claim>,
    /// Which claim says a user's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Roles>,
}

/// A signature algorithm of RFC 7518 and RFC 8037. Those with a shared secret, and none at all, do not exist here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each name is that of the RFC")]
pub enum Algorithm {
    EdDSA,
    ES256,
    ES384,
    PS256,
    PS384,
    PS512,
    RS256,
    RS384,
    RS512,
}

impl Algorithm {
    /// All of them, by name.
    pub const ALL: [(&'static str, Self); 9] = [
        ("EdDSA", Self::EdDSA),
        ("ES256", Self::ES256),
        ("ES384", Self::ES384),
        ("PS256", Self::PS256),
        ("PS384", Self::PS384),
        ("PS512", Self::PS512),
        ("RS256", Self::RS256),
        ("RS384", Self::RS384),
        ("RS512", Self::RS512),
    ];
}

/// One claim of a token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Its name in the token and in rules.
    pub name: String,
    /// What it must be.
    pub kind: ClaimKind,
    /// Whether a token without it is accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// The type of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimKind {
    /// A Cedar `String`.
    String,
    /// A Cedar `Long`.
    Int,
    /// A Cedar `Bool`.
    Bool,
    /// A Cedar `Set<String>`.
    Strings,
}

/// The roles that users of an issuer may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// The claim: of [`ClaimKind::String`] or [`ClaimKind::Strings`].
    pub claim: String,
    /// Every value it may have, sorted; a token with another one is not accepted.
    pub values: Vec<String>,
}
