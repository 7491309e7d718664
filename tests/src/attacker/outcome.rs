//! What came of an attempt, as the attacker tells it and the test reads it.

use serde_json::{Value, json};
use std::{fmt, io, time::Duration};

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A call was refused.
    Refused {
        /// The call: `connect`, `bind`.
        call: String,
        /// The error's name: `EPERM`.
        error: String,
        /// How long the call took, in microseconds.
        micros: u64,
    },
    /// It worked; what was read, or is otherwise worth telling.
    Worked(String),
}

impl Outcome {
    /// A call that was refused.
    #[must_use]
    pub fn refused(call: &str, error: &io::Error, took: Duration) -> Self {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Self::Refused { call: call.into(), error: name(error), micros }
    }

    /// Whether this call was refused with this error.
    #[must_use]
    pub fn is(&self, wanted_call: &str, wanted_error: &str) -> bool {
        matches!(self, Self::Refused { call, error, .. } if call == wanted_call && error == wanted_error)
    }

    /// Whether it worked, with a text that holds this.
    #[must_use]
    pub fn worked_with(&self, part: &str) -> bool {
        matches!(self, Self::Worked(text) if text.contains(part))
    }

    /// As one line.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Refused { call, error, micros } => json!({ "refused": call, "error": error, "micros": micros }),
            Self::Worked(text) => json!({ "worked": text }),
        }
    }

    /// From one line.
    #[must_use]
    pub fn from_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line.trim()).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match (text("refused"), text("error"), text("worked")) {
            (Some(call), Some(error), _) => {
                Some(Self::Refused { call, error, micros: value.get("micros").and_then(Value::as_u64)? })
            }
            (_, _, Some(worked)) => Some(Self::Worked(worked)),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { call, error, micros } => write!(f, "{call}() gave {error} after {micros} µs"),
            Self::Worked(text) => write!(f, "it worked: {}", text.trim()),
        }
    }
}

/// The names that people know errors by.
fn name(error: &io::Error) -> String {
    use rustix::io::Errno;
    let known = [
        (Errno::PERM, "EPERM"),
        (Errno::ACCESS, "EACCES"),
        (Errno::CONNREFUSED, "ECONNREFUSED"),
        (Errno::CONNRESET, "ECONNRESET"),
        (Errno::PIPE, "EPIPE"),
        (Errno::TIMEDOUT, "ETIMEDOUT"),
        (Errno::AGAIN, "EAGAIN"),
        (Errno::ADDRINUSE, "EADDRINUSE"),
        (Errno::ADDRNOTAVAIL, "EADDRNOTAVAIL"),
        (Errno::PROTONOSUPPORT, "EPROTONOSUPPORT"),
        (Errno::NOPROTOOPT, "ENOPROTOOPT"),
        (Errno::OPNOTSUPP, "EOPNOTSUPP"),
        (Errno::NOENT, "ENOENT"),
        (Errno::INPROGRESS, "EINPROGRESS"),
    ];
    let number = error.raw_os_error();
    known
        .iter()
        .find(|(errno, _)| Some(errno.raw_os_error()) == number)
        .map_or_else(|| error.to_string(), |(_, name)| (*name).into())
}
