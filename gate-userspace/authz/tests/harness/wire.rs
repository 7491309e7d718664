//! Frames by hand, so that a test can also send what no client would.

use super::PATIENCE;
use gate_ipc::MAX_FRAME;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recvmsg, sendmsg, socket_with,
};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

pub struct Wire {
    socket: OwnedFd,
    /// Whoever connected must live as long as the connection is used.
    _keeper: Option<Box<dyn std::any::Any + Send>>,
}

pub fn socket() -> OwnedFd {
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

impl Wire {
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = socket();
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Self::from_socket(socket, None))
    }

    pub fn from_socket(socket: OwnedFd, keeper: Option<Box<dyn std::any::Any + Send>>) -> Self {
        for direction in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, direction, Some(PATIENCE)).unwrap();
        }
        Self { socket, _keeper: keeper }
    }

    pub fn send_bytes(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(self.socket.as_fd(), bytes, descriptors)
    }

    pub fn send(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) {
        self.send_bytes(&postcard::to_allocvec(message).unwrap(), descriptors).expect("the callee is gone");
    }

    /// `None`: the callee closed the connection.
    pub fn receive<M: DeserializeOwned>(&self) -> Option<M> {
        let mut bytes = vec![0; MAX_FRAME];
        let (length, _) = match receive(self.socket.as_fd(), &mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
            other => other.expect("an answer in time"),
        };
        (length > 0).then(|| postcard::from_bytes(&bytes[..length]).unwrap())
    }

    pub fn call<M: DeserializeOwned>(&self, message: &impl Serialize, descriptors: &[BorrowedFd<'_>]) -> M {
        self.send(message, descriptors);
        self.receive().expect("the connection was closed instead of an answer")
    }

    /// Whether the callee closed the connection instead of answering.
    pub fn is_closed(&self) -> bool {
        let mut bytes = [0; 1];
        match receive(self.socket.as_fd(), &mut bytes) {
            Ok((length, _)) => length == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(descriptors)));
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((received.bytes, descriptors.flatten().collect()))
}
