//! gate-authz: whether a service may do what it asks for.
//!
//! A question carries gate-authn's assertion of who asks. What it states is believed only under gate-authn's
//! signature; the rules are Cedar, compiled here from the bundle's own files. An allow can carry a *grant*, with which
//! gate-net opens the kernel for the proxy. No identity is made here, and no byte is forwarded.

mod believed;
mod difference;
mod listeners;

pub use believed::{Believed, Disbelief, REMEMBERED};
pub use difference::first_difference;
pub use listeners::{Listeners, NoRoute};
