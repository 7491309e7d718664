//! gate-audit: the record.
//!
//! Every role reports to it over one socket; who reports is known from the connection, never from the report. Each
//! report that its role may make becomes one entry of a tamper-evident log ([`gate_audit_log`]), and is acknowledged
//! once it is on disk. It decides nothing, forwards nothing, and has no network.
//!
//! - [`Writer`] commits what comes from all roles in groups, and goes on trying while the disk is full.
//! - [`Reconciler`] compares what was done with what was decided.
//! - [`Budgets`] keep one noisy service from filling the log; what is left out is counted.

mod budget;
mod bundles;
mod origin;
mod reconcile;
mod report;
mod service;
mod writer;

pub use budget::{Budgets, Rate, Rates};
pub use bundles::Bundles;
pub use origin::origin;
pub use reconcile::Reconciler;
pub use report::{Refused, accept};
pub use service::{Service, replay};
pub use writer::{Opener, WINDOW, Writer, WriterState};

#[cfg(test)]
mod tests;
