//! The verdict: a pure function of identities and table entries, the same in the kernel and in the tests.

use crate::{
    identity::{self, NOT_GOVERNED, PROXY, UNATTESTED},
    maps::{DIRECT, Destination, HIDDEN, PROXIED, Rule},
};

/// What is to be done with a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It passes straight.
    Allow {
        /// The rule; `u32::MAX` where none was needed.
        rule: u32,
    },
    /// It passes to gate-proxy.
    Proxy {
        /// The rule.
        rule: u32,
    },
    /// gate-proxy's own connection to a backend passes until then (nanoseconds of `CLOCK_BOOTTIME`).
    Upstream {
        /// The rule.
        rule: u32,
        /// The grant's end.
        until: u64,
    },
    /// It does not pass.
    Deny(Reason),
}

/// Why something is denied. The number crosses the boundary in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// Not denied.
    None = 0,
    /// No rule allows it.
    NoRule = 1,
    /// The source is under a governed slice and of no service.
    Unattested = 2,
    /// The port belongs to gate-proxy.
    HiddenPort = 3,
    /// gate-proxy has no grant for this source and destination.
    NoGrant = 4,
    /// The grant has ended.
    GrantEnded = 5,
    /// gate-proxy did not say on whose behalf.
    NoBehalf = 6,
    /// The socket was made by one service and is used by another.
    Borrowed = 7,
    /// The port is declared by another service.
    NotOwner = 8,
    /// The service listens where it declared no port.
    Undeclared = 9,
    /// A packet for a governed port without a tag: no socket that Gate saw opened this flow.
    NoTag = 10,
    /// Governed services speak TCP only.
    Transport = 11,
    /// The socket is in another network namespace.
    Namespace = 12,
    /// The tag table is full, or this source has used its part of it.
    TableFull = 13,
    /// The socket option would change what the socket is.
    Option = 14,
    /// The connection was diverted to something that is not gate-proxy.
    Misdirected = 15,
    /// Gate could not keep its state for this socket.
    Fault = 16,
}

impl Reason {
    /// The reason of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::None,
        Self::NoRule,
        Self::Unattested,
        Self::HiddenPort,
        Self::NoGrant,
        Self::GrantEnded,
        Self::NoBehalf,
        Self::Borrowed,
        Self::NotOwner,
        Self::Undeclared,
        Self::NoTag,
        Self::Transport,
        Self::Namespace,
        Self::TableFull,
        Self::Option,
        Self::Misdirected,
        Self::Fault,
    ];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "a rule allows it",
            Self::NoRule => "no rule allows it",
            Self::Unattested => "the source is in a governed slice and of no declared service",
            Self::HiddenPort => "the port is gate-proxy's own and takes diverted connections only",
            Self::NoGrant => "gate-proxy has no grant for this source and destination",
            Self::GrantEnded => "the grant has ended",
            Self::NoBehalf => "gate-proxy did not say on whose behalf it connects",
            Self::Borrowed => "the socket was made by another service",
            Self::NotOwner => "the port is declared by another service",
            Self::Undeclared => "the service declares no such port",
            Self::NoTag => "no socket that Gate knows opened this flow",
            Self::Transport => "governed services speak TCP only",
            Self::Namespace => "the socket is in another network namespace",
            Self::TableFull => "the table of flows is full, or the source's part of it",
            Self::Option => "the socket option would change what the socket is",
            Self::Misdirected => "the connection did not arrive where its destination is served",
            Self::Fault => "the kernel could not keep the state of this socket",
        }
    }
}

/// No rule was needed.
pub const NO_RULE: u32 = u32::MAX;

/// Whether `source` may open a flow to a port. `destination` is the declared owner of the port, `rule` the line of
/// the reachability table for (source, destination). gate-proxy is judged by [`upstream`].
#[must_use]
#[inline(always)]
pub fn reach(source: u32, destination: Option<Destination>, rule: Option<Rule>) -> Verdict {
    if source == UNATTESTED {
        return Verdict::Deny(Reason::Unattested);
    }
    let Some(destination) = destination else {
        return if source == NOT_GOVERNED { Verdict::Allow { rule: NO_RULE } } else { Verdict::Deny(Reason::NoRule) };
    };
    if destination.via == HIDDEN {
        return Verdict::Deny(Reason::HiddenPort);
    }
    match rule {
        Some(rule) if rule.via == DIRECT as u32 && destination.via == DIRECT => Verdict::Allow { rule: rule.rule },
        Some(rule) if rule.via == PROXIED as u32 && destination.via == PROXIED => Verdict::Proxy { rule: rule.rule },
        _ => Verdict::Deny(Reason::NoRule),
    }
}

/// Whether gate-proxy may reach a port on behalf of `behalf`, now. `rule` is the line for (behalf, destination),
/// `until` the end of the grant for the pair, where there is one.
#[must_use]
#[inline(always)]
pub fn upstream(
    behalf: u32,
    destination: Option<Destination>,
    rule: Option<Rule>,
    until: Option<u64>,
    now: u64,
) -> Verdict {
    if behalf == NOT_GOVERNED || behalf >= identity::FIRST_RESERVED {
        return Verdict::Deny(Reason::NoBehalf);
    }
    match (reach(behalf, destination, rule), until) {
        (Verdict::Proxy { .. }, None) => Verdict::Deny(Reason::NoGrant),
        (Verdict::Proxy { .. }, Some(until)) if until <= now => Verdict::Deny(Reason::GrantEnded),
        (Verdict::Proxy { rule }, Some(until)) => Verdict::Upstream { rule, until },
        (Verdict::Deny(reason), _) => Verdict::Deny(reason),
        (Verdict::Allow { .. } | Verdict::Upstream { .. }, _) => Verdict::Deny(Reason::NoRule),
    }
}

/// Whether a process may bind a port that `destination` is the declared owner of.
#[must_use]
#[inline(always)]
pub fn bind(caller: u32, creator: u32, destination: Option<Destination>) -> Verdict {
    match destination {
        Some(destination) if destination.service != creator => Verdict::Deny(Reason::NotOwner),
        Some(destination) if destination.service != caller => Verdict::Deny(Reason::Borrowed),
        Some(_) => Verdict::Allow { rule: NO_RULE },
        // A port that nobody declared may be bound; packets reach it only if its owner is not governed.
        None => Verdict::Allow { rule: NO_RULE },
    }
}

/// Whether a flow that was opened by `source` may arrive at a socket that `listener` created.
#[must_use]
#[inline(always)]
pub fn arrive(verdict: Verdict, listener: u32, destination: Option<Destination>) -> Verdict {
    match (verdict, destination) {
        (Verdict::Deny(_), _) => verdict,
        (_, None) if listener == NOT_GOVERNED => verdict,
        (_, None) => Verdict::Deny(Reason::Undeclared),
        (Verdict::Proxy { .. }, Some(_)) if listener == PROXY => verdict,
        (Verdict::Allow { .. } | Verdict::Upstream { .. }, Some(destination)) if listener == destination.service => {
            verdict
        }
        (_, Some(_)) => Verdict::Deny(Reason::Misdirected),
    }
}
