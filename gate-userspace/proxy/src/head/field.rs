//! Header fields, one line each: what delimits the message and what must be there once.

use super::Framing;
use crate::{limits, refusal::Refusal};
use hyper::StatusCode;

/// Fields that a message may hold once. A recipient that reads the first and one that reads the last would differ.
const ONCE: [&str; 8] = [
    "host",
    "content-length",
    "transfer-encoding",
    "authorization",
    "content-type",
    "content-encoding",
    "expect",
    "proxy-authorization",
];

/// Fields that let a backend act on another method or path than the one that was decided on.
const OVERRIDES: [&str; 8] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-original-method",
    "x-http-path-override",
];

/// What has been seen in the fields so far.
#[derive(Default)]
pub(super) struct Fields<'a> {
    count: usize,
    seen: u8,
    host: Option<&'a [u8]>,
    length: Option<&'a [u8]>,
    transfer: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Reads one line.
    pub(super) fn take(&mut self, line: &'a [u8]) -> Result<(), Refusal> {
        self.count += 1;
        if self.count > limits::FIELDS {
            return Err(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "more than 100 header fields"));
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(Refusal::malformed("a header line starts with white space (obsolete folding)"));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = colon
            .and_then(|colon| Some((line.get(..colon)?, line.get(colon + 1..)?)))
            .ok_or_else(|| Refusal::malformed("a header line has no colon"))?;
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Refusal::malformed("a header name is not a token (white space before the colon included)"));
        }
        if value.iter().any(|byte| matches!(byte, 0..=8 | 10..=0x1f | 0x7f)) {
            return Err(Refusal::malformed("a header value holds a control character"));
        }
        self.note(name, value.trim_ascii())
    }

    /// The one `Host`.
    pub(super) fn host(&self) -> Result<&'a [u8], Refusal> {
        self.host.ok_or_else(|| Refusal::malformed("there is no Host"))
    }

    /// How the body is delimited.
    pub(super) fn framing(&self, old: bool) -> Result<Framing, Refusal> {
        match (self.transfer, self.length) {
            (Some(_), Some(_)) => Err(Refusal::malformed("both Transfer-Encoding and Content-Length")),
            (Some(_), None) if old => Err(Refusal::malformed("Transfer-Encoding in HTTP/1.0")),
            (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (Some(_), None) => Err(Refusal::malformed("Transfer-Encoding is not exactly `chunked`")),
            (None, None) => Ok(Framing::None),
            (None, Some(digits)) => match parse_length(digits)? {
                0 => Ok(Framing::None),
                length => Ok(Framing::Length(length)),
            },
        }
    }

    fn note(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Refusal> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if let Some(index) = ONCE.iter().position(|known| is(known)) {
            let bit = 1 << index;
            if self.seen & bit != 0 {
                return Err(Refusal::malformed(format!("more than one {}", ONCE.get(index).unwrap_or(&""))));
            }
            self.seen |= bit;
            match index {
                0 => self.host = Some(value),
                1 => self.length = Some(value),
                2 => self.transfer = Some(value),
                6 if !value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "Expect is not `100-continue`"));
                }
                _ => {}
            }
            return Ok(());
        }
        if is("upgrade") || is("http2-settings") {
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "Upgrade is not served"));
        }
        if is("connection") {
            return check_connection(value);
        }
        // CGI and its heirs read `_` and `-` as the same.
        let same = |known: &str| {
            known.len() == name.len()
                && known.bytes().zip(name).all(|(a, b)| a == b.to_ascii_lowercase() || (a == b'-' && *b == b'_'))
        };
        if OVERRIDES.iter().any(|known| same(known)) {
            return Err(Refusal::malformed("a field asks the backend for another method or path"));
        }
        if name.contains(&b'_') && ONCE.iter().any(|known| same(known)) {
            return Err(Refusal::malformed("a field that delimits or identifies is written with an underscore"));
        }
        Ok(())
    }
}

/// `Connection` may name fields of this hop, not those that the message depends on.
fn check_connection(value: &[u8]) -> Result<(), Refusal> {
    for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if !option.iter().all(|byte| is_token(*byte)) {
            return Err(Refusal::malformed("Connection holds something that is not a token"));
        }
        let is = |known: &str| option.eq_ignore_ascii_case(known.as_bytes());
        if is("upgrade") {
            return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "Upgrade is not served"));
        }
        if ONCE.iter().any(|known| is(known)) || is("cookie") || is("via") {
            return Err(Refusal::malformed("Connection names a field that the message depends on"));
        }
    }
    Ok(())
}

fn parse_length(digits: &[u8]) -> Result<u64, Refusal> {
    let legal = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| legal).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Refusal::malformed("Content-Length is not a plain number"))
}

/// RFC 9110 `tchar`.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
