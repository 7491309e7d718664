//! One host, as every process of Gate sees it: the configuration `gate.toml`, the roles' users, cgroups, sockets and
//! directories, the roles' keys, the running binary's digest and the clocks.
//!
//! Everything that is read here is *trusted*: it decides who is who. So each file is refused unless root alone could
//! have written it (or, for a role's own key, unless that role alone could have).

mod binary;
mod clock;
mod config;
mod keys;
mod parse;
mod public_keys;
mod reader;
mod role;
mod trusted;
mod validate;

pub use binary::binary_sha256;
pub use clock::{Clock, ManualClock};
pub use config::{Enrolled, HostConfig, LandlockNeed, Operators, Proxy, RoleConfig};
pub use keys::{KeyError, RoleKey, system_random};
pub use parse::{ConfigError, Problem};
pub use public_keys::{PublicKeyError, PublicKeyProblem, PublicKeys, public_key_from_line, public_key_line};
pub use role::Role;
pub use trusted::{TrustError, read_trusted};

#[cfg(test)]
mod tests;
