//! A socket that was connected, and listens then.

use super::{connect, echo};
use anyhow::Context as _;
use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
};

/// Binds, connects (a permitted flow), loses that connection, and listens with the same socket. `dissolve`: the connect
/// works and `AF_UNSPEC` ends it; otherwise nobody must listen at `first`, and it fails by itself.
///
/// # Errors
/// When a call is refused.
pub fn serve(at: SocketAddr, first: SocketAddr, dissolve: bool) -> anyhow::Result<Infallible> {
    let socket = connect::socket(at).map_err(|outcome| anyhow::anyhow!("{outcome}"))?;
    rustix::net::sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &at).context("bind")?;
    let connected = rustix::net::connect(&socket, &first);
    if dissolve {
        connected.context("connect")?;
        rustix::net::connect_unspec(&socket).context("connect(AF_UNSPEC)")?;
    } else {
        anyhow::ensure!(connected == Err(rustix::io::Errno::CONNREFUSED), "connect() gave {connected:?}");
    }
    rustix::net::listen(&socket, 8).context("listen")?;
    // No end while it waits to accept.
    rustix::net::sockopt::set_socket_timeout(&socket, rustix::net::sockopt::Timeout::Recv, None)?;
    Ok(echo::accept(&TcpListener::from(socket))?)
}
