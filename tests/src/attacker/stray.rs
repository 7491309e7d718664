//! Connecting through a device that the routing table would not choose.

use super::{Outcome, connect};
use std::{
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::Instant,
};

/// Binds a socket to a device (which needs no privilege) and to an address, if one is given; connects it, sends a line,
/// reads one.
#[must_use]
pub fn through(device: &str, to: SocketAddr, from: Option<SocketAddr>) -> Outcome {
    let bound = || -> Result<OwnedFd, Outcome> {
        let socket = connect::socket(to)?;
        let begun = Instant::now();
        bind(&socket, device).map_err(|error| Outcome::refused("setsockopt", &error, begun.elapsed()))?;
        if let Some(from) = from {
            rustix::net::bind(&socket, &from)
                .map_err(|error| Outcome::refused("bind", &error.into(), begun.elapsed()))?;
        }
        Ok(socket)
    };
    match bound() {
        Ok(socket) => connect::open(socket, to, "hello"),
        Err(outcome) => outcome,
    }
}

/// `SO_BINDTODEVICE`, on the same socket by another descriptor.
fn bind(socket: &OwnedFd, device: &str) -> std::io::Result<()> {
    let stream = TcpStream::from(socket.try_clone()?);
    tokio::net::TcpSocket::from_std_stream(stream).bind_device(Some(device.as_bytes()))
}
