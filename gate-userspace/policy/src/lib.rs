//! Policies: `services.toml` and Cedar rules, checked and compiled.
//!
//! [`PolicySource`] holds the files, [`compile`] checks everything and reports all errors at once, each with its place.
//! What comes out is a [`Compiled`]: the [`gate_tables::Tables`] of a bundle, equal byte for byte wherever the same
//! policy is compiled, and a [`Decider`] that answers questions as Cedar would, except that any evaluation error denies.
//!
//! No input and output but [`PolicySource::from_dir`]; no clock and no randomness.

mod cases;
mod compile;
mod context;
mod decider;
mod diagnostic;
mod document;
mod names;
mod parallel;
mod rules;
mod schema;
mod schemas;
mod services;
mod source;
mod spelling;
mod universe;

pub use cases::{CaseResult, Expect, run_cases};
pub use compile::{Compiled, compile};
pub use context::{ClaimValue, LocalTime, RequestContext, User};
pub use decider::{
    ActionId, Decider, Decision, EvaluationError, Missing, NearRule, Nearest, Remark, RemarkKind, Route, RuleAt,
    RuleIds, Unserved, UnservedKind,
};
pub use diagnostic::Diagnostic;
pub use schemas::{CASES_SCHEMA, DUTIES_SCHEMA, SERVICES_SCHEMA};
pub use source::{MAX_FILE_BYTES, MAX_FILES, PolicySource};
pub use universe::Principal;
