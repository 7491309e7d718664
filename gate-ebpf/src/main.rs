//! The BPF programs of Gate: who a socket belongs to, what it may reach, who is at its other end.
//!
//! Every hook is thin: it reads its context, asks the pure verdict function of `gate-common`, and acts. A lookup
//! that fails, a table that is full and a state that is missing deny for what is governed; they never allow.
#![no_std]
#![no_main]
// The target has no `AtomicU64::fetch_add` in `core`, though the instruction set does.
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "atomic_xadd is the only way to the instruction")]

mod config;
mod emit;
mod hooks;
mod identity;
mod judge;
mod maps;
mod packet;
mod socket;
mod tags;

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // A reachable panic is refused by the verifier at load.
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
