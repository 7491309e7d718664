//! The keys that `cases.toml` knows.

/// At the top.
pub(crate) const ROOT: [&str; 1] = ["case"];
/// `[[case]]`.
pub(crate) const CASE: [&str; 15] = [
    "name",
    "principal",
    "action",
    "resource",
    "port",
    "params",
    "headers",
    "query",
    "host",
    "user",
    "source",
    "at",
    "now",
    "expect",
    "rule",
];
/// `source = { … }`.
pub(crate) const SOURCE: [&str; 1] = ["uid"];
