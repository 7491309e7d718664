//! The record: what each entry of the audit log says.
//!
//! One entry is one JSON object. The reporting role is filled in by gate-audit from the connection that the
//! report came over, never taken from the report. Identifiers are lower-case hexadecimal.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Largest encoded entry, in bytes (an entry of a tile has a 16-bit length).
pub const MAX_ENTRY: usize = 16_384;

/// What a role reports to gate-audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// When it happened, Unix milliseconds.
    pub time_ms: u64,
    /// The version of the bundle that was active for the reporter; 0 before the first.
    pub version: u64,
    /// That bundle's digest; empty before the first.
    pub bundle: String,
    /// What happened.
    pub event: Event,
}

/// Encodes a report as JSON, the form in which it travels and is recorded: the same bytes as of a [`Report`] that owns
/// its parts.
///
/// # Errors
/// When it is not encodable.
pub fn encode_report(time_ms: u64, version: u64, bundle: &str, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(Serialize)]
    struct Borrowed<'r> {
        time_ms: u64,
        version: u64,
        bundle: &'r str,
        event: &'r Event,
    }
    // Most reports fit without growing.
    let mut bytes = Vec::with_capacity(512);
    serde_json::to_writer(&mut bytes, &Borrowed { time_ms, version, bundle, event })?;
    Ok(bytes)
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The host's name.
    pub host: String,
    /// The environment.
    pub environment: String,
    /// Who reported it: `net`, `proxy`, `authn`, `authz`, `audit`, `loader`.
    pub role: String,
    /// When gate-audit received it, Unix milliseconds.
    pub received_ms: u64,
    /// The git commit that the reporter's bundle was built from, where it names one.
    pub git_commit: Option<String>,
    /// `solo` where one person may author and approve.
    pub solo: bool,
    /// The report.
    #[serde(flatten)]
    pub report: FlatReport,
}

/// [`Report`] as it stands inside [`Entry`] (unknown keys cannot be refused in a flattened type).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlatReport {
    /// See [`Report::time_ms`].
    pub time_ms: u64,
    /// See [`Report::version`].
    pub version: u64,
    /// See [`Report::bundle`].
    pub bundle: String,
    /// See [`Report::event`].
    pub event: Event,
}

impl From<Report> for FlatReport {
    fn from(report: Report) -> Self {
        Self { time_ms: report.time_ms, version: report.version, bundle: report.bundle, event: report.event }
    }
}

/// `allow` or `deny`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was, or would be, let through.
    Allow,
    /// It was refused.
    Deny,
    /// It would have been refused; the service is in observe.
    WouldDeny,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// A role began to serve.
    Start {
        /// SHA-256 of its executable.
        binary: String,
        /// What its sandbox holds, in words.
        sandbox: String,
        /// SHA-256 of the BPF object, where the role is the loader.
        object: Option<String>,
        /// The host's labels: which sections of a policy it takes.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        labels: std::collections::BTreeMap<String, String>,
    },
    /// A role stopped in an orderly way.
    Stop {},
    /// Sign of life.
    Heartbeat {},
    /// gate-net: the kernel judged a flow.
    Flow {
        /// What became of it.
        outcome: Outcome,
        /// Where in the kernel: `connect`, `bind`, `egress`, `ingress`, `socket`.
        hook: String,
        /// Why, in the words of the verdict.
        why: String,
        /// The source service; empty for a process of none.
        source: String,
        /// The destination service; empty for none.
        destination: String,
        /// Sender's address, where it is known.
        from: Option<SocketAddr>,
        /// Receiver's address.
        to: SocketAddr,
        /// The Unix user of the source, where the kernel knew it.
        uid: Option<u32>,
        /// The rule, where one decided.
        rule: Option<String>,
    },
    /// gate-authn: a connection's peer was attested.
    Session {
        /// The session.
        session: String,
        /// The service that connected; empty for none.
        source: String,
        /// Its Unix user.
        uid: u32,
        /// The address it connected to.
        to: SocketAddr,
        /// How it was attested: `kernel`.
        attested_by: String,
    },
    /// gate-authz: a decision.
    Decision {
        /// The decision.
        decision: String,
        /// The session that asked.
        session: String,
        /// The principal.
        source: String,
        /// The resource.
        destination: String,
        /// The Cedar action.
        action: String,
        /// The method and the normalized path.
        request: String,
        /// What was decided.
        outcome: Outcome,
        /// The rules that determined it.
        rules: Vec<String>,
        /// For a deny: the missing rule in words.
        why: String,
        /// A grant was signed with it, until then (Unix milliseconds).
        grant_until_ms: Option<u64>,
    },
    /// gate-proxy: what was done with one request.
    Enforcement {
        /// The request's number, as the client sees it in a denial.
        request_id: String,
        /// The decision it rests on; none where the request never came to a decision.
        decision: Option<String>,
        /// The session.
        session: Option<String>,
        /// The service that asked; empty where none is attested.
        source: String,
        /// The service asked for.
        destination: String,
        /// Method and path.
        request: String,
        /// The status answered.
        status: u16,
        /// What became of it.
        outcome: Outcome,
        /// Why, for a refusal by the proxy itself (no route, malformed, no decision).
        why: String,
    },
    /// gate-net: a grant was accepted into the kernel, or refused.
    Grant {
        /// The session.
        session: String,
        /// The decision.
        decision: String,
        /// The source.
        source: String,
        /// The destination.
        destination: String,
        /// When it ends, Unix milliseconds.
        until_ms: u64,
        /// Whether the kernel has it.
        outcome: Outcome,
        /// Why it was refused.
        why: String,
    },
    /// A bundle was verified, activated or refused.
    Bundle {
        /// `staged`, `activated`, `refused`, `restored`.
        step: String,
        /// The candidate's digest.
        candidate: String,
        /// The candidate's version.
        candidate_version: u64,
        /// How many signatures were enough: `full`, `removal by one`; `None` where that was not verified.
        #[serde(default)]
        quorum: Option<String>,
        /// Who authored it, where that was verified.
        author: Option<String>,
        /// Who approved it, where that was verified.
        approvers: Vec<String>,
        /// Every reason for a refusal.
        reasons: Vec<String>,
    },
    /// An operator's act on the administrators' channel.
    Administration {
        /// The Unix user.
        uid: u32,
        /// What was asked for.
        act: String,
    },
    /// A peer on a Unix socket, or its message, was refused.
    Rejected {
        /// The socket's name.
        socket: String,
        /// The peer's user, process and cgroup, where they are known.
        peer: String,
        /// What was found.
        found: String,
    },
    /// Events were lost or suppressed, counted.
    Loss {
        /// What: `ring buffer`, `event budget`, `tag table`, `spool`.
        what: String,
        /// The source that they came from; empty for the sum.
        source: String,
        /// How many since the last such record.
        count: u64,
    },
    /// gate-audit: an enforcement that no valid decision explains, or another contradiction.
    Mismatch {
        /// What does not match.
        found: String,
    },
    /// gate-net: sockets that lost their permission were closed.
    Closed {
        /// How many.
        count: u64,
        /// Why.
        why: String,
    },
}

impl Event {
    /// Bytes of the text in it: what it takes up in memory beyond its own size, and less than what it takes up encoded.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let all = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        match self {
            Self::Start { binary, sandbox, object, labels } => {
                let labels = labels.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
                binary.len() + sandbox.len() + optional(object) + labels
            }
            Self::Stop {} | Self::Heartbeat {} => 0,
            Self::Flow { hook, why, source, destination, rule, outcome: _, from: _, to: _, uid: _ } => {
                hook.len() + why.len() + source.len() + destination.len() + optional(rule)
            }
            Self::Session { session, source, attested_by, uid: _, to: _ } => {
                session.len() + source.len() + attested_by.len()
            }
            Self::Decision {
                decision,
                session,
                source,
                destination,
                action,
                request,
                rules,
                why,
                outcome: _,
                grant_until_ms: _,
            } => {
                let names = decision.len() + session.len() + source.len() + destination.len();
                names + action.len() + request.len() + all(rules) + why.len()
            }
            Self::Enforcement {
                request_id,
                decision,
                session,
                source,
                destination,
                request,
                why,
                status: _,
                outcome: _,
            } => {
                let names = request_id.len() + optional(decision) + optional(session) + source.len();
                names + destination.len() + request.len() + why.len()
            }
            Self::Grant { session, decision, source, destination, why, until_ms: _, outcome: _ } => {
                session.len() + decision.len() + source.len() + destination.len() + why.len()
            }
            Self::Bundle { step, candidate, quorum, author, approvers, reasons, candidate_version: _ } => {
                let signers = optional(quorum) + optional(author) + all(approvers);
                step.len() + candidate.len() + signers + all(reasons)
            }
            Self::Administration { act, uid: _ } => act.len(),
            Self::Rejected { socket, peer, found } => socket.len() + peer.len() + found.len(),
            Self::Loss { what, source, count: _ } => what.len() + source.len(),
            Self::Mismatch { found } => found.len(),
            Self::Closed { why, count: _ } => why.len(),
        }
    }
}

/// Encodes one entry.
///
/// # Errors
/// When it is not encodable or larger than [`MAX_ENTRY`]; the text says which.
pub fn encode(entry: &Entry) -> Result<Vec<u8>, String> {
    let bytes = serde_json::to_vec(entry).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_ENTRY {
        return Err(format!("the entry has {} bytes, at most {MAX_ENTRY} are recorded", bytes.len()));
    }
    Ok(bytes)
}

/// Reads one entry.
///
/// # Errors
/// When the bytes are not an [`Entry`].
pub fn decode(bytes: &[u8]) -> Result<Entry, serde_json::Error> {
    serde_json::from_slice(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_borrowed_report_is_encoded_as_one_that_owns_its_parts() {
        let event = Event::Administration { uid: 7, act: "status \"\u{1}\"".into() };
        let report = Report { time_ms: 1, version: 2, bundle: "ab".repeat(32), event };
        let bytes = encode_report(report.time_ms, report.version, &report.bundle, &report.event).unwrap();
        assert_eq!(bytes, serde_json::to_vec(&report).unwrap());
        assert_eq!(serde_json::from_slice::<Report>(&bytes).unwrap(), report);
        assert!(report.event.text_bytes() < bytes.len());
    }
}
