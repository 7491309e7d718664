//! gate-authn: who is at the other end of a connection.
//!
//! gate-proxy passes each accepted socket; the kernel states, through a socket option that only this process's cgroup
//! may ask, which service opened the connection. What the kernel stated is signed as an *assertion*, which gate-authz
//! and gate-net believe. Nothing here decides whether the service may do anything.

mod attest;
mod budget;
mod descriptor;
mod known;
mod refusal;
mod service;
mod sessions;

pub use attest::{ASSERTION_MS, Attested, Authn, Now};
pub use budget::{ATTESTS_BURST, ATTESTS_PER_SECOND, Budgets, Suppressed};
pub use descriptor::{Purpose, Stated, ask_kernel};
pub use known::Known;
pub use refusal::Refusal;
pub use service::{Random, Service};
pub use sessions::{Facts, Limits, Session, Sessions};
