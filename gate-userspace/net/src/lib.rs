//! gate-net: the network duty in user space.
//!
//! It holds the descriptors of the kernel's maps and nothing else that is worth having: no key, no rule of L7, no
//! payload. It fills the tables from a verified bundle and flips them with one store, admits grants that both other
//! roles signed and its own table allows, hands diverted connections to gate-proxy's listener, and reports what the
//! kernel judged. The kernel goes on enforcing without it.

mod addresses;
mod cgroups;
mod describe;
mod entries;
mod events;
mod explain;
mod grants;
mod in_force;
mod listener;
mod maps;
mod reserved;
mod service;

pub use entries::{Capacity, Clocks, Entries};
pub use grants::{GrantCheck, GrantRefusal};
pub use maps::{Maps, MapsError};
pub use service::Service;
