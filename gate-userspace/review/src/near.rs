//! "Did you mean", as answers say it.

/// `; did you mean "orders.getOrder"?`, or what there is when there is little, or nothing.
#[must_use]
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    gate_spelling::did_you_mean(found, known, |known| format!("; there is {}", known.join(", ")))
}
