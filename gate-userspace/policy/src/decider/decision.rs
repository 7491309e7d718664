//! The answer to a question.

use super::RuleIds;
use cedar_policy::AuthorizationError;
use std::fmt;

/// The answer to a question, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// Whether it is permitted.
    pub allow: bool,
    /// When permitted: every rule that permits it. When denied: the rules that forbid it (a forbid without condition
    /// answers alone), or none, when it is denied because nothing permits it or because a rule could not be evaluated.
    pub rules: RuleIds,
    /// Whether the answer depends on nothing but the session and the route, so that it holds for the next request too.
    pub cacheable: bool,
    /// Why rules could not be evaluated. Always empty when permitted.
    pub errors: Vec<EvaluationError>,
}

impl Decision {
    pub(super) fn allow(rules: RuleIds) -> Self {
        Self { allow: true, rules, cacheable: true, errors: Vec::new() }
    }

    pub(super) fn deny(rules: RuleIds) -> Self {
        Self { allow: false, rules, cacheable: true, errors: Vec::new() }
    }

    /// The answer to a question that names what is not there.
    pub(crate) fn unknown() -> Self {
        let error = EvaluationError { rule: None, message: "the question names something unknown".to_owned() };
        Self::failed(RuleIds::from([]), vec![error])
    }

    pub(super) fn failed(none: RuleIds, errors: Vec<EvaluationError>) -> Self {
        Self { allow: false, rules: none, cacheable: false, errors }
    }
}

/// A rule that could not be evaluated: the request is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationError {
    /// The rule; `None` when the request itself did not fit its route.
    pub rule: Option<String>,
    /// What Cedar says.
    pub message: String,
}

impl From<&AuthorizationError> for EvaluationError {
    fn from(error: &AuthorizationError) -> Self {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        Self { rule: Some(error.policy_id().to_string()), message: error.inner().to_string() }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "rule \"{rule}\": {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
