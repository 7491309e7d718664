//! For which roles of users a condition can hold, as far as its text tells: never one too few.
//!
//! Of a condition only what it says about `context.user` and its role is known; everything else may be true or false. The
//! condition is gone through for each user that matters: one with each single role, and, where the claim is a set, one with
//! each set of the roles that the text names. A role counts when the condition can hold for a user who has no other one,
//! or when a set of roles is enough and without this one might not be.

mod truth;
mod unknown;

pub(crate) use unknown::check;

use cedar_policy::Policy;
use gate_tables::{ClaimKind, Issuer};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::sync::Arc;
use truth::{Claim, User, truth};

/// Most roles that a condition names before its sets are not gone through any more: 2^8 of them.
const MAX_NAMED: usize = 8;

/// The roles for which the conditions can hold, on ports of these issuers (`None`: one without). `None`: any role, or no
/// user at all.
pub(crate) fn roles(policy: &Policy, issuers: &[Option<&Arc<Issuer>>]) -> Option<BTreeSet<String>> {
    let json = policy.to_json().ok()?;
    let clauses = json.get("conditions")?.as_array()?;
    let mut all = BTreeSet::new();
    for issuer in issuers {
        // Where there is no user, or none with roles, the condition may only not hold.
        if can_hold(clauses, &User::Nobody) {
            return None;
        }
        let Some(issuer) = issuer else { continue };
        let Some(roles) = &issuer.roles else {
            if can_hold(clauses, &User::Unknown) {
                return None;
            }
            continue;
        };
        let claim = issuer.claims.iter().find(|claim| claim.name == roles.claim)?;
        if claim.optional && can_hold(clauses, &User::Roleless { claim: &claim.name }) {
            return None;
        }
        let of = Claim { name: &claim.name, set: claim.kind == ClaimKind::Strings };
        all.extend(of_issuer(clauses, of, &roles.values)?);
    }
    Some(all)
}

/// `None`: every role of the issuer.
fn of_issuer(clauses: &[Json], of: Claim<'_>, values: &[String]) -> Option<BTreeSet<String>> {
    let holds = |roles: &[&str]| truth(clauses, &User::Has { of, roles });
    let mut found: BTreeSet<String> = BTreeSet::new();
    found.extend(values.iter().filter(|role| holds(&[role.as_str()]).yes).cloned());
    if of.set {
        let named = named(clauses, values);
        if named.len() > MAX_NAMED {
            return None;
        }
        // A user without any role.
        if holds(&[]).yes {
            return None;
        }
        // The roles that are not named are alike: one stands for all. It may matter: a set that is compared whole.
        let other = values.iter().map(String::as_str).find(|role| !named.contains(role));
        let several: Vec<&str> = named.iter().copied().chain(other).collect();
        for set in sets(&several) {
            if !holds(&set).yes {
                continue;
            }
            for role in &set {
                let without: Vec<&str> = set.iter().copied().filter(|other| other != role).collect();
                if holds(&without).may_not_hold() {
                    found.insert((*role).to_owned());
                }
            }
        }
        if other.is_some_and(|other| found.contains(other)) {
            found.extend(values.iter().filter(|role| !named.contains(&role.as_str())).cloned());
        }
    }
    (found.len() < values.len()).then_some(found)
}

/// The roles that the conditions name: all others are alike to them.
fn named<'v>(clauses: &[Json], values: &'v [String]) -> Vec<&'v str> {
    let text = Json::Array(clauses.to_vec());
    values.iter().map(String::as_str).filter(|role| mentions(&text, role)).collect()
}

fn mentions(expression: &Json, role: &str) -> bool {
    match expression {
        Json::String(text) => text == role,
        Json::Array(items) => items.iter().any(|item| mentions(item, role)),
        Json::Object(fields) => fields.values().any(|value| mentions(value, role)),
        _ => false,
    }
}

fn sets<'v>(named: &[&'v str]) -> Vec<Vec<&'v str>> {
    let mut sets: Vec<Vec<&str>> = vec![Vec::new()];
    for role in named {
        let with: Vec<Vec<&str>> = sets.iter().map(|set| set.iter().copied().chain([*role]).collect()).collect();
        sets.extend(with);
    }
    sets
}

fn can_hold(clauses: &[Json], user: &User<'_>) -> bool {
    truth(clauses, user).yes
}

#[cfg(test)]
mod tests;
