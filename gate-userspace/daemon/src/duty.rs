//! What differs from daemon to daemon.

use gate_bundle::Admitted;
use gate_ipc::messages::AdminReply;
use gate_statements::{Confirmation, Signed};
use serde_json::Value;
use std::future::{Future, ready};

/// A question of an operator about one verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The source service; empty is a process of none.
    pub source: String,
    /// The destination service.
    pub destination: String,
    /// The action (`orders.getOrder`), or `connect`.
    pub action: String,
    /// The port's name, for `connect`.
    pub port: String,
    /// Parameters of the route.
    pub parameters: Vec<(String, gate_tables::Value)>,
}

/// A daemon's part in what all of them do. Methods take `&self`: state that changes is in cells.
pub trait Duty: 'static {
    /// Looks at a bundle that was verified and prepares for it; nothing takes effect. gate-authz recompiles the rules
    /// and returns its confirmation; the others return `None`, theirs was checked before.
    ///
    /// # Errors
    /// Every reason why it cannot be put into force here.
    fn stage(&self, candidate: &Admitted) -> impl Future<Output = Result<Option<Signed<Confirmation>>, Vec<String>>>;

    /// Puts a bundle into force: one that was staged, or at start the one that was in force before. What
    /// [`Duty::stage`] could have found may not fail here.
    ///
    /// # Errors
    /// Every reason why it is not in force; what was in force before still is.
    fn activate(&self, bundle: &Admitted) -> impl Future<Output = Result<(), Vec<String>>>;

    /// The daemon's own state, for `gatectl status`.
    fn status(&self) -> Value;

    /// The verdict for one question, with its reasons.
    ///
    /// # Errors
    /// What is wrong with the question, or that this role does not explain.
    fn explain(&self, question: &Question) -> impl Future<Output = Result<Value, Vec<String>>> {
        let _ = question;
        ready(Err(vec!["this role explains nothing; ask gate-authz about routes and gate-net about flows".into()]))
    }

    /// gate-audit: entries of the log, as [`AdminReply::Entries`].
    ///
    /// # Errors
    /// Why there are none.
    fn read(&self, from: u64, count: u32) -> impl Future<Output = Result<AdminReply, Vec<String>>> {
        let _ = (from, count);
        ready(Err(vec!["this role has no log; ask gate-audit".into()]))
    }
}
