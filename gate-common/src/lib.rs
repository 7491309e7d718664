//! What the kernel and user space share: keys and values of the maps, events, limits, and the pure verdict
//! function. Both sides compile the same definitions; nothing is mirrored by hand.
#![no_std]

pub mod address;
pub mod event;
pub mod identity;
pub mod layout;
pub mod limits;
pub mod maps;
pub mod peer;
pub mod verdict;

/// Version of everything in this crate that crosses the boundary. Pinned maps of another version are refused.
pub const ABI_VERSION: u32 = 1;

#[cfg(test)]
mod tests;
