//! A request that the proxy itself refuses, and with which answer.

use hyper::StatusCode;
use std::borrow::Cow;

/// A refusal: the client sees the status, the record the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// Why, in words.
    pub why: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with any status.
    pub fn new(status: StatusCode, why: impl Into<Cow<'static, str>>) -> Self {
        Self { status, why: why.into() }
    }

    /// `400`: malformed, or it could be read in two ways. The connection is closed.
    pub fn malformed(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// `403`: no route, or no permission.
    pub fn forbidden(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, why)
    }

    /// `503`: a role that has to agree cannot be asked, or the kernel refused.
    pub fn unavailable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// What the client is told. It names no rule, no service and no peer.
    pub fn public(&self) -> &'static str {
        match self.status {
            StatusCode::FORBIDDEN => "denied",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            StatusCode::BAD_GATEWAY => "bad gateway",
            StatusCode::GATEWAY_TIMEOUT => "gateway timeout",
            StatusCode::NOT_IMPLEMENTED => "not implemented",
            StatusCode::REQUEST_TIMEOUT => "request timeout",
            _ => "bad request",
        }
    }
}
