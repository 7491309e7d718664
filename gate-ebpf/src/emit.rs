//! Events and counters.

use aya_ebpf::bindings::BPF_RB_NO_WAKEUP;
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use gate_common::{
    event::{Counter, FlowEvent},
    limits::EVENTS_PER_SECOND,
    maps::{Budget, budget_index},
    verdict::{NO_RULE, Reason},
};

use crate::{judge::Flow, maps};

/// What became of a flow, as events say it.
#[derive(Clone, Copy)]
pub enum Outcome {
    Allowed = 0,
    Denied = 1,
    WouldDeny = 2,
}

/// Adds one to a counter.
#[inline(always)]
pub fn count(counter: Counter) {
    if let Some(value) = maps::COUNTERS.get_ptr_mut(counter as u32) {
        // SAFETY: the element is this CPU's own.
        unsafe { *value = (*value).wrapping_add(1) };
    }
}

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: no preconditions.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Emits one verdict, within the source's budget.
#[inline(always)]
pub fn verdict(flow: &Flow, hook: u8, outcome: Outcome, reason: Reason, rule: u32) {
    diagnose(flow, u32::from(hook), outcome as u32, reason as u32);
    let time = now();
    if !within_budget(flow.source, time) {
        count(Counter::EventsSuppressed);
        return;
    }
    let Some(mut entry) = maps::EVENTS.reserve::<FlowEvent>(0) else {
        count(Counter::EventsLost);
        return;
    };
    let event = entry.as_mut_ptr();
    // SAFETY: the reservation is as large as the event and 8-aligned; every field is written.
    unsafe {
        (&raw mut (*event).time).write(time);
        (&raw mut (*event).active).write(flow.active);
        (&raw mut (*event).from).write(flow.key.source);
        (&raw mut (*event).to).write(flow.key.destination);
        (&raw mut (*event).from_port).write(flow.key.source_port);
        (&raw mut (*event).to_port).write(flow.key.destination_port);
        (&raw mut (*event).hook).write(hook);
        (&raw mut (*event).reason).write(reason as u8);
        (&raw mut (*event).outcome).write(outcome as u8);
        (&raw mut (*event).transport).write(flow.transport);
        (&raw mut (*event).source).write(flow.source);
        (&raw mut (*event).behalf).write(flow.behalf);
        (&raw mut (*event).destination).write(flow.owner);
        (&raw mut (*event).uid).write(flow.uid);
        (&raw mut (*event).rule).write(rule);
        (&raw mut (*event).caller).write(flow.caller);
    }
    // gate-net looks by itself; waking it would be an interrupt in the way of the connection.
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
}

/// The same for people who look at the programs at work (`gate-loader --diagnose`). `AYA_LOG_LEVEL` is a constant of
/// the loaded programs: where it is 0 the verifier removes all of this.
#[inline(never)]
fn diagnose(flow: &Flow, hook: u32, outcome: u32, reason: u32) {
    aya_log_ebpf::debug!(
        (),
        "hook {} outcome {} reason {} source {} caller {} owner {} port {}",
        hook,
        outcome,
        reason,
        flow.source,
        flow.caller,
        flow.owner,
        flow.key.destination_port
    );
}

/// Emits a denial.
#[inline(always)]
pub fn denied(flow: &Flow, hook: u8, reason: Reason) {
    verdict(flow, hook, Outcome::Denied, reason, NO_RULE);
}

/// Whether an identity may emit one more event in this second. Racing CPUs may let a few more through, or count a
/// few less.
#[inline(always)]
fn within_budget(identity: u32, time: u64) -> bool {
    let second = time / 1_000_000_000;
    let Some(budget) = budget(identity) else { return false };
    // SAFETY: the element stays while it is referenced; the fields are independent counters.
    unsafe {
        if (*budget).second != second {
            (*budget).second = second;
            (*budget).events = 0;
        }
        if (*budget).events >= EVENTS_PER_SECOND {
            (*budget).suppressed = (*budget).suppressed.wrapping_add(1);
            return false;
        }
        (*budget).events = (*budget).events.wrapping_add(1);
    }
    true
}

/// The budget of an identity.
#[inline(always)]
pub fn budget(identity: u32) -> Option<*mut Budget> {
    maps::BUDGETS.get_ptr_mut(budget_index(identity))
}
