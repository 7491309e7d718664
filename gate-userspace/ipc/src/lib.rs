//! How the roles talk: one postcard frame per `SOCK_SEQPACKET` message on Unix sockets, descriptors beside it.
//!
//! [`Listener`] accepts and says who called ([`Peer`]: user, process, cgroup, all from the kernel); [`Admission`]
//! says whether that one may; [`Connection`] carries frames; [`Client`] asks many questions over one connection.

mod admission;
mod client;
mod connection;
mod descriptor;
mod frame;
mod listener;
mod peer;

pub mod fds;
pub mod messages;
pub mod percent;
pub mod sockopt;

pub use admission::{Admission, Caller, Rejection};
pub use client::{CallError, Client};
pub use connection::Connection;
pub use frame::{Frame, FrameError};
pub use listener::{BindError, Listener};
pub use peer::{CgroupRoot, Peer, PeerError};

/// Most questions or reports in one frame.
pub const MAX_BATCH: usize = 256;

/// Largest frame, in bytes.
pub const MAX_FRAME: usize = 128 * 1024;

/// Most descriptors beside one frame.
pub const MAX_DESCRIPTORS: usize = 4;

#[cfg(test)]
mod tests;
