//! Connecting.

use super::Outcome;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, connect,
    sockopt::{Timeout, set_socket_timeout},
};
use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

/// Longer than loopback ever takes; a dropped packet is seen as EAGAIN from a read, or EINPROGRESS from connect.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

/// A TCP socket whose calls end in [`PATIENCE`].
///
/// # Errors
/// What the kernel says.
pub fn socket(to: SocketAddr) -> Result<OwnedFd, Outcome> {
    let begun = Instant::now();
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let failed = |error: rustix::io::Errno| Outcome::refused("socket", &error.into(), begun.elapsed());
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(failed)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE)).map_err(failed)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE)).map_err(failed)?;
    Ok(socket)
}

/// Connects, sends a line, reads one.
#[must_use]
pub fn once(to: SocketAddr, line: &str) -> Outcome {
    match socket(to) {
        Ok(socket) => open(socket, to, line),
        Err(outcome) => outcome,
    }
}

/// Connects this socket, sends a line, reads one.
#[must_use]
pub fn open(socket: OwnedFd, to: SocketAddr, line: &str) -> Outcome {
    connected(socket, to).map_or_else(|outcome| outcome, |stream| talk(&stream, line))
}

/// Connects this socket.
///
/// # Errors
/// What the kernel says.
pub fn connected(socket: OwnedFd, to: SocketAddr) -> Result<TcpStream, Outcome> {
    let begun = Instant::now();
    match connect(&socket, &to) {
        Ok(()) => Ok(TcpStream::from(socket)),
        Err(error) => Err(Outcome::refused("connect", &error.into(), begun.elapsed())),
    }
}

/// Sends a line on a connection, and reads one.
#[must_use]
pub fn talk(mut stream: &TcpStream, line: &str) -> Outcome {
    let begun = Instant::now();
    let refused = |call: &str, error: &io::Error| Outcome::refused(call, error, begun.elapsed());
    if let Err(error) = stream.write_all(format!("{line}\n").as_bytes()) {
        return refused("write", &error);
    }
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(0) => refused("read", &io::Error::other("the end")),
        Ok(_) => Outcome::Worked(answer),
        Err(error) => refused("read", &error),
    }
}
