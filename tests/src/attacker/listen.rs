//! Listening where somebody else does, or should.

use super::Outcome;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, listen,
    sockopt::{set_socket_reuseaddr, set_socket_reuseport},
};
use std::{net::SocketAddr, time::Instant};

/// Binds a port and listens.
#[must_use]
pub fn once(at: SocketAddr, reuse: bool) -> Outcome {
    try_it(at, reuse).unwrap_or_else(|outcome| outcome)
}

fn try_it(at: SocketAddr, reuse: bool) -> Result<Outcome, Outcome> {
    let begun = Instant::now();
    let refused =
        |call: &'static str| move |error: rustix::io::Errno| Outcome::refused(call, &error.into(), begun.elapsed());
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(refused("socket"))?;
    if reuse {
        set_socket_reuseaddr(&socket, true).map_err(refused("setsockopt"))?;
        set_socket_reuseport(&socket, true).map_err(refused("setsockopt"))?;
    }
    bind(&socket, &at).map_err(refused("bind"))?;
    listen(&socket, 1).map_err(refused("listen"))?;
    let address: SocketAddr =
        getsockname(&socket).map_err(refused("getsockname"))?.try_into().map_err(refused("address"))?;
    Ok(Outcome::Worked(address.to_string()))
}
