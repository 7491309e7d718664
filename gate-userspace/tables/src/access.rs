//! Who may ask for what, and on which conditions: everything that the rules give, cell by cell.

use super::{PortId, ServiceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the rules say about one target for some sources. Where nothing is said, it is denied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Whose target it is.
    pub destination: ServiceId,
    /// On which of its ports.
    pub port: PortId,
    /// The route's action, `orders.getOrder`; `None` is a connection to an L4 port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Indexes of rules that may permit it, ascending: any of them is enough.
    pub permits: Vec<u32>,
    /// Indexes of conditional rules that may forbid it, ascending. A rule that always forbids leaves no line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbids: Vec<u32>,
    /// Who asks, ascending: services, networks, [`ServiceId::HOST`], [`ServiceId::WORLD`].
    pub sources: Vec<ServiceId>,
}

/// What a rule asks of a request beyond its scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Lower-case hexadecimal SHA-256 of the condition and of everything besides the request that it reads. Equal digests
    /// answer equally.
    pub sha256: String,
    /// Whether it answers every request that the schema allows. One that may fail (an overflow) denies by failing, so
    /// taking it away may give access.
    pub total: bool,
    /// The roles of users (of [`crate::Roles`]) that it can hold for, as far as its text tells; `None`: any, or no user at
    /// all. Never one too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<String>>,
}
