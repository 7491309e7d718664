//! The duties, one process each.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A process of Gate with one duty, one Unix user and one cgroup of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Attaches and pins the kernel programs, then exits.
    Loader,
    /// Network enforcement.
    Net,
    /// Request enforcement.
    Proxy,
    /// Identity.
    Authn,
    /// Decision.
    Authz,
    /// The record.
    Audit,
}

impl Role {
    /// Every role, in the order of start.
    pub const ALL: [Self; 6] = [Self::Loader, Self::Net, Self::Proxy, Self::Authn, Self::Authz, Self::Audit];

    /// The roles that sign what others rely on, and so have a key.
    pub const SIGNING: [Self; 3] = [Self::Authn, Self::Authz, Self::Audit];

    /// The name in paths, configuration and records: `net`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Net => "net",
            Self::Proxy => "proxy",
            Self::Authn => "authn",
            Self::Authz => "authz",
            Self::Audit => "audit",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
