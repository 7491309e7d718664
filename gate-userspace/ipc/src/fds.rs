//! Received descriptors as sockets of the standard library and of tokio.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// A connected TCP socket for tokio.
///
/// # Errors
/// When it cannot be made non-blocking or registered.
pub fn tcp_stream(descriptor: OwnedFd) -> io::Result<tokio::net::TcpStream> {
    let stream = std::net::TcpStream::from(descriptor);
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}

/// A listening TCP socket for tokio.
///
/// # Errors
/// When it cannot be made non-blocking or registered.
pub fn tcp_listener(descriptor: OwnedFd) -> io::Result<tokio::net::TcpListener> {
    let listener = std::net::TcpListener::from(descriptor);
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// A second descriptor for the same open file, close-on-exec.
///
/// # Errors
/// When no descriptor is left.
pub fn duplicate(descriptor: impl AsFd) -> io::Result<OwnedFd> {
    descriptor.as_fd().try_clone_to_owned()
}
