//! Connecting.

use super::Outcome;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect,
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

/// Connects (from an address, if one is given), sends a line, reads one.
#[must_use]
pub fn once(to: SocketAddr, from: Option<SocketAddr>, line: &str) -> Outcome {
    let begun = Instant::now();
    let bound = || {
        let socket = socket(to)?;
        if let Some(from) = from {
            bind(&socket, &from).map_err(|error| Outcome::refused("bind", &error.into(), begun.elapsed()))?;
        }
        Ok(socket)
    };
    match bound() {
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
    match stream.write_all(format!("{line}\n").as_bytes()) {
        Ok(()) => answer(stream),
        Err(error) => Outcome::refused("write", &error, begun.elapsed()),
    }
}

/// Reads a line from a connection.
#[must_use]
pub fn answer(stream: &TcpStream) -> Outcome {
    let begun = Instant::now();
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(0) => Outcome::refused("read", &io::Error::other("the end"), begun.elapsed()),
        Ok(_) => Outcome::Worked(answer),
        Err(error) => Outcome::refused("read", &error, begun.elapsed()),
    }
}
