//! Reading JSON.

use serde_json::Value;

/// What is at a path of keys: `/duty/listener`; null where nothing is.
#[must_use]
pub fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    value.pointer(path).unwrap_or(&Value::Null)
}
