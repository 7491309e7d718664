//! A socket that is made now and connected when it is asked for.

use super::{Outcome, connect};
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with,
    sockopt::{Timeout, set_socket_reuseaddr, set_socket_timeout},
};
use std::net::{SocketAddr, TcpStream};

/// Makes a socket; binds it, connects it and sends the line at the first line of standard input, and keeps it, whatever
/// came of that, until standard input ends.
///
/// # Errors
/// When its own input or output breaks.
pub fn serve(to: SocketAddr, from: SocketAddr, mptcp: bool) -> anyhow::Result<()> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let protocol = mptcp.then_some(ipproto::MPTCP);
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, protocol)?;
    set_socket_timeout(&socket, Timeout::Send, Some(connect::PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(connect::PATIENCE))?;
    // The port may be a dead connection's.
    set_socket_reuseaddr(&socket, true)?;
    println!("{}", Outcome::Worked("made".into()).to_json());
    let stream = TcpStream::from(socket);
    for line in std::io::stdin().lines() {
        println!("{}", open(&stream, to, from, &line?).to_json());
    }
    Ok(())
}

fn open(stream: &TcpStream, to: SocketAddr, from: SocketAddr, line: &str) -> Outcome {
    let refused =
        |call: &str, error: rustix::io::Errno| Outcome::refused(call, &error.into(), std::time::Duration::ZERO);
    if let Err(error) = bind(stream, &from) {
        return refused("bind", error);
    }
    match rustix::net::connect(stream, &to) {
        Ok(()) => connect::talk(stream, line),
        Err(error) => refused("connect", error),
    }
}
