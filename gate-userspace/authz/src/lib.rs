//! gate-authz: whether a service may do what it asks for.
//!
//! A question carries gate-authn's assertion of who asks. What it states is believed only under gate-authn's
//! signature; the rules are Cedar, compiled here from the bundle's own files. An allow can carry a *grant*, with which
//! gate-net opens the kernel for the proxy. No identity is made here, and no byte is forwarded.

mod believed;
mod decide;
mod difference;
mod explain;
mod ids;
mod in_force;
mod listeners;
mod service;
mod text;

#[cfg(test)]
mod testing;

pub use believed::{Believed, Disbelief, REMEMBERED};
pub use decide::{Authz, CACHED_MS, Counts, GRANT_MS, Surroundings};
pub use difference::first_difference;
pub use explain::{Asked, explain};
pub use ids::{Ids, Random};
pub use in_force::InForce;
pub use listeners::{Listeners, NoRoute};
pub use service::Service;
