//! The life of a flow tag: written when the SYN is about to leave, used once when the connection is accepted,
//! removed by the close of the socket that made it.

use core::intrinsics::{AtomicOrdering, atomic_xadd};
use gate_common::{
    event::Counter,
    limits::TAGS_PER_SOURCE,
    maps::{FlowKey, FlowTag, SocketState},
};

use crate::{
    emit::{budget, count},
    maps::TAGS,
};

/// `BPF_NOEXIST`
const NEW: u64 = 1;

/// The tag of a flow.
#[inline(always)]
pub fn get(key: &FlowKey) -> Option<FlowTag> {
    // SAFETY: the entry is copied at once. Racing writers belong to the same 5-tuple, of which one at a time is alive.
    unsafe { TAGS.get(key).copied() }
}

/// Whether `source` may hold one more tag.
#[inline(always)]
pub fn has_room(source: u32) -> bool {
    // SAFETY: one aligned word.
    budget(source).is_some_and(|budget| {
        // Racing closes may take a count below zero for a moment.
        // SAFETY: one aligned word.
        unsafe { ((*budget).tags as i64) < i64::from(TAGS_PER_SOURCE) }
    })
}

/// Writes the tag of a socket that connects. `false`: it did not fit, and no tag of that flow is left.
#[inline(always)]
pub fn write(state: &mut SocketState, key: &FlowKey, tag: &FlowTag) -> bool {
    if TAGS.insert(key, tag, NEW).is_err() {
        // A stale tag of the same 5-tuple, or a full table.
        forget(key, 0);
        if TAGS.insert(key, tag, NEW).is_err() {
            count(Counter::TagsLost);
            return false;
        }
    }
    add(tag.source, 1);
    state.flow = *key;
    state.tagged = 1;
    true
}

/// Uses a tag up.
#[inline(always)]
pub fn take(key: &FlowKey) -> Option<FlowTag> {
    let tag = get(key)?;
    if TAGS.remove(key).is_ok() {
        add(tag.source, u64::MAX);
    }
    Some(tag)
}

/// Removes the tag of a flow: that of socket `cookie`, or whoever's it is for 0.
#[inline(always)]
pub fn forget(key: &FlowKey, cookie: u64) {
    if let Some(tag) = get(key)
        && (cookie == 0 || tag.cookie == cookie)
        && TAGS.remove(key).is_ok()
    {
        add(tag.source, u64::MAX);
    }
}

/// Removes the tag that a socket made, if it is still there.
#[inline(always)]
pub fn close(state: &mut SocketState, cookie: u64) {
    if state.tagged != 0 {
        state.tagged = 0;
        let key = state.flow;
        forget(&key, cookie);
    }
}

#[inline(always)]
fn add(source: u32, change: u64) {
    if let Some(budget) = budget(source) {
        // SAFETY: one aligned word of a live element.
        unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(&raw mut (*budget).tags, change) };
    }
}
