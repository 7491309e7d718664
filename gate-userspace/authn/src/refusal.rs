//! Why a peer is not attested.

use gate_common::identity::{AUDIT, AUTHN, AUTHZ, NET, PROXY, UNATTESTED};
use std::io;

/// Why there is no assertion. The text says what was found and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The message carried another number of descriptors than one.
    #[error("the message carries {found} descriptors; exactly one, the accepted socket, would be right")]
    Descriptors {
        /// How many.
        found: usize,
    },
    /// The descriptor is something else than a connected TCP socket.
    #[error("the descriptor is {found}; a connected TCP socket would be right")]
    NotAConnection {
        /// What it is.
        found: String,
    },
    /// It is a TCP socket whose connection has ended, as happens when a client gives up.
    #[error("the connection has ended")]
    Ended,
    /// The kernel's answer is "no".
    #[error("the kernel attests no peer: {0}")]
    NotAttested(#[source] io::Error),
    /// The programs in the kernel are of another version than this process.
    #[error("the kernel's programs speak version {found} of the interface, this process {own}")]
    Interface {
        /// The kernel's.
        found: u32,
        /// Ours.
        own: u32,
    },
    /// The kernel's answer is about another socket than the one that was passed.
    #[error("the kernel's answer is for socket {found}, the descriptor is socket {own}")]
    OtherSocket {
        /// The cookie in the answer.
        found: u64,
        /// The descriptor's cookie.
        own: u64,
    },
    /// No bundle is active here.
    #[error("no bundle is active in this process")]
    NoBundle,
    /// The kernel and this process enforce different bundles.
    #[error("laggard: version {kernel} is active in the kernel, version {own} in this process")]
    Laggard {
        /// The kernel's.
        kernel: u64,
        /// Ours.
        own: u64,
    },
    /// The peer is one of Gate's own processes, or nobody.
    #[error("the peer is {}, which is attested to nobody", reserved_name(*.source_id))]
    Reserved {
        /// Its number.
        source_id: u32,
    },
    /// The peer is a service that the active bundle does not declare.
    #[error("the peer is service {source_id}, which bundle version {version} does not declare")]
    UnknownSource {
        /// Its number.
        source_id: u32,
        /// The version.
        version: u64,
    },
    /// The connection is not to an L7 port of a declared service.
    #[error("port {port} of service {service} is no L7 port that bundle version {version} declares")]
    UnknownDestination {
        /// The service that the kernel names as the port's owner.
        service: u32,
        /// The port.
        port: u16,
        /// The version.
        version: u64,
    },
    /// This source asks too often.
    #[error("{source_name} opens connections faster than its budget of {per_second} a second")]
    Budget {
        /// Its name.
        source_name: String,
        /// The budget.
        per_second: u64,
    },
    /// There is no such session, or it has ended.
    #[error("there is no such session on this connection, or it has ended; attest it anew")]
    NoSession,
    /// The session is on this connection, and the kernel now says somebody else is at its end.
    #[error("the kernel states another peer than when the session began")]
    OtherPeer,
    /// The record is not kept.
    #[error("no session without a record: the spool of reports is full")]
    NoRecord,
    /// No randomness, or no signature.
    #[error("no assertion could be made: {0}")]
    Internal(String),
}

impl Refusal {
    /// Whether it is recorded one by one. The others are ordinary ends, or are counted elsewhere.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        !matches!(self, Self::Ended | Self::NoSession | Self::Budget { .. } | Self::NoRecord)
    }
}

fn reserved_name(id: u32) -> String {
    match id {
        PROXY => "gate-proxy".into(),
        AUTHN => "gate-authn".into(),
        AUTHZ => "gate-authz".into(),
        AUDIT => "gate-audit".into(),
        NET => "gate-net".into(),
        UNATTESTED => "a process under a governed slice and of no service".into(),
        other => format!("the reserved identity {other:#x}"),
    }
}
