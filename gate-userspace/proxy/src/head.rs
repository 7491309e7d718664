//! The strict reading of a request head, from its bytes, before hyper sees them.
//!
//! Only what every HTTP/1.1 parser reads in the same way passes: a head that this module accepts has one meaning, and
//! [`Head`] holds it. The rules are those of RFC 9110 and 9112 without what they allow a recipient to tolerate.

mod field;
mod lines;
mod target;

pub use lines::Lines;
pub use target::Target;

use crate::{limits, refusal::Refusal};
use field::Fields;
use hyper::{Method, StatusCode};

/// A request head with exactly one meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The method; never CONNECT or TRACE.
    pub method: Method,
    /// Where to: the normalized path and the query.
    pub target: Target,
    /// The host that it names: lower case, without port and without a dot at the end.
    pub host: String,
    /// The header fields as they came: which of them a route declares is known only with the route.
    pub lines: Lines,
    /// How the body is delimited.
    pub framing: Framing,
}

/// How a request's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// So many bytes, at least one.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// How far the bytes at the beginning of `buffer` are a head.
#[derive(Debug)]
pub enum Scan {
    /// More bytes are needed. Scanning goes on at this offset.
    Partial(usize),
    /// The head ends before this offset.
    Complete(usize),
    /// It can become no head.
    Refused(Refusal),
}

/// Finds the end of a head. `from` is what an earlier scan of the same bytes returned, or 0.
pub fn scan(buffer: &[u8], from: usize) -> Scan {
    let mut line = from;
    loop {
        let rest = buffer.get(line..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return if buffer.len() >= limits::HEAD {
                Scan::Refused(too_large(line == 0))
            } else {
                Scan::Partial(line)
            };
        };
        let Some(text) = rest.get(..end).and_then(|text| text.strip_suffix(b"\r")) else {
            return Scan::Refused(Refusal::malformed("a line of the head ends in LF without CR"));
        };
        if text.contains(&b'\r') {
            return Scan::Refused(Refusal::malformed("a line of the head holds a CR"));
        }
        if line + end >= limits::HEAD {
            return Scan::Refused(too_large(line == 0));
        }
        if text.is_empty() {
            return if line == 0 {
                Scan::Refused(Refusal::malformed("an empty line stands before the request line"))
            } else {
                Scan::Complete(line + end + 1)
            };
        }
        line += end + 1;
    }
}

/// Reads a complete head, its final empty line included.
///
/// # Errors
/// [`Refusal`] says what is wrong and which answer it gets.
pub fn parse(head: &[u8]) -> Result<Head, Refusal> {
    let (request_line, field_section) = line(head)?;
    let mut rest = field_section;
    let (method, target, old) = split_request_line(request_line)?;
    let method = parse_method(method)?;
    let mut fields = Fields::default();
    loop {
        let (text, tail) = line(rest)?;
        if text.is_empty() {
            break;
        }
        fields.take(text)?;
        rest = tail;
    }
    let framing = fields.framing(old)?;
    let (target, host) = target::parse(target, fields.host()?)?;
    Ok(Head { method, target, host, lines: Lines::of(field_section), framing })
}

/// The request line as far as it can be shown in a record, whatever the bytes are.
pub fn describe(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
    let line = line.rsplit_once_bytes(b" HTTP/");
    let shown = line.get(..limits::RECORDED.min(line.len())).unwrap_or_default();
    shown.escape_ascii().to_string()
}

fn line(bytes: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n");
    end.and_then(|end| Some((bytes.get(..end)?, bytes.get(end + 2..)?)))
        .ok_or_else(|| Refusal::malformed("the head is not complete"))
}

/// Method, target, and whether it is HTTP/1.0.
fn split_request_line(line: &[u8]) -> Result<(&[u8], &[u8], bool), Refusal> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::malformed("the request line is not `method SP target SP version`"));
    };
    match version {
        b"HTTP/1.1" => Ok((method, target, false)),
        b"HTTP/1.0" => Ok((method, target, true)),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(Refusal::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, "the version is not HTTP/1.1 or HTTP/1.0"))
        }
        _ => Err(Refusal::malformed("the request line does not end in an HTTP version")),
    }
}

fn parse_method(method: &[u8]) -> Result<Method, Refusal> {
    if method.is_empty() || method.len() > limits::METHOD || !method.iter().all(u8::is_ascii_uppercase) {
        return Err(Refusal::malformed("the method is not a word of at most 16 capital letters"));
    }
    match method {
        b"CONNECT" | b"TRACE" => Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "CONNECT and TRACE are not served")),
        _ => Method::from_bytes(method).map_err(|_| Refusal::malformed("the method is not a token")),
    }
}

fn too_large(request_line: bool) -> Refusal {
    if request_line {
        Refusal::new(StatusCode::URI_TOO_LONG, "the request line is too long")
    } else {
        Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is larger than 32 KiB")
    }
}

trait RsplitOnce {
    fn rsplit_once_bytes(&self, separator: &[u8]) -> &[u8];
}

impl RsplitOnce for [u8] {
    /// What stands before the last `separator`, or everything.
    fn rsplit_once_bytes(&self, separator: &[u8]) -> &[u8] {
        let at = self.windows(separator.len()).rposition(|window| window == separator);
        at.and_then(|at| self.get(..at)).unwrap_or(self)
    }
}

#[cfg(test)]
mod tests;
