//! Sockets that go from one service to another over a Unix socket.

use super::{Outcome, connect, sockets};
use anyhow::Context as _;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::{
    fs,
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    net::SocketAddr,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{
            fs::PermissionsExt as _,
            net::{UnixListener, UnixStream},
        },
    },
    path::Path,
};

/// Makes a TCP socket (or one for datagrams) and gives it to whoever connects.
///
/// # Errors
/// When that does not work.
pub fn lend(at: &Path, to: SocketAddr, datagram: bool) -> anyhow::Result<Outcome> {
    let socket = if datagram {
        sockets::for_datagrams(to)?
    } else {
        match connect::socket(to) {
            Ok(socket) => socket,
            Err(outcome) => return Ok(outcome),
        }
    };
    let listener = UnixListener::bind(at).with_context(|| format!("{}", at.display()))?;
    fs::set_permissions(at, fs::Permissions::from_mode(0o777))?;
    let (borrower, _) = listener.accept()?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let lent = [socket.as_fd()];
    anyhow::ensure!(control.push(SendAncillaryMessage::ScmRights(&lent)), "no room for a descriptor");
    sendmsg(&borrower, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
    Ok(Outcome::Worked("lent".into()))
}

/// Takes a socket from `lend`, and connects it here, or sends a datagram with it.
///
/// # Errors
/// When none comes.
pub fn borrow(at: &Path, to: SocketAddr, datagram: bool) -> anyhow::Result<Outcome> {
    let lender = UnixStream::connect(at).with_context(|| format!("{}", at.display()))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(&lender, &mut [IoSliceMut::new(&mut [0])], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let taken: Option<OwnedFd> = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    let taken = taken.context("no descriptor came")?;
    Ok(if datagram { sockets::send(&taken, to) } else { connect::open(taken, to, "hello") })
}
