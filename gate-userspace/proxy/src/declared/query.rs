//! Declared parameters of the query.
//!
//! There is no standard for what a query means. Here it is what browsers and nearly all servers take it for (the URL
//! standard's `application/x-www-form-urlencoded`): `name=value` between `&`, `+` a space, the rest percent-encoded. What
//! servers with other habits would take for a declared name is refused.

use super::Found;
use crate::refusal::Refusal;
use gate_ipc::percent;
use gate_tables::{Field, Value};

/// More encodings inside one another than any server undoes.
const LAYERS: usize = 4;

/// Reads them.
pub(super) fn read(declared: &[Field], query: &str) -> Result<Vec<(String, Value)>, Refusal> {
    if declared.is_empty() || query.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Found::nothing(declared);
    for piece in query.split('&') {
        let (own, behind) = piece.split_once(';').map_or((piece, None), |(own, behind)| (own, Some(behind)));
        if let Some(field) = behind.and_then(|behind| behind.split(';').find_map(|name| meant(declared, name))) {
            return Err(wrong(field, "stands behind a semicolon, where some servers begin a parameter"));
        }
        let Some(field) = meant(declared, own) else { continue };
        let (name, value) = own.split_once('=').ok_or_else(|| wrong(field, "has no value"))?;
        if decode(name).as_deref() != Some(&field.name) {
            return Err(wrong(field, "is spelt in another way, which some servers read as the same"));
        }
        if behind.is_some() {
            return Err(wrong(field, "holds a semicolon, where some servers end a value"));
        }
        let value = decode(value).filter(|value| !value.chars().any(char::is_control));
        found.put("parameter", field, &value.ok_or_else(|| wrong(field, "is not printable UTF-8"))?)?;
    }
    Ok(found.into_values())
}

/// What a name or a value stands for; `None` if it is not UTF-8.
fn decode(raw: &str) -> Option<String> {
    String::from_utf8(percent::decode(raw.replace('+', " ").as_bytes())).ok()
}

/// The parameter that some server would take this for.
fn meant<'a>(declared: &'a [Field], parameter: &str) -> Option<&'a Field> {
    let name = parameter.split('=').next().unwrap_or_default();
    let exact = decode(name);
    declared.iter().find(|field| exact.as_ref() == Some(&field.name)).or_else(|| {
        let name = undone(name);
        declared.iter().find(|field| is_alike(&name, &field.name))
    })
}

/// With every layer of encoding undone, and without what is no UTF-8.
fn undone(name: &str) -> String {
    let mut text = name.replace('+', " ");
    for _ in 0..LAYERS {
        let next = String::from_utf8_lossy(&percent::decode(text.as_bytes())).into_owned();
        if next == text {
            break;
        }
        text = next;
    }
    text
}

/// Whether a name, or a part of it as those read it who decode before they split or who cut at brackets and zero bytes, is
/// left the same as a declared one.
fn is_alike(name: &str, declared: &str) -> bool {
    let declared = skeleton(declared);
    let cut = |part: &str| skeleton(part.split(['[', '=']).next().unwrap_or_default());
    let is = |skeleton: String| !skeleton.is_empty() && skeleton == declared;
    is(skeleton(name)) || name.split(['&', ';', '\0']).any(|part| is(cut(part)))
}

/// What is left of a name when its case is ignored, punctuation is taken for an underscore and trimmed, and what is neither
/// is left out.
fn skeleton(name: &str) -> String {
    let mut skeleton = String::with_capacity(name.len());
    for c in name.chars() {
        // There and back: the Kelvin sign is a `k`, the dotless `ı` an `i`.
        match c.to_uppercase().flat_map(char::to_lowercase).find(char::is_ascii) {
            Some(c) if c.is_ascii_alphanumeric() => skeleton.push(c),
            Some(c) if !c.is_control() => skeleton.push('_'),
            _ => {}
        }
    }
    skeleton.trim_matches('_').to_owned()
}

fn wrong(field: &Field, found: &str) -> Refusal {
    Refusal::malformed(format!("the parameter {} {found}", field.name))
}
