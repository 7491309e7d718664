//! What the roles say to each other. One frame is one message; each question has one answer, in order.

use gate_record::{Outcome, Report};
use gate_statements::{Assertion, BundleDigest, Confirmation, DecisionId, Grant, SessionId, Signed};
use gate_tables::{ServiceId, Value};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// gate-proxy to gate-net (`net.sock`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetRequest {
    /// With one descriptor: a listening TCP socket that gate-proxy made. Diverted connections go to its
    /// reuseport group.
    RegisterListener,
    /// Both signatures that open (source, destination) in the kernel.
    PresentGrant {
        /// gate-authn's.
        assertion: Signed<Assertion>,
        /// gate-authz's.
        grant: Signed<Grant>,
    },
}

/// gate-net's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetReply {
    /// The listener is in the kernel's map.
    Registered,
    /// The grant is in the kernel's map.
    Granted {
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
    /// It is not, and nothing changed.
    Refused(Refused),
}

/// gate-proxy to gate-authn (`authn.sock`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthnRequest {
    /// With one descriptor: an accepted TCP socket. Who is at its other end?
    Attest,
    /// The same connection again, before its assertion ends: with the descriptor.
    Renew {
        /// The session to renew.
        session: SessionId,
    },
}

/// gate-authn's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthnReply {
    /// The peer is attested.
    Attested {
        /// For gate-authz and gate-net.
        assertion: Signed<Assertion>,
        /// The same in the clear, for routing and for the record. The proxy does not check signatures.
        claims: Assertion,
    },
    /// It is not.
    Refused(Refused),
}

/// gate-proxy to gate-authz (`authz.sock`): one frame holds a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthzRequest {
    /// The bundle version that the proxy routes by. authz denies under any other.
    pub version: u64,
    /// At most [`crate::MAX_BATCH`].
    pub questions: Vec<Question>,
}

/// Longest value of a header or query parameter in a [`Question`], in bytes: with the longest head and target that
/// gate-proxy takes, one question fits into a frame.
pub const MAX_VALUE: usize = 4_096;

/// One request to be decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The assertion. authz verifies one once and remembers it until it ends.
    pub assertion: Signed<Assertion>,
    /// The service that owns the port.
    pub destination: ServiceId,
    /// The route that the request matched: `orders.getOrder`.
    pub action: String,
    /// The method.
    pub method: String,
    /// The normalized path.
    pub path: String,
    /// The route's parameters, in the pattern's order.
    pub parameters: Vec<(String, Value)>,
    /// The host that the request names: lower case, without port and without a dot at the end.
    pub host: String,
    /// The headers that the route declares and the request has, in the order of their declaration.
    pub headers: Vec<(String, Value)>,
    /// The same of the query.
    pub query: Vec<(String, Value)>,
    /// Whether a grant is wanted with an allow: the proxy has none that still lives long enough.
    pub want_grant: bool,
}

/// gate-authz's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthzReply {
    /// One answer per question, in order.
    Decided(Vec<Answer>),
    /// The whole batch is refused: another version is active, or the frame is not well-formed.
    Refused(Refused),
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its number, which enforcements name.
    pub decision: DecisionId,
    /// Allow or deny.
    pub outcome: Outcome,
    /// Why it was denied, for the record; never shown to the client.
    pub why: String,
    /// Whether it depends on nothing but (session, action, version): the proxy may use it again.
    pub cacheable: bool,
    /// Until when it may be used, Unix milliseconds.
    pub expires_ms: u64,
    /// The grant that was asked for.
    pub grant: Option<Signed<Grant>>,
}

/// Any role to gate-audit (`audit.sock`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRequest {
    /// Reports, in the order in which they happened; at most [`crate::MAX_BATCH`].
    #[serde(with = "each_as_bytes")]
    pub reports: Vec<Vec<u8>>,
    /// Whether the answer waits until they are durable (`strict` rules).
    pub durable: bool,
}

impl AuditRequest {
    /// Encodes reports as JSON, the form in which they are recorded.
    ///
    /// # Errors
    /// When a report cannot be encoded.
    pub fn new(reports: &[Report], durable: bool) -> Result<Self, serde_json::Error> {
        let reports = reports.iter().map(serde_json::to_vec).collect::<Result<_, _>>()?;
        Ok(Self { reports, durable })
    }
}

/// gate-audit's answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditReply {
    /// Taken; durable if that was asked for.
    Recorded {
        /// The log's size after it.
        size: u64,
    },
    /// Not taken: the log cannot be written.
    Refused(Refused),
}

/// An operator to any role (`admin/<role>.sock`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminRequest {
    /// With one descriptor: a bundle (tar). Verify it and keep it ready.
    Stage {
        /// gate-authz's confirmation that its tables follow from its rules; gate-authz itself makes it.
        confirmation: Option<Signed<Confirmation>>,
    },
    /// Switch to the staged bundle.
    Activate {
        /// Which one.
        bundle: BundleDigest,
    },
    /// The state of this role, as JSON.
    Status,
    /// gate-authz and gate-net: the verdict for one question, with its reasons, as JSON.
    Explain {
        /// The source service; empty is a process of none.
        source: String,
        /// The destination service.
        destination: String,
        /// The action (`orders.getOrder`), or `connect`.
        action: String,
        /// The port's name, for `connect`.
        port: String,
        /// Parameters of the route.
        parameters: Vec<(String, Value)>,
    },
    /// gate-audit: entries from this index on, at most `count`; reading is recorded.
    Read {
        /// The first index.
        from: u64,
        /// How many.
        count: u32,
    },
    /// Switch to the staged bundle, and back to the one before it at the deadline, unless it is confirmed.
    ActivateUntil {
        /// Which one.
        bundle: BundleDigest,
        /// The deadline: `CLOCK_BOOTTIME` of this boot, in nanoseconds; the same for every role.
        until_boottime_ns: u64,
    },
    /// The provisional bundle stays.
    Confirm {
        /// Which one.
        bundle: BundleDigest,
    },
    /// The provisional bundle goes back now, and not only at its deadline.
    Abandon {
        /// Which one.
        bundle: BundleDigest,
    },
    /// Verify an operator's statement that goes back to the bundle before, and keep that one ready.
    StageRevert {
        /// The statement with its signature.
        statement: String,
    },
}

/// Answers to an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminReply {
    /// The bundle is verified and ready.
    Staged {
        /// Its digest.
        bundle: BundleDigest,
        /// Its version.
        version: u64,
        /// From gate-authz only.
        confirmation: Option<Signed<Confirmation>>,
    },
    /// The bundle is in force in this role.
    Activated {
        /// Its version.
        version: u64,
    },
    /// JSON, as the request says.
    Json(String),
    /// Entries of the log (JSON objects), with the index of the first.
    Entries {
        /// Index of the first.
        from: u64,
        /// The entries.
        #[serde(with = "each_as_bytes")]
        entries: Vec<Vec<u8>>,
        /// The log's size.
        size: u64,
    },
    /// Refused; what was in force stays in force.
    Refused(Refused),
}

/// Why something was refused: by whom, and every reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The role that refuses: `gate-net`.
    pub by: String,
    /// Every reason, in words.
    pub reasons: Vec<String>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.by, self.reasons.join("; "))
    }
}

/// Byte strings that are copied as a whole. serde takes a `Vec<u8>` for a sequence of numbers: the same on the wire, but
/// read and written one by one.
mod each_as_bytes {
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_bytes::{ByteBuf, Bytes};

    pub(super) fn serialize<S: Serializer>(strings: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(strings.iter().map(|string| Bytes::new(string)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let strings = Vec::<ByteBuf>::deserialize(deserializer)?;
        Ok(strings.into_iter().map(ByteBuf::into_vec).collect())
    }
}

/// A peer's address as the kernel attests it (only for gate-authn's own use).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttestedPeer {
    /// The source service's number.
    pub source: u32,
    /// Its Unix user.
    pub uid: u32,
    /// The address it connected to.
    pub destination: SocketAddr,
    /// The version that is active in the kernel now.
    pub version: u64,
    /// The socket's cookie.
    pub cookie: u64,
}
