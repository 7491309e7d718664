//! Who a request is for, as a token said that was verified.

use super::record;
use cedar_policy::RestrictedExpression;
use gate_tables::{ClaimKind, Issuer};

/// A user: claims of a token that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The token's `sub`.
    pub sub: String,
    /// The claims that the issuer declares, each at most once.
    pub claims: Vec<(String, ClaimValue)>,
}

/// The value of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimValue {
    /// Of a [`ClaimKind::String`].
    Text(String),
    /// Of a [`ClaimKind::Int`].
    Int(i64),
    /// Of a [`ClaimKind::Bool`].
    Bool(bool),
    /// Of a [`ClaimKind::Strings`]: a set, in any order.
    Texts(Vec<String>),
}

impl ClaimValue {
    fn kind(&self) -> ClaimKind {
        match self {
            Self::Text(_) => ClaimKind::String,
            Self::Int(_) => ClaimKind::Int,
            Self::Bool(_) => ClaimKind::Bool,
            Self::Texts(_) => ClaimKind::Strings,
        }
    }

    fn texts(&self) -> &[String] {
        match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::Texts(texts) => texts,
            Self::Int(_) | Self::Bool(_) => &[],
        }
    }
}

/// Whether this is a user of that issuer: its claims, of their types, and no role that it does not name. Anything else is
/// not what rules were written about.
pub(crate) fn check_user(user: Option<&User>, issuer: Option<&Issuer>) -> Result<(), String> {
    let Some(user) = user else { return Ok(()) };
    let Some(issuer) = issuer else {
        return Err("the request has a user, and its port has no issuer".to_owned());
    };
    let by = &issuer.name;
    for (index, (name, value)) in user.claims.iter().enumerate() {
        let Some(declared) = issuer.claims.iter().find(|claim| claim.name == *name) else {
            return Err(format!("the issuer \"{by}\" declares no claim \"{name}\""));
        };
        if declared.kind != value.kind() {
            let (found, right) = (words(value.kind()), words(declared.kind));
            return Err(format!("the claim \"{name}\" of \"{by}\" is {found}; {right} would be right"));
        }
        if user.claims.iter().take(index).any(|(other, _)| other == name) {
            return Err(format!("the claim \"{name}\" is there twice"));
        }
        if let Some(roles) = issuer.roles.as_ref().filter(|roles| roles.claim == *name)
            && let Some(role) = value.texts().iter().find(|role| !roles.values.contains(role))
        {
            return Err(format!("the role \"{role}\" is none of the issuer \"{by}\""));
        }
    }
    let given = |name: &str| user.claims.iter().any(|(given, _)| given == name);
    match issuer.claims.iter().find(|claim| !claim.optional && !given(&claim.name)) {
        Some(claim) => Err(format!("the claim \"{}\" of \"{by}\" is missing", claim.name)),
        None => Ok(()),
    }
}

pub(super) fn to_cedar(user: &User) -> Result<RestrictedExpression, String> {
    let text = |text: &String| RestrictedExpression::new_string(text.clone());
    let claims = user.claims.iter().map(|(name, value)| {
        let value = match value {
            ClaimValue::Text(value) => text(value),
            ClaimValue::Int(number) => RestrictedExpression::new_long(*number),
            ClaimValue::Bool(flag) => RestrictedExpression::new_bool(*flag),
            ClaimValue::Texts(values) => RestrictedExpression::new_set(values.iter().map(text)),
        };
        (name.clone(), value)
    });
    record(claims.chain([("sub".to_owned(), text(&user.sub))]))
}

fn words(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::String => "a string",
        ClaimKind::Int => "an integer",
        ClaimKind::Bool => "a boolean",
        ClaimKind::Strings => "a list of strings",
    }
}
