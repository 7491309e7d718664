//! The one normalization of a path. What comes out is what routes are matched with, what gate-authz is asked
//! about, and what the backend receives; every path has one spelling, and what could be read in two ways is refused.

use gate_ipc::percent::{self, octet};
use std::fmt::Write as _;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not start with a slash.
    #[error("the path does not start with a slash")]
    Relative,
    /// A character that a path may hold only percent-encoded, or not at all.
    #[error("the path holds byte {0:#04x}, which must not stand there")]
    Illegal(u8),
    /// `%` without two hexadecimal digits.
    #[error("the path holds an incomplete percent-encoding")]
    Incomplete,
    /// A percent-encoded character that servers disagree on.
    #[error("the path holds %{0:02X}, which servers read in different ways")]
    Ambiguous(u8),
    /// Percent-encoded bytes that are not UTF-8: overlong forms and surrogates included.
    #[error("the path holds percent-encoded bytes that are not UTF-8")]
    NotUtf8,
    /// `;`, plain or encoded: some servers cut the segment there.
    #[error("the path holds a semicolon, which some servers cut a segment at")]
    PathParameter,
    /// `.`, `..`, or more dots alone.
    #[error("the path holds a segment of dots")]
    DotSegment,
    /// Two slashes in a row, or one at the end.
    #[error("the path holds an empty segment (two slashes in a row, or one at the end)")]
    EmptySegment,
}

/// Brings a path into its one spelling.
///
/// Unreserved characters and the delimiters that a segment may hold plainly (`!$&'()*+,=:@`) are decoded; anything
/// else that is percent-encoded stays so, in upper case. The result decodes in exactly one way ([`decode`]).
///
/// # Errors
/// [`PathError`]: the path is not legal, or servers would read it in different ways.
pub fn normalize(raw: &[u8]) -> Result<String, PathError> {
    let Some((b'/', mut rest)) = raw.split_first() else { return Err(PathError::Relative) };
    let mut path = String::with_capacity(raw.len());
    path.push('/');
    if rest.is_empty() {
        return Ok(path);
    }
    let mut segment = path.len();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'/' => {
                check_segment(path.get(segment..).unwrap_or_default())?;
                path.push('/');
                segment = path.len();
            }
            b'%' => rest = encoded(rest, &mut path)?,
            b';' => return Err(PathError::PathParameter),
            _ if is_plain(byte) => path.push(char::from(byte)),
            _ => return Err(PathError::Illegal(byte)),
        }
    }
    check_segment(path.get(segment..).unwrap_or_default())?;
    Ok(path)
}

/// The text that a normalized path or a part of it stands for. Only for text that [`normalize`] made: there every
/// `%` begins a complete encoding of UTF-8.
#[must_use]
pub fn decode(normalized: &str) -> String {
    if !normalized.contains('%') {
        return normalized.to_owned();
    }
    let bytes = percent::decode(normalized.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What follows a `%`: appends the canonical form of one octet, or of a run of octets above ASCII.
fn encoded<'a>(rest: &'a [u8], path: &mut String) -> Result<&'a [u8], PathError> {
    let (byte, mut rest) = octet(rest).ok_or(PathError::Incomplete)?;
    match byte {
        b';' => return Err(PathError::PathParameter),
        // Slash, backslash, controls; `%` begins a second encoding; `?` and `#` end a path that is decoded too early.
        0..=0x1f | 0x7f | b'/' | b'\\' | b'%' | b'?' | b'#' => return Err(PathError::Ambiguous(byte)),
        _ if is_plain(byte) => path.push(char::from(byte)),
        0x80.. => {
            let mut run = vec![byte];
            while let Some((byte @ 0x80.., tail)) = rest.strip_prefix(b"%").and_then(octet) {
                run.push(byte);
                rest = tail;
            }
            let text = std::str::from_utf8(&run).map_err(|_| PathError::NotUtf8)?;
            if text.chars().any(char::is_control) {
                return Err(PathError::Ambiguous(byte));
            }
            run.iter().for_each(|byte| escape(*byte, path));
        }
        _ => escape(byte, path),
    }
    Ok(rest)
}

fn escape(byte: u8, path: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(path, "%{byte:02X}");
}

fn check_segment(segment: &str) -> Result<(), PathError> {
    if segment.is_empty() {
        return Err(PathError::EmptySegment);
    }
    if segment.bytes().all(|byte| byte == b'.') {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

/// RFC 3986 `pchar` without `%` and `;`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

#[cfg(test)]
mod tests;
