//! Every reason at once.

use crate::Reason;
use std::fmt;

/// A bundle was refused, for all of these reasons. What was in force stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    reasons: Vec<Reason>,
}

impl Refusal {
    pub(crate) fn new(reasons: Vec<Reason>) -> Self {
        Self { reasons }
    }

    /// Every reason; never empty.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

impl<R: Into<Reason>> From<R> for Refusal {
    fn from(reason: R) -> Self {
        Self { reasons: vec![reason.into()] }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bundle is refused:")?;
        self.reasons.iter().try_for_each(|reason| write!(f, "\n- {reason}"))
    }
}
