//! The request target and `Host`.

use crate::{limits, path, refusal::Refusal};
use hyper::StatusCode;

/// Where a request goes: what is forwarded, in one string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    text: String,
    path: usize,
}

impl Target {
    /// The normalized path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(..self.path).unwrap_or_default()
    }

    /// The query without its question mark; empty where there is none.
    #[must_use]
    pub fn query(&self) -> &str {
        self.text.get(self.path + 1..).unwrap_or_default()
    }

    /// Path and query, as the backend receives them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Reads a target in origin form, or in absolute form if its authority is `host`; and the host's name.
pub(super) fn parse(raw: &[u8], host: &[u8]) -> Result<(Target, String), Refusal> {
    if raw.len() > limits::TARGET {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "the target is longer than 8 KiB"));
    }
    let name = host_name(host)?;
    let raw = if raw.first() == Some(&b'/') { raw } else { strip_authority(raw, host)? };
    let (raw_path, query) = match raw.iter().position(|byte| *byte == b'?') {
        Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at..)),
        None => (raw, None),
    };
    // `http://host` and `http://host?query` mean the root.
    let raw_path = if raw_path.is_empty() { b"/" } else { raw_path };
    let mut text = path::normalize(raw_path).map_err(|error| Refusal::malformed(error.to_string()))?;
    let path = text.len();
    if let Some(query) = query {
        text.push_str(check_query(query)?);
    }
    Ok((Target { text, path }, name))
}

fn strip_authority<'a>(raw: &'a [u8], host: &[u8]) -> Result<&'a [u8], Refusal> {
    let scheme = b"http://";
    let rest = match raw.split_at_checked(scheme.len()) {
        Some((found, rest)) if found.eq_ignore_ascii_case(scheme) => rest,
        _ => return Err(Refusal::malformed("the target is neither a path nor an http URL")),
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, b""));
    if !authority.eq_ignore_ascii_case(host) {
        return Err(Refusal::malformed("the authority of the target is not that of Host"));
    }
    Ok(rest)
}

/// The host that `Host` names: lower case, without its port and without the dot at its end; an address of IPv6 in its one
/// spelling, in brackets.
fn host_name(host: &[u8]) -> Result<String, Refusal> {
    let wrong = || Refusal::malformed("Host is not a name or an address with an optional port");
    let text = std::str::from_utf8(host).map_err(|_| wrong())?;
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let address = address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) };
            (format!("[{address}]"), port)
        }
        None => match text.split_once(':') {
            Some((name, port)) => (plain_name(name).ok_or_else(wrong)?, Some(port)),
            None => (plain_name(text).ok_or_else(wrong)?, None),
        },
    };
    match port {
        None => Ok(name),
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|p| p > 0) => {
            Ok(name)
        }
        Some(_) => Err(wrong()),
    }
}

/// A name in its one spelling. An empty label is none that a resolver knows, and servers cut it in different ways.
fn plain_name(name: &str) -> Option<String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| !label.is_empty() && label.bytes().all(legal);
    (name.len() <= 255 && name.split('.').all(label)).then(|| name.to_ascii_lowercase())
}

/// A query passes unchanged if it is printable ASCII without what no URL may hold plainly.
fn check_query(query: &[u8]) -> Result<&str, Refusal> {
    let illegal = |byte: &u8| !byte.is_ascii_graphic() || b"\"#<>\\`".contains(byte);
    if query.iter().any(illegal) {
        return Err(Refusal::malformed("the query holds a character that must be percent-encoded"));
    }
    let complete = |at: usize| query.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if !query.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| complete(at)) {
        return Err(Refusal::malformed("the query holds an incomplete percent-encoding"));
    }
    std::str::from_utf8(query).map_err(|_| Refusal::malformed("the query is not ASCII"))
}
