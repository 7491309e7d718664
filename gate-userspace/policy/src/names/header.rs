//! Names of headers that rules may read.

use super::MAX_NAME;

/// What says who somebody is: it is judged before rules are asked, or by the service alone. A trailing `*` stands for any
/// ending.
const CREDENTIALS: [&str; 8] =
    ["authorization", "proxy-auth*", "cookie*", "set-cookie*", "www-authenticate", "x-api-key", "x-auth*", "x-csrf*"];
/// Of one hop (RFC 9110 section 7.6.1), or about the body's delimitation.
const HOP: [&str; 13] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "max-forwards",
    "http2-settings",
    "priority",
    "via",
];
/// What the proxy takes away from clients, since it says itself who they are and where requests come from.
const PROXYS: [&str; 20] = [
    "forwarded",
    "x-forwarded*",
    "x-original*",
    "x-rewrite*",
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
    "x-http-method*",
    "x-host",
    "x-http-host-override",
];

/// A header that a route may declare: `x-tenant`.
pub(crate) fn check_header(name: &str) -> Result<(), String> {
    // Of `_` nobody knows whether it is `-`: CGI and its heirs read them as the same.
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts_well || name.ends_with('-') || name.len() > MAX_NAME || !name.chars().all(legal) {
        return Err(format!(
            "header {name:?}; a name is a lower-case letter, then lower-case letters, digits and \"-\", at most {MAX_NAME} in all"
        ));
    }
    if name == "host" {
        return Err("header \"host\" is context.host for every rule; remove it".to_owned());
    }
    let listed = |list: &[&str]| {
        list.iter().any(|listed| listed.strip_suffix('*').map_or(*listed == name, |start| name.starts_with(start)))
    };
    let why = if listed(&CREDENTIALS) {
        "carries credentials; rules read users in context.user, where the port has an issuer"
    } else if listed(&HOP) {
        "is between a client and the proxy, and not of the request"
    } else if listed(&PROXYS) {
        "is the proxy's to set; what a client says there is taken away"
    } else {
        return Ok(());
    };
    Err(format!("header \"{name}\" {why}; remove it"))
}
