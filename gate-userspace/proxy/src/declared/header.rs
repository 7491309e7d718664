//! Declared headers.

use super::Found;
use crate::head::Lines;
use crate::refusal::Refusal;
use gate_tables::{Field, Value};

/// Reads them.
pub(super) fn read(declared: &[Field], lines: &Lines) -> Result<Vec<(String, Value)>, Refusal> {
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = Found::nothing(declared);
    for (name, value) in lines.iter() {
        if name.eq_ignore_ascii_case(b"connection") {
            check_connection(declared, value)?;
        } else if let Some(field) = meant(declared, name) {
            if !name.eq_ignore_ascii_case(field.name.as_bytes()) {
                return Err(wrong(field, "is written with another character, which some servers read as the same"));
            }
            found.put("header", field, one_value(field, value)?)?;
        }
    }
    Ok(found.into_values())
}

/// The field that a header is, or that some server would take it for: CGI and its heirs make one character of `-`, `_` and
/// their like.
fn meant<'a>(declared: &'a [Field], name: &[u8]) -> Option<&'a Field> {
    let alike =
        |(a, b): (u8, &u8)| a.eq_ignore_ascii_case(b) || !(a.is_ascii_alphanumeric() || b.is_ascii_alphanumeric());
    let same = |field: &&Field| field.name.len() == name.len() && field.name.bytes().zip(name).all(alike);
    let exact = |field: &&Field| name.eq_ignore_ascii_case(field.name.as_bytes());
    declared.iter().find(exact).or_else(|| declared.iter().find(same))
}

/// A value that every server reads as one: a comma may separate two, since several lines may be joined by commas (RFC 9110
/// section 5.3).
fn one_value<'v>(field: &Field, value: &'v [u8]) -> Result<&'v str, Refusal> {
    if !value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(wrong(field, "holds something that is not printable ASCII"));
    }
    if value.contains(&b',') {
        return Err(wrong(field, "holds a comma, and so may be two"));
    }
    std::str::from_utf8(value).map_err(|_| wrong(field, "is not ASCII"))
}

/// What `Connection` names is of this hop and does not reach the backend: a rule would have read what nobody else does.
fn check_connection(declared: &[Field], value: &[u8]) -> Result<(), Refusal> {
    let named = value.split(|byte| *byte == b',').find_map(|option| meant(declared, option.trim_ascii()));
    named.map_or(Ok(()), |field| Err(wrong(field, "is named by Connection")))
}

fn wrong(field: &Field, found: &str) -> Refusal {
    Refusal::malformed(format!("the header {} {found}", field.name))
}
