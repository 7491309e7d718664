//! gate-proxy's listener: a descriptor from another process, and so a hostile input.

use gate_ipc::sockopt::describe;
use std::{net::TcpListener, os::fd::OwnedFd};

/// The listener, if it is one, on gate-proxy's own port. That gate-proxy made it is judged by the kernel, on every
/// connection that arrives there.
pub(crate) fn check(descriptor: OwnedFd, port: u16) -> Result<TcpListener, String> {
    let kind = describe(&descriptor).map_err(|error| format!("the descriptor is no socket: {error}"))?;
    if !kind.is_tcp_listener() {
        return Err(format!("the descriptor is {kind:?}; a listening TCP socket is needed"));
    }
    let listener = TcpListener::from(descriptor);
    let found = listener.local_addr().map_err(|error| format!("the listener has no address: {error}"))?.port();
    if found != port {
        return Err(format!("the listener is on port {found}; gate.toml says {port}"));
    }
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listener_on_the_right_port_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(check(listener.try_clone().unwrap().into(), port).is_ok());
        assert!(check(listener.try_clone().unwrap().into(), port ^ 1).unwrap_err().contains("gate.toml says"));
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(check(client.into(), port).unwrap_err().contains("listening TCP socket"));
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(check(file.into(), port).unwrap_err().contains("no socket"));
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(check(udp.into(), port).unwrap_err().contains("listening TCP socket"));
    }
}
