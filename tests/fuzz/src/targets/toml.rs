//! The same TOML in another form.

use crate::Finding;

/// What a document says, as the TOML library writes it: tables by name, strings and numbers in one form.
pub(super) fn rewritten(input: &[u8]) -> Result<Vec<u8>, Finding> {
    let wrong = |what: &str| Finding(format!("accepted, and to another reader {what}"));
    let text = std::str::from_utf8(input).map_err(|_| wrong("no UTF-8"))?;
    let table: toml::Table = text.parse().map_err(|error| wrong(&format!("no TOML: {error}")))?;
    let text = toml::to_string(&table).map_err(|error| wrong(&format!("not to be written: {error}")))?;
    Ok(text.into_bytes())
}
