//! Keys and values of the maps.

use crate::{abi, address::Address};

/// The one word that says what is in force: `version << 1 | copy`. A program reads it once per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Active(pub u64);

impl Active {
    /// The word for a version in a copy (0 or 1).
    #[must_use]
    pub const fn new(version: u64, copy: u8) -> Self {
        Self(version << 1 | (copy & 1) as u64)
    }

    /// Which copy of the double tables is read.
    #[must_use]
    #[inline(always)]
    pub const fn copy(self) -> u8 {
        (self.0 & 1) as u8
    }

    /// The bundle's version; 0 before the first.
    #[must_use]
    #[inline(always)]
    pub const fn version(self) -> u64 {
        self.0 >> 1
    }
}

/// TCP, as in the IP header.
pub const TCP: u8 = 6;

abi! {
    /// A flow, seen from the side that opened it. Ports in host byte order.
    pub struct FlowKey: 48 {
        /// Cookie of the network namespace.
        pub netns: u64,
        /// Who opened it.
        pub source: Address,
        /// To where.
        pub destination: Address,
        /// The opener's port.
        pub source_port: u16,
        /// The port that it connects to.
        pub destination_port: u16,
        /// Zero.
        pub reserved: u32,
    }
}

abi! {
    /// Value of `TAGS`: who opened the flow.
    pub struct FlowTag: 40 {
        /// The socket's creator.
        pub source: u32,
        /// For gate-proxy's own connections: the service on whose behalf.
        pub behalf: u32,
        /// The Unix user that connected.
        pub uid: u32,
        /// The destination that the verdict was for.
        pub destination: u32,
        /// The active word of the verdict.
        pub active: u64,
        /// Cookie of the socket that opened the flow: only its own close removes the tag.
        pub cookie: u64,
        /// When the verdict ends, nanoseconds of `CLOCK_BOOTTIME`; 0: with its active word.
        pub until: u64,
    }
}

/// Index into `DESTINATIONS` of a TCP port in a copy of the double table. An array, because each packet that is judged
/// looks a port up, and the kernel inlines look-ups in arrays.
#[must_use]
#[inline(always)]
pub const fn destination_index(copy: u8, port: u16) -> u32 {
    (copy as u32 & 1) << 16 | port as u32
}

/// Index into `BUDGETS` of an identity. Services count from 1 and Gate's own identities down from the top of the
/// numbers; what fits neither has no budget, and so may hold nothing.
#[must_use]
#[inline(always)]
pub const fn budget_index(identity: u32) -> u32 {
    if identity < crate::identity::FIRST_RESERVED { identity } else { crate::limits::SERVICE_IDS + (identity & 0xff) }
}

abi! {
    /// Value of `DESTINATIONS`: whose port it is. `via` 0 is nobody's.
    pub struct Destination: 8 {
        /// The service that alone may bind it.
        pub service: u32,
        /// The port's number inside the service.
        pub port: u16,
        /// One of [`DIRECT`], [`PROXIED`], [`HIDDEN`].
        pub via: u8,
        /// Zero.
        pub reserved: u8,
    }
}

impl Destination {
    /// A port that nobody declared. Not an `Option`: every field is set on every path, which the verifier of the
    /// kernel insists on.
    pub const NONE: Self = Self { service: 0, port: 0, via: 0, reserved: 0 };

    /// Whether a service declared it.
    #[must_use]
    #[inline(always)]
    pub const fn is_declared(self) -> bool {
        self.via != 0
    }
}

/// Reached straight.
pub const DIRECT: u8 = 1;
/// Reached only through gate-proxy.
pub const PROXIED: u8 = 2;
/// gate-proxy's own listener: reached by nobody, only by diversion.
pub const HIDDEN: u8 = 3;

abi! {
    /// Key of `RULES`.
    pub struct RuleKey: 16 {
        /// The source service.
        pub source: u32,
        /// The destination service.
        pub destination: u32,
        /// The port's number inside the destination.
        pub port: u16,
        /// [`TCP`].
        pub transport: u8,
        /// Copy of the double table.
        pub copy: u8,
        /// Zero.
        pub reserved: u32,
    }
}

abi! {
    /// Value of `RULES`. What is not there is denied.
    pub struct Rule: 24 {
        /// Index into the bundle's list of rules.
        pub rule: u32,
        /// [`DIRECT`] or [`PROXIED`].
        pub via: u32,
        /// When it begins to hold, nanoseconds of `CLOCK_BOOTTIME`; 0: it always did.
        pub from: u64,
        /// When it has ceased to hold, nanoseconds of `CLOCK_BOOTTIME`; 0: never.
        pub until: u64,
    }
}

impl Rule {
    /// No rule.
    pub const NONE: Self = Self { rule: u32::MAX, via: 0, from: 0, until: 0 };

    /// Whether the time matters.
    #[must_use]
    #[inline(always)]
    pub const fn is_timed(self) -> bool {
        self.from != 0 || self.until != 0
    }

    /// Whether it holds at that time.
    #[must_use]
    #[inline(always)]
    pub const fn holds(self, now: u64) -> bool {
        self.from <= now && (self.until == 0 || now < self.until)
    }
}

abi! {
    /// Key of `SERVICES`.
    pub struct ServiceKey: 8 {
        /// The service.
        pub service: u32,
        /// Copy of the double table.
        pub copy: u32,
    }
}

abi! {
    /// Value of `SERVICES`.
    pub struct ServicePosture: 8 {
        /// 1: judged and recorded, not enforced.
        pub observe: u32,
        /// Zero.
        pub reserved: u32,
    }
}

abi! {
    /// Key of `GRANTS`.
    pub struct GrantKey: 8 {
        /// On whose behalf gate-proxy connects.
        pub source: u32,
        /// To which service.
        pub destination: u32,
    }
}

abi! {
    /// Value of `GRANTS`.
    pub struct GrantValue: 8 {
        /// When it ends, nanoseconds of `CLOCK_BOOTTIME`.
        pub until: u64,
    }
}

abi! {
    /// Value of `SOCKETS` (socket storage): what Gate knows of one socket.
    pub struct SocketState: 128 {
        /// Cookie of the network namespace.
        pub netns: u64,
        /// The active word under which the flow was last allowed; 0: never judged.
        pub judged: u64,
        /// When the flow's permission ends, nanoseconds of `CLOCK_BOOTTIME`; 0: no end.
        pub until: u64,
        /// The active word under which the socket's cgroup was last looked at, while the creator is not governed.
        pub looked_at: u64,
        /// An accepted socket's cookie.
        pub cookie: u64,
        /// The service that created the socket.
        pub creator: u32,
        /// The creator's Unix user.
        pub uid: u32,
        /// One of the `STAGE_…` constants.
        pub stage: u32,
        /// The flow's source service.
        pub source: u32,
        /// gate-proxy's sockets: on whose behalf. Accepted from gate-proxy: the same.
        pub behalf: u32,
        /// The flow's destination service; 0: a port of no service.
        pub destination: u32,
        /// How the flow was let through, a `Passage`. A flip that changes it ends the flow.
        pub passage: u32,
        /// The Unix user of the flow's source.
        pub source_uid: u32,
        /// 1: this socket's tag is in `TAGS` under `flow`.
        pub tagged: u32,
        /// 1: the flow was refused at or after connect; nothing passes.
        pub refused: u32,
        /// The flow, once it is known.
        pub flow: FlowKey,
    }
}

/// Created, not connected.
pub const STAGE_FRESH: u32 = 0;
/// Connecting or connected by its owner.
pub const STAGE_OPENED: u32 = 1;
/// Accepted; `source`, `behalf` and `source_uid` are the peer's.
pub const STAGE_ACCEPTED: u32 = 2;

abi! {
    /// Value of `BUDGETS`: what one identity has used.
    pub struct Budget: 24 {
        /// Tags that it holds now.
        pub tags: u64,
        /// The second (of `CLOCK_BOOTTIME`) that `events` counts.
        pub second: u64,
        /// Events in that second.
        pub events: u32,
        /// Events that were not emitted, in all.
        pub suppressed: u32,
    }
}
