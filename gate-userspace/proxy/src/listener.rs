//! The hidden port's listeners: one per worker, in one reuseport group, made by this process itself, because the kernel
//! judges what arrives there by the cgroup of the listener's creator.

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with, sockopt};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Connections that wait to be accepted, per listener.
const BACKLOG: i32 = 1_024;

/// So many listeners on one port, for IPv6 and IPv4; on hosts without IPv6 for IPv4 alone.
///
/// # Errors
/// Those of the system calls, `AddrInUse` above all.
pub fn listeners(port: u16, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut first = Some(listener(port)?);
    let port = first.as_ref().map(TcpListener::local_addr).transpose()?.map_or(port, |address| address.port());
    (0..count.max(1)).map(|_| first.take().map_or_else(|| listener(port), Ok)).collect()
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let open = |family| socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP));
    let (socket, address) = match open(AddressFamily::INET6) {
        Ok(socket) => {
            sockopt::set_ipv6_v6only(&socket, false)?;
            (socket, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        }
        Err(Errno::AFNOSUPPORT) => (open(AddressFamily::INET)?, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        Err(error) => return Err(error.into()),
    };
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn workers_share_a_port_for_both_families() {
        let listeners = listeners(0, 3).unwrap();
        let port = listeners[0].local_addr().unwrap().port();
        assert_eq!(listeners.len(), 3);
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap().port() == port));
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
    }

    #[test]
    fn another_users_listener_is_in_the_way() {
        let other = TcpListener::bind("[::]:0").unwrap();
        let error = listeners(other.local_addr().unwrap().port(), 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
