//! Events that the kernel tells gate-net through the ring buffer.

use crate::{abi, address::Address, verdict::Reason};

abi! {
    /// One verdict.
    pub struct FlowEvent: 80 {
        /// Nanoseconds of `CLOCK_BOOTTIME`.
        pub time: u64,
        /// The active word of the verdict.
        pub active: u64,
        /// The sender's address, zero where it is not known.
        pub from: Address,
        /// The receiver's address.
        pub to: Address,
        /// The sender's port, 0 where it is not known.
        pub from_port: u16,
        /// The receiver's port.
        pub to_port: u16,
        /// One of the `HOOK_…` constants.
        pub hook: u8,
        /// A [`Reason`].
        pub reason: u8,
        /// 0 allowed, 1 denied, 2 would be denied (observe).
        pub outcome: u8,
        /// IP protocol.
        pub transport: u8,
        /// The source service.
        pub source: u32,
        /// On whose behalf, for gate-proxy.
        pub behalf: u32,
        /// The destination service.
        pub destination: u32,
        /// The source's Unix user; `u32::MAX` where it is not known.
        pub uid: u32,
        /// Index of the rule that allowed; `u32::MAX` for none.
        pub rule: u32,
        /// The calling service where it differs from the source.
        pub caller: u32,
    }
}

impl FlowEvent {
    /// The reason, if the number is one.
    #[must_use]
    pub fn why(&self) -> Option<Reason> {
        Reason::from_number(self.reason)
    }
}

/// `connect()`.
pub const HOOK_CONNECT: u8 = 1;
/// `bind()`.
pub const HOOK_BIND: u8 = 2;
/// `socket()`.
pub const HOOK_SOCKET: u8 = 3;
/// A packet from a socket.
pub const HOOK_EGRESS: u8 = 4;
/// A packet to a socket.
pub const HOOK_INGRESS: u8 = 5;
/// `sendmsg()` with an address.
pub const HOOK_SENDMSG: u8 = 6;
/// `setsockopt()`.
pub const HOOK_OPTION: u8 = 7;
/// A diverted connection.
pub const HOOK_LOOKUP: u8 = 8;
/// A cgroup that appeared.
pub const HOOK_CGROUP: u8 = 9;

/// Indices of `COUNTERS` (per CPU, `u64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Events that did not fit into the ring buffer.
    EventsLost = 0,
    /// Events above an identity's budget.
    EventsSuppressed = 1,
    /// Tags that did not fit into the table.
    TagsLost = 2,
    /// Cgroups that did not fit into the table.
    CgroupsLost = 3,
    /// Packets dropped.
    PacketsDropped = 4,
    /// Connections refused.
    ConnectsRefused = 5,
    /// Programs that could not do their work for lack of memory or because of an inconsistency; they denied.
    Faults = 6,
}

/// Number of counters.
pub const COUNTERS: u32 = 7;
