//! Looks up what the verdict function needs, and asks it.

use gate_common::{
    address::Address,
    identity::{PROXY, of_behalf},
    maps::{
        Active, Destination, FlowKey, GrantKey, HIDDEN, PROXIED, Rule, RuleKey, STAGE_ACCEPTED, ServiceKey,
        SocketState, TCP, destination_index,
    },
    verdict::{self, Reason, Verdict},
};

use crate::{
    emit::{self, Outcome},
    maps,
};

/// One flow under judgement, and what is said of it.
pub struct Flow {
    /// The flow; what is not known is zero.
    pub key: FlowKey,
    /// Whose flow it is.
    pub source: u32,
    /// On whose behalf, for gate-proxy.
    pub behalf: u32,
    /// Who acts, where that differs from `source`.
    pub caller: u32,
    /// The source's user.
    pub uid: u32,
    /// The destination's service; 0 for none.
    pub owner: u32,
    /// IP protocol.
    pub transport: u8,
    /// The active word, read once.
    pub active: u64,
}

/// The active word. Without one nothing is in force: version 0, copy 0, both empty.
#[inline(always)]
pub fn active() -> u64 {
    maps::ACTIVE.get(0).copied().unwrap_or(0)
}

/// Whose port it is, in the active copy; `Destination::NONE` for nobody's.
#[inline(always)]
pub fn destination(active: u64, port: u16) -> Destination {
    let index = destination_index(Active(active).copy(), port);
    maps::DESTINATIONS.get(index).copied().unwrap_or(Destination::NONE)
}

/// Whether an address is the host's own.
#[inline(always)]
pub fn is_local(address: Address) -> bool {
    // SAFETY: only presence is read.
    address.is_loopback() || unsafe { maps::LOCAL.get(&address) }.is_some()
}

/// Judges a flow of `source` to a port of `destination`, now.
#[inline(always)]
pub fn flow(active: u64, source: u32, behalf: u32, destination: Destination) -> Verdict {
    let mut verdict = Verdict::deny(Reason::Fault);
    judge(active, source, behalf, &destination, &mut verdict);
    verdict
}

/// A function of its own in the object: inlined twice it leaves registers that the verifier finds uninitialized.
#[inline(never)]
fn judge(active: u64, source: u32, behalf: u32, destination: &Destination, verdict: &mut Verdict) {
    *verdict = decide(active, source, behalf, *destination);
}

#[inline(always)]
fn decide(active: u64, source: u32, behalf: u32, destination: Destination) -> Verdict {
    // gate-proxy is judged as the service on whose behalf it connects, and by its grant.
    if source == PROXY {
        let whose = of_behalf(behalf);
        let rule = rule(active, whose, destination);
        let until = grant(whose, destination);
        return verdict::upstream(behalf, destination, rule, until, emit::now());
    }
    let rule = rule(active, source, destination);
    // Reading the clock is dear, and hardly any rule asks.
    let now = if rule.is_timed() { emit::now() } else { 0 };
    verdict::reach(source, destination, rule, now)
}

/// The verdict under which a tag for this destination was written, gate-proxy's left out.
#[inline(always)]
pub fn permitted(destination: Destination) -> Verdict {
    if destination.via == PROXIED { Verdict::proxy(verdict::NO_RULE) } else { Verdict::direct(verdict::NO_RULE) }
}

/// Whether a denial is only recorded: the source is in observe and the flow does not need the proxy.
#[inline(always)]
pub fn observes(active: u64, source: u32, destination: Destination) -> bool {
    if destination.via == PROXIED || destination.via == HIDDEN {
        return false;
    }
    let key = ServiceKey { service: source, copy: u32::from(Active(active).copy()) };
    // SAFETY: as above.
    unsafe { maps::SERVICES.get(&key) }.is_some_and(|posture| posture.observe == 1)
}

/// The loopback device, in every network namespace.
const LOOPBACK: u32 = 1;

/// Whether a packet of a flow between two services of this host stays on this host. That the address is the host's own
/// does not say so: scope ids, routing headers and bound devices send it elsewhere.
#[inline(always)]
pub fn stays(interface: u32) -> bool {
    interface == LOOPBACK
}

/// Judges an open flow again where the active word changed or its permission ended. `true`: it passes.
#[inline(always)]
pub fn again(state: &mut SocketState, local: bool, hook: u8) -> bool {
    if state.refused != 0 {
        return false;
    }
    let active = active();
    if state.judged == active && (state.until == 0 || emit::now() < state.until) {
        return true;
    }
    let destination = if local { destination(active, state.flow.destination_port) } else { Destination::NONE };
    let mut verdict = flow(active, state.source, state.behalf, destination);
    let observed = verdict.denies() && observes(active, state.source, destination);
    if state.stage == STAGE_ACCEPTED {
        // The port may belong to somebody else by now, or be served by the proxy.
        let passing = if observed { Verdict::direct(verdict::NO_RULE) } else { verdict };
        let arrives = verdict::arrive(passing, state.creator, destination);
        if arrives.denies() {
            verdict = arrives;
        }
    } else if !verdict.denies() && verdict.passage as u32 != state.passage {
        verdict = Verdict::deny(Reason::Changed);
    }
    if destination.service != state.destination {
        verdict = Verdict::deny(Reason::Changed);
    }
    if !verdict.denies() {
        state.until = verdict.until;
        state.judged = active;
        return true;
    }
    let reason = verdict.reason;
    let flow = Flow {
        key: state.flow,
        source: state.source,
        behalf: state.behalf,
        caller: state.source,
        uid: state.source_uid,
        owner: state.destination,
        transport: TCP,
        active,
    };
    if observed && matches!(reason, Reason::NoRule | Reason::Unattested | Reason::OutOfTime) {
        state.until = 0;
        state.judged = active;
        emit::verdict(&flow, hook, Outcome::WouldDeny, reason, verdict::NO_RULE);
        return true;
    }
    if matches!(reason, Reason::GrantEnded | Reason::NoGrant) {
        // A grant may be renewed; the flow stays shut until then. Said once. gate-net clears ended grants away: a flow that
        // had one says that it has ended, whenever its next packet comes.
        if state.until != 1 {
            let reason = if state.until == 0 { reason } else { Reason::GrantEnded };
            state.until = 1;
            emit::denied(&flow, hook, reason);
        }
        return false;
    }
    state.refused = 1;
    emit::denied(&flow, hook, reason);
    false
}

#[inline(always)]
fn rule(active: u64, source: u32, destination: Destination) -> Rule {
    let key = RuleKey {
        source,
        destination: destination.service,
        port: destination.port,
        transport: TCP,
        copy: Active(active).copy(),
        reserved: 0,
    };
    // SAFETY: the entry is read at once, and an active copy is never changed.
    unsafe { maps::RULES.get(&key) }.copied().unwrap_or(Rule::NONE)
}

#[inline(always)]
fn grant(source: u32, destination: Destination) -> u64 {
    let key = GrantKey { source, destination: destination.service };
    // SAFETY: one aligned word.
    unsafe { maps::GRANTS.get(&key) }.map_or(0, |grant| grant.until)
}
