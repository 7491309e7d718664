//! Sockets made and used in unusual ways.

use super::{Outcome, connect};
use rustix::{
    io::Errno,
    net::{AddressFamily, Protocol, SendFlags, SocketFlags, SocketType, ipproto, listen, sendto, socket_with, sockopt},
};
use std::{
    convert::Infallible,
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, UdpSocket},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

/// `MSG_FASTOPEN` of linux/socket.h.
const FASTOPEN: SendFlags = SendFlags::from_bits_retain(0x2000_0000);

fn refused(call: &str) -> impl Fn(Errno) -> Outcome + '_ {
    let begun = Instant::now();
    move |error| Outcome::refused(call, &error.into(), begun.elapsed())
}

/// Makes a socket of one kind: `tcp`, `mptcp`, `udp`, `udplite`, `sctp`, `dccp`, `raw`.
#[must_use]
pub fn make(kind: &str) -> Outcome {
    let (kind, protocol): (SocketType, Option<Protocol>) = match kind {
        "tcp" => (SocketType::STREAM, None),
        "mptcp" => (SocketType::STREAM, Some(ipproto::MPTCP)),
        "udp" => (SocketType::DGRAM, None),
        "udplite" => (SocketType::DGRAM, Some(ipproto::UDPLITE)),
        "sctp" => (SocketType::STREAM, Some(ipproto::SCTP)),
        "dccp" => (SocketType::from_raw(6), Some(ipproto::DCCP)),
        _ => (SocketType::RAW, Some(ipproto::RAW)),
    };
    match socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, protocol) {
        Ok(_) => Outcome::Worked("made".into()),
        Err(error) => refused("socket")(error),
    }
}

/// Sends a datagram.
#[must_use]
pub fn datagram(to: SocketAddr) -> Outcome {
    for_datagrams(to).map_or_else(refused("socket"), |socket| send(&socket, to))
}

/// A UDP socket for such an address.
///
/// # Errors
/// What the kernel says.
pub fn for_datagrams(to: SocketAddr) -> Result<OwnedFd, Errno> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

/// Sends a datagram with this socket.
#[must_use]
pub fn send(socket: &OwnedFd, to: SocketAddr) -> Outcome {
    match sendto(socket, b"hello", SendFlags::empty(), &to) {
        Ok(_) => Outcome::Worked("sent".into()),
        Err(error) => refused("sendto")(error),
    }
}

/// Connects by `sendto(MSG_FASTOPEN)`, and reads a line.
#[must_use]
pub fn fast_open(to: SocketAddr) -> Outcome {
    let opened = || -> Result<Outcome, Outcome> {
        let socket = connect::socket(to)?;
        sendto(&socket, b"hello\n", FASTOPEN, &to).map_err(refused("sendto"))?;
        Ok(connect::answer(&socket.into()))
    };
    opened().unwrap_or_else(|outcome| outcome)
}

/// Connects, dissolves the association with `AF_UNSPEC`, and connects the same socket to somebody else.
#[must_use]
pub fn again(first: SocketAddr, then: SocketAddr) -> Outcome {
    let reconnected = || -> Result<Outcome, Outcome> {
        let socket = connect::socket(first)?;
        rustix::net::connect(&socket, &first).map_err(refused("first connect"))?;
        rustix::net::connect_unspec(&socket).map_err(refused("unspec"))?;
        Ok(connect::open(socket, then, "hello"))
    };
    reconnected().unwrap_or_else(|outcome| outcome)
}

/// Makes a socket here, moves to another cgroup (as root), and connects it there.
#[must_use]
pub fn migrate(cgroup: &Path, to: SocketAddr) -> Outcome {
    let socket = match connect::socket(to) {
        Ok(socket) => socket,
        Err(outcome) => return outcome,
    };
    let begun = Instant::now();
    match fs::write(cgroup.join("cgroup.procs"), "0") {
        Ok(()) => connect::open(socket, to, "hello"),
        Err(error) => Outcome::refused("moving", &error, begun.elapsed()),
    }
}

/// Makes sockets that listen without having been bound; the ports that the kernel chose, in order.
#[must_use]
pub fn autobind(count: u32) -> Outcome {
    let mut sockets: Vec<OwnedFd> = Vec::new();
    let mut ports = Vec::new();
    for _ in 0..count {
        let chosen = || -> Result<(OwnedFd, u16), Errno> {
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            sockopt::set_socket_reuseaddr(&socket, false)?;
            listen(&socket, 1)?;
            let address: SocketAddr = rustix::net::getsockname(socket.as_fd())?.try_into()?;
            Ok((socket, address.port()))
        };
        match chosen() {
            Ok((socket, port)) => {
                sockets.push(socket);
                ports.push(port.to_string());
            }
            // The range is used up.
            Err(Errno::ADDRINUSE) => break,
            Err(error) => return refused("listen")(error),
        }
    }
    Outcome::Worked(ports.join(" "))
}

/// Accepts connections, asks the kernel who is at the other end, and tells each client what came of that.
///
/// # Errors
/// When it cannot listen.
pub fn peer(at: SocketAddr) -> io::Result<Infallible> {
    let listener = TcpListener::bind(at)?;
    loop {
        let (mut client, _) = listener.accept()?;
        // Closing with something unread would reset the connection under the answer.
        BufReader::new(&client).read_line(&mut String::new())?;
        let outcome = match gate_ipc::sockopt::peer(&client) {
            Ok(peer) => Outcome::Worked(format!("the kernel attested {peer:?}")),
            Err(error) => Outcome::refused("getsockopt", &error, Duration::ZERO),
        };
        writeln!(client, "{}", outcome.to_json())?;
    }
}

/// Prints every datagram, and sends it back.
///
/// # Errors
/// When it cannot bind or send.
pub fn echo(at: SocketAddr) -> io::Result<Infallible> {
    let socket = UdpSocket::bind(at)?;
    let mut buffer = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let datagram = buffer.get(..length).unwrap_or_default();
        println!("got {}", String::from_utf8_lossy(datagram));
        socket.send_to(datagram, from)?;
    }
}

/// One line over a connected UDP socket, and what comes back. `send()` on it skips the sendmsg hooks.
#[must_use]
pub fn ask_connected(socket: &UdpSocket, line: &str) -> Outcome {
    let begun = Instant::now();
    if let Err(error) = socket.send(line.as_bytes()) {
        return Outcome::refused("send", &error, begun.elapsed());
    }
    let mut buffer = [0; 512];
    match socket.recv(&mut buffer) {
        Ok(length) => Outcome::Worked(String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into()),
        Err(error) => Outcome::refused("recv", &error, begun.elapsed()),
    }
}
