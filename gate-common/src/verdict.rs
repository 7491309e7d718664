//! The verdict: a pure function of identities and table entries, the same in the kernel and in the tests.

use crate::{
    identity::{self, NOT_GOVERNED, PROXY, UNATTESTED},
    maps::{DIRECT, Destination, HIDDEN, PROXIED, Rule},
};

/// What is to be done with a flow. A flat structure, not an enumeration with fields: every field is set on every
/// path, which the verifier of the kernel insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether and how it passes.
    pub passage: Passage,
    /// Why it does not; [`Reason::None`] where it does.
    pub reason: Reason,
    /// The rule; [`NO_RULE`] where none allowed it or none was needed.
    pub rule: u32,
    /// When its permission ends, nanoseconds of `CLOCK_BOOTTIME`; 0 for no end.
    pub until: u64,
}

/// Whether and how a flow passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Passage {
    /// It does not.
    Deny = 0,
    /// Straight.
    Direct = 1,
    /// To gate-proxy.
    Proxy = 2,
    /// From gate-proxy to a backend, until the grant ends.
    Upstream = 3,
}

impl Verdict {
    /// It passes straight.
    #[must_use]
    #[inline(always)]
    pub const fn direct(rule: u32) -> Self {
        Self { passage: Passage::Direct, reason: Reason::None, rule, until: 0 }
    }

    /// The same, until then; 0 for no end.
    #[must_use]
    #[inline(always)]
    pub const fn ending(self, until: u64) -> Self {
        Self { passage: self.passage, reason: self.reason, rule: self.rule, until: earlier(self.until, until) }
    }

    /// It passes to gate-proxy.
    #[must_use]
    #[inline(always)]
    pub const fn proxy(rule: u32) -> Self {
        Self { passage: Passage::Proxy, reason: Reason::None, rule, until: 0 }
    }

    /// gate-proxy's own connection passes until then.
    #[must_use]
    #[inline(always)]
    pub const fn upstream(rule: u32, until: u64) -> Self {
        Self { passage: Passage::Upstream, reason: Reason::None, rule, until }
    }

    /// It does not pass.
    #[must_use]
    #[inline(always)]
    pub const fn deny(reason: Reason) -> Self {
        Self { passage: Passage::Deny, reason, rule: NO_RULE, until: 0 }
    }

    /// Whether it does not pass.
    #[must_use]
    #[inline(always)]
    pub const fn denies(self) -> bool {
        matches!(self.passage, Passage::Deny)
    }
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
    /// The bundle that is in force now has another owner or another way for the flow's port.
    Changed = 17,
    /// A packet of a flow between services of this host would leave it, or came from outside.
    Strayed = 18,
    /// The rule that allows it holds at another time.
    OutOfTime = 19,
}

impl Reason {
    /// The reason of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 20] = [
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
        Self::Changed,
        Self::Strayed,
        Self::OutOfTime,
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
            Self::Changed => "the port belongs to another service now, or is reached in another way",
            Self::OutOfTime => "the rule that allows it does not hold yet, or not any more",
            Self::Strayed => "a flow between services of this host would leave it, or comes from outside",
        }
    }
}

/// No rule was needed, or none allowed it.
pub const NO_RULE: u32 = u32::MAX;

/// The earlier of two ends, of which 0 is none.
#[must_use]
#[inline(always)]
pub const fn earlier(one: u64, other: u64) -> u64 {
    if one == 0 || (other != 0 && other < one) { other } else { one }
}

/// Whether `source` may open a flow to a port. `destination` is the declared owner of the port, `rule` the line of
/// the reachability table for (source, destination). `now` matters where [`Rule::is_timed`]. gate-proxy is judged by
/// [`upstream`].
#[must_use]
#[inline(always)]
pub fn reach(source: u32, destination: Destination, rule: Rule, now: u64) -> Verdict {
    if source == UNATTESTED {
        return Verdict::deny(Reason::Unattested);
    }
    if !destination.is_declared() {
        return if source == NOT_GOVERNED { Verdict::direct(NO_RULE) } else { Verdict::deny(Reason::NoRule) };
    }
    if destination.via == HIDDEN {
        return Verdict::deny(Reason::HiddenPort);
    }
    if rule.via != destination.via as u32 {
        return Verdict::deny(Reason::NoRule);
    }
    if rule.is_timed() && !rule.holds(now) {
        return Verdict::deny(Reason::OutOfTime);
    }
    match destination.via {
        DIRECT => Verdict::direct(rule.rule).ending(rule.until),
        PROXIED => Verdict::proxy(rule.rule).ending(rule.until),
        _ => Verdict::deny(Reason::NoRule),
    }
}

/// Whether gate-proxy may reach a port on behalf of `behalf`, now. `rule` is the line for ([`identity::of_behalf`],
/// destination), `until` the end of the grant for the pair; 0 where there is none.
#[must_use]
#[inline(always)]
pub fn upstream(behalf: u32, destination: Destination, rule: Rule, until: u64, now: u64) -> Verdict {
    if behalf == NOT_GOVERNED || (behalf >= identity::FIRST_RESERVED && behalf != identity::BEHALF_OF_HOST) {
        return Verdict::deny(Reason::NoBehalf);
    }
    let reached = reach(identity::of_behalf(behalf), destination, rule, now);
    match reached.passage {
        Passage::Deny => reached,
        Passage::Proxy if until == 0 => Verdict::deny(Reason::NoGrant),
        Passage::Proxy if until <= now => Verdict::deny(Reason::GrantEnded),
        Passage::Proxy => Verdict::upstream(reached.rule, until).ending(reached.until),
        // A port that is reached straight is not the proxy's to reach.
        Passage::Direct | Passage::Upstream => Verdict::deny(Reason::NoRule),
    }
}

/// Whether a process may bind a port that `destination` is the declared owner of. A port that nobody declared may be
/// bound; packets reach it only if its owner is not governed.
#[must_use]
#[inline(always)]
pub fn bind(caller: u32, creator: u32, destination: Destination) -> Verdict {
    if !destination.is_declared() {
        return Verdict::direct(NO_RULE);
    }
    if destination.service != creator {
        return Verdict::deny(Reason::NotOwner);
    }
    if destination.service != caller {
        return Verdict::deny(Reason::Borrowed);
    }
    Verdict::direct(NO_RULE)
}

/// A socket that one service made and another connects: both must be allowed, and straight; whose request it would be
/// is not clear.
#[must_use]
#[inline(always)]
pub fn borrowed(creator: Verdict, caller: Verdict) -> Verdict {
    match (creator.passage, caller.passage) {
        (Passage::Direct, Passage::Direct) => creator.ending(caller.until),
        (Passage::Deny, _) => creator,
        (_, Passage::Deny) => caller,
        _ => Verdict::deny(Reason::Borrowed),
    }
}

/// Whether a flow that was judged so may arrive at a socket that `listener` created.
#[must_use]
#[inline(always)]
pub fn arrive(verdict: Verdict, listener: u32, destination: Destination) -> Verdict {
    if verdict.denies() {
        return verdict;
    }
    if !destination.is_declared() {
        return if listener == NOT_GOVERNED { verdict } else { Verdict::deny(Reason::Undeclared) };
    }
    let served_by = match verdict.passage {
        Passage::Proxy => PROXY,
        _ => destination.service,
    };
    if listener == served_by { verdict } else { Verdict::deny(Reason::Misdirected) }
}
