//! Socket options that BPF answers: who is at the other end, and on whose behalf.

use crate::{abi, address::Address};

/// Level of Gate's socket options ("ga").
pub const SOL_GATE: i32 = 0x6761;

/// `getsockopt`: the peer of an accepted socket, as [`Peer`]. Answered to gate-authn's cgroup only.
pub const GATE_PEER: i32 = 1;

/// `setsockopt`: the source service (`u32`), or [`crate::identity::BEHALF_OF_HOST`], on whose behalf gate-proxy will connect this
/// socket. Accepted from gate-proxy's cgroup only, on sockets that it created and has not connected.
pub const GATE_BEHALF: i32 = 2;

abi! {
    /// What the kernel attests of an accepted socket's peer.
    pub struct Peer: 56 {
        /// [`crate::ABI_VERSION`].
        pub abi: u32,
        /// The service that opened the connection.
        pub source: u32,
        /// The Unix user that opened it.
        pub uid: u32,
        /// The service whose port it connected to; 0: none.
        pub destination_service: u32,
        /// The word that is active now, under which the flow is allowed.
        pub active: u64,
        /// The socket's cookie.
        pub cookie: u64,
        /// The address that it connected to.
        pub destination: Address,
        /// The port that it connected to, host byte order.
        pub destination_port: u16,
        /// Zero.
        pub reserved: u16,
        /// Zero.
        pub reserved2: u32,
    }
}
