//! Socket options that no safe crate has: Gate's own, and those that say who and what is at a socket's other end.
#![expect(unsafe_code, reason = "getsockopt and setsockopt with options of Gate's own; nothing else is in here")]

use gate_common::identity::to_behalf;
use gate_common::peer::{GATE_BEHALF, GATE_PEER, Peer, SOL_GATE};
use rustix::net::sockopt as safe;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What the kernel attests of the peer of an accepted TCP socket. Answered to gate-authn's cgroup only.
///
/// # Errors
/// `ENOPROTOOPT` where no program of Gate answers; the program's own refusal; an answer of another ABI.
pub fn peer(socket: impl AsFd) -> io::Result<Peer> {
    let mut bytes = [0; Peer::SIZE];
    let length = read(socket.as_fd(), SOL_GATE, GATE_PEER, &mut bytes)?;
    let peer = Peer::from_bytes(&bytes);
    if length != Peer::SIZE || peer.abi != gate_common::ABI_VERSION {
        let found = format!(
            "GATE_PEER answered {length} bytes of ABI {}; {} bytes of ABI {} are right",
            peer.abi,
            Peer::SIZE,
            gate_common::ABI_VERSION
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, found));
    }
    Ok(peer)
}

/// States the source service on whose behalf this socket will connect; 0 is the host itself. Accepted from gate-proxy's
/// cgroup only.
///
/// # Errors
/// `ENOPROTOOPT` where no program of Gate answers; the program's own refusal.
pub fn set_behalf(socket: impl AsFd, source: u32) -> io::Result<()> {
    write(socket.as_fd(), SOL_GATE, GATE_BEHALF, &to_behalf(source).to_ne_bytes())
}

/// The kernel's number of a socket, unique while the host runs (`SO_COOKIE`).
///
/// # Errors
/// `ENOTSOCK` and the like.
pub fn socket_cookie(socket: impl AsFd) -> io::Result<u64> {
    Ok(safe::socket_cookie(socket)?)
}

/// What a received descriptor is. A descriptor from another process is a hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketKind {
    /// `AF_INET`, `AF_INET6`, `AF_UNIX`…
    pub domain: i32,
    /// `SOCK_STREAM`…
    pub kind: i32,
    /// `IPPROTO_TCP`, `IPPROTO_MPTCP`…
    pub protocol: i32,
    /// Whether it listens.
    pub listening: bool,
    /// The TCP state (1 is established); `None` where it is not TCP.
    pub state: Option<u8>,
}

/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;
/// `TCP_CLOSE_WAIT`: the peer has finished sending and still reads.
const CLOSE_WAIT: u8 = 8;

impl SocketKind {
    /// Whether it is TCP (not MPTCP) over IPv4 or IPv6.
    #[must_use]
    pub fn is_tcp(&self) -> bool {
        matches!(self.domain, libc::AF_INET | libc::AF_INET6)
            && self.kind == libc::SOCK_STREAM
            && self.protocol == libc::IPPROTO_TCP
    }

    /// Whether it is a TCP connection that still carries bytes.
    #[must_use]
    pub fn is_tcp_connection(&self) -> bool {
        self.is_tcp() && !self.listening && matches!(self.state, Some(ESTABLISHED | CLOSE_WAIT))
    }

    /// Whether it is a TCP socket that listens.
    #[must_use]
    pub fn is_tcp_listener(&self) -> bool {
        self.is_tcp() && self.listening
    }
}

/// What a descriptor is.
///
/// # Errors
/// `ENOTSOCK` when it is no socket at all.
pub fn describe(socket: impl AsFd) -> io::Result<SocketKind> {
    let socket = socket.as_fd();
    let number = |option| read_number(socket, libc::SOL_SOCKET, option);
    let mut described = SocketKind {
        domain: number(libc::SO_DOMAIN)?,
        kind: number(libc::SO_TYPE)?,
        protocol: number(libc::SO_PROTOCOL)?,
        listening: number(libc::SO_ACCEPTCONN)? != 0,
        state: None,
    };
    if described.is_tcp() {
        // `tcpi_state` is the first byte of `struct tcp_info`.
        let mut info = [0_u8; 8];
        read(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
        described.state = info.first().copied();
    }
    Ok(described)
}

/// `struct ucred` of the peer of a Unix socket. `pid` is 0 for a process of another PID namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let mut bytes = [0; 12];
    read(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut bytes)?;
    let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
    Ok(Credentials {
        pid: i32::from_ne_bytes([a, b, c, d]),
        uid: u32::from_ne_bytes([e, f, g, h]),
        gid: u32::from_ne_bytes([i, j, k, l]),
    })
}

/// A pidfd of the process that made the connection.
pub(crate) fn peer_pidfd(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let descriptor = read_number(socket, libc::SOL_SOCKET, libc::SO_PEERPIDFD)?;
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: the kernel made this descriptor for this call, and nothing else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Most supplementary groups that are read (`NGROUPS_MAX`).
const MAX_GROUPS: usize = 65_536;

/// The supplementary groups of the process that made the connection.
pub(crate) fn peer_groups(socket: BorrowedFd<'_>) -> io::Result<Vec<u32>> {
    let mut room = 64;
    loop {
        let mut bytes = vec![0; room * size_of::<u32>()];
        match read(socket, libc::SOL_SOCKET, libc::SO_PEERGROUPS, &mut bytes) {
            Ok(length) => {
                let whole = bytes.get(..length).unwrap_or_default().as_chunks::<4>().0;
                return Ok(whole.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect());
            }
            Err(error) if error.raw_os_error() == Some(libc::ERANGE) && room < MAX_GROUPS => room = MAX_GROUPS,
            Err(error) => return Err(error),
        }
    }
}

fn read_number(socket: BorrowedFd<'_>, level: i32, option: i32) -> io::Result<i32> {
    let mut bytes = [0; size_of::<i32>()];
    read(socket, level, option, &mut bytes)?;
    Ok(i32::from_ne_bytes(bytes))
}

/// `getsockopt(2)`; how many bytes were written.
fn read(socket: BorrowedFd<'_>, level: i32, option: i32, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: `bytes` is valid for `length` bytes, `length` is a valid socklen_t, and both outlive the call; any bytes
    // the kernel writes are valid `u8`s.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, bytes.as_mut_ptr().cast(), &raw mut length) };
    if result == 0 { Ok(length as usize) } else { Err(io::Error::last_os_error()) }
}

/// `setsockopt(2)`.
fn write(socket: BorrowedFd<'_>, level: i32, option: i32, bytes: &[u8]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(bytes.len()).map_err(io::Error::other)?;
    // SAFETY: `bytes` is valid for `length` bytes during the call, and the kernel only reads it.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, bytes.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
