//! Sockets, by family.

use super::{Arg, Call, bits, call, int};
use gate_common::peer::{GATE_BEHALF, SOL_GATE};
use libc::{AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOCK_STREAM, SOL_SOCKET};

/// The type in `socket(2)`'s second argument, beside `SOCK_CLOEXEC` and `SOCK_NONBLOCK`: `SOCK_TYPE_MASK`, linux/net.h.
const SOCK_TYPE_MASK: u64 = 0xf;
const A_STREAM: Arg = bits(1, SOCK_TYPE_MASK, SOCK_STREAM as u64);

/// Unix sockets, and what is done with any socket that is open.
pub(super) const UNIX: &[Call] = &[
    call!(SYS_socket, "Unix sockets: the processes of Gate talk over nothing else", &[&[int(0, AF_UNIX)]]),
    call!(SYS_socketpair, "signals reach the event loop through a pair", &[&[int(0, AF_UNIX)]]),
    call!(SYS_bind, "a role's own socket"),
    call!(SYS_listen, "a role's own socket"),
    call!(SYS_connect, "another role's socket"),
    call!(SYS_getsockopt, "who is at the other end: SO_PEERCRED, SO_PEERPIDFD, GATE_PEER"),
    call!(SYS_setsockopt, "buffers and credentials of a Unix socket", &[&[int(1, SOL_SOCKET)]]),
    call!(SYS_getsockname, "which socket it is"),
    call!(SYS_getpeername, "which socket it is"),
    call!(SYS_sendmsg, "frames with descriptors"),
    call!(SYS_recvmsg, "frames with descriptors"),
    call!(SYS_sendto, "frames and streams"),
    call!(SYS_recvfrom, "frames and streams"),
    call!(SYS_shutdown, "the end of a conversation"),
];

/// Answering callers, and knowing who they are.
pub(super) const PEERS: &[Call] = &[
    call!(SYS_accept4, "takes the next caller"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_accept, "callers: rustix's accept()"),
    call!(SYS_pidfd_open, "holds on to a caller's process while its cgroup is read"),
    call!(SYS_pidfd_send_signal, "whether that process still lives: signal 0 only", &[&[int(1, 0)]]),
];

/// TCP over IPv4 and IPv6: no UDP, no raw sockets, no MPTCP (its joins have no creator whose identity would count).
pub(super) const INET: &[Call] = &[
    call!(
        SYS_socket,
        "clients and backends",
        &[
            &[int(0, AF_INET), A_STREAM, int(2, 0)],
            &[int(0, AF_INET), A_STREAM, int(2, IPPROTO_TCP)],
            &[int(0, AF_INET6), A_STREAM, int(2, 0)],
            &[int(0, AF_INET6), A_STREAM, int(2, IPPROTO_TCP)],
        ]
    ),
    call!(
        SYS_setsockopt,
        "TCP_NODELAY, keep-alive, IPV6_V6ONLY; on whose behalf a backend is reached",
        &[
            &[int(1, IPPROTO_TCP)],
            &[int(1, IPPROTO_IP)],
            &[int(1, IPPROTO_IPV6)],
            &[int(1, SOL_GATE), int(2, GATE_BEHALF)],
        ]
    ),
];

/// `NETLINK_SOCK_DIAG`, linux/netlink.h.
const NETLINK_SOCK_DIAG: i32 = 4;
/// `SOL_NETLINK`, linux/socket.h.
const SOL_NETLINK: i32 = 270;

/// Closing sockets that lost their permission. `NETLINK_SOCK_DIAG` alone: with `CAP_NET_ADMIN`, `NETLINK_ROUTE` and
/// `NETLINK_NETFILTER` reroute others.
pub(super) const NETLINK: &[Call] = &[
    call!(SYS_socket, "finds and destroys sockets", &[&[int(0, AF_NETLINK), int(2, NETLINK_SOCK_DIAG)]]),
    call!(SYS_setsockopt, "strict checking and extended errors", &[&[int(1, SOL_NETLINK)]]),
];
