//! Raw frames on the roles' Unix sockets, with whatever descriptors.

use super::Outcome;
use anyhow::Context as _;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType, connect, recv, sendmsg, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};
use std::{
    fs::File,
    io::IoSlice,
    mem::MaybeUninit,
    net::{TcpListener, UdpSocket},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    time::{Duration, Instant},
};

/// Longer than any role takes for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends one frame with descriptors of these kinds, and reads the answer: its length, or what came instead.
///
/// # Errors
/// When the attack could not be tried.
pub fn send(path: &Path, bytes: &[u8], descriptors: &[String]) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let refused = |call: &str, error: rustix::io::Errno| Outcome::refused(call, &error.into(), begun.elapsed());
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    if let Err(error) = connect(&socket, &SocketAddrUnix::new(path)?) {
        return Ok(refused("connect", error));
    }
    let owned: Vec<OwnedFd> = descriptors.iter().map(|kind| descriptor(kind)).collect::<Result<_, _>>()?;
    let lent: Vec<_> = owned.iter().map(|descriptor| descriptor.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !lent.is_empty() {
        anyhow::ensure!(control.push(SendAncillaryMessage::ScmRights(&lent)), "too many descriptors");
    }
    if let Err(error) = sendmsg(&socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
        return Ok(refused("send", error));
    }
    let mut buffer = vec![0_u8; 1 << 17];
    Ok(match recv(&socket, &mut buffer[..], RecvFlags::empty()) {
        Ok((0, _)) => Outcome::refused("read", &std::io::Error::other("the end"), begun.elapsed()),
        Ok((length, _)) => Outcome::Worked(format!("an answer of {length} bytes")),
        Err(error) => refused("read", error),
    })
}

/// A descriptor of a kind: `file`, `pipe`, `udp`, `tcp-listener`, `unix`.
fn descriptor(kind: &str) -> anyhow::Result<OwnedFd> {
    Ok(match kind {
        "file" => File::open("/dev/null")?.into(),
        "pipe" => std::io::pipe()?.0.into(),
        "udp" => UdpSocket::bind("127.0.0.1:0")?.into(),
        "tcp-listener" => TcpListener::bind("127.0.0.1:0")?.into(),
        "unix" => std::os::unix::net::UnixStream::pair()?.0.into(),
        other => return Err(anyhow::anyhow!("{other:?} is no kind of descriptor")).context("--with"),
    })
}
