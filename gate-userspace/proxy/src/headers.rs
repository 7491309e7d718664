//! Which header fields pass. Those of one hop stay on it; those that say who the client is, or where a request comes
//! from, are the proxy's to set and never the client's.

use hyper::HeaderMap;
use hyper::header::{self, HeaderName, HeaderValue};

/// `X-Request-Id`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `X-Gate-Source`: the attested service.
pub const SOURCE: HeaderName = HeaderName::from_static("x-gate-source");

/// Of one hop (RFC 9110 section 7.6.1, and the proprietary ones that it lists).
const HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Claims about the client or the way of the request. A trailing `*` stands for any ending.
const CLAIMS: [&str; 19] = [
    "expect",
    "forwarded",
    "x-forwarded*",
    "x-original*",
    "x-envoy*",
    "x-gate*",
    "x-request-id",
    "x-real-ip",
    "x-client*",
    "x-cluster-client-ip",
    "x-ssl*",
    "x-spiffe*",
    "ssl-client*",
    "client-cert*",
    "true-client-ip",
    "cf-connecting-ip",
    "x-remote*",
    "x-host",
    "x-http-host-override",
];

/// What the proxy says about a connection's client.
#[derive(Debug, Clone)]
pub struct ClientFields {
    forwarded: HeaderValue,
    source: Option<HeaderValue>,
}

impl ClientFields {
    /// For a client at that address, of that service (empty: of none).
    #[must_use]
    pub fn new(peer: std::net::SocketAddr, source: &str) -> Self {
        // Both forms are always legal header values.
        let forwarded = HeaderValue::try_from(format!("for=\"{peer}\";proto=http"))
            .unwrap_or_else(|_| HeaderValue::from_static("for=unknown;proto=http"));
        let source = HeaderValue::from_str(source).ok().filter(|value| !value.is_empty());
        Self { forwarded, source }
    }
}

/// Makes a client's fields those of the upstream request.
pub fn prepare_request(fields: &mut HeaderMap, client: &ClientFields, request_id: &HeaderValue) {
    strip(fields, |name| !passes(name));
    fields.insert(header::FORWARDED, client.forwarded.clone());
    if let Some(source) = &client.source {
        fields.insert(SOURCE, source.clone());
    }
    fields.insert(REQUEST_ID, request_id.clone());
    fields.append(header::VIA, HeaderValue::from_static("1.1 gate"));
}

/// Makes a backend's fields those of the response.
pub fn prepare_response(fields: &mut HeaderMap, request_id: &HeaderValue) {
    strip(fields, |name| is_listed(&HOP, name) || is_listed(&["x-gate*"], name));
    fields.insert(REQUEST_ID, request_id.clone());
}

/// Whether a client's field of that name (lower case) reaches the backend.
#[must_use]
pub fn passes(name: &str) -> bool {
    !is_listed(&HOP, name) && !is_listed(&CLAIMS, name)
}

/// Removes what `unwanted` names, and what `Connection` names.
fn strip(fields: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let mut names: Vec<HeaderName> = Vec::new();
    for value in fields.get_all(header::CONNECTION) {
        let options = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        names.extend(options.filter_map(|option| HeaderName::from_bytes(option).ok()));
    }
    names.extend(fields.keys().filter(|name| unwanted(name.as_str())).cloned());
    for name in names {
        // The message's own delimitation is not a backend's to take away by naming it.
        if name != header::CONTENT_LENGTH {
            fields.remove(name);
        }
    }
}

/// Whether `name` is in the list; `_` counts as `-`, because CGI and its heirs read them as the same.
fn is_listed(list: &[&str], name: &str) -> bool {
    let same = |a: u8, b: u8| a == b || (a == b'-' && b == b'_');
    list.iter().any(|listed| match listed.strip_suffix('*') {
        Some(prefix) => name.len() >= prefix.len() && prefix.bytes().zip(name.bytes()).all(|(a, b)| same(a, b)),
        None => name.len() == listed.len() && listed.bytes().zip(name.bytes()).all(|(a, b)| same(a, b)),
    })
}

#[cfg(test)]
mod tests;
