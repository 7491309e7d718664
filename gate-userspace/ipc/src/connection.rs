//! One connection between two roles, or between an operator and a role.

use crate::descriptor::{self, Descriptor};
use crate::frame::{self, Frame, FrameError};
use crate::{Peer, sockopt};
use rustix::net::{SocketAddrUnix, connect};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use tokio::io::unix::AsyncFd;

/// A connected socket for frames.
#[derive(Debug)]
pub struct Connection {
    socket: AsyncFd<Descriptor>,
    peer: Option<Peer>,
}

impl Connection {
    /// Connects. Inside a tokio runtime only.
    ///
    /// # Errors
    /// Those of `connect(2)`; `WouldBlock` when the callee does not keep up with accepting.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = frame::socket()?;
        connect(&socket, &SocketAddrUnix::new(path)?)?;
        Self::new(socket, None)
    }

    pub(crate) fn new(socket: OwnedFd, peer: Option<Peer>) -> io::Result<Self> {
        Ok(Self { socket: descriptor::register(socket)?, peer })
    }

    /// Sends one frame; descriptors are lent, not given.
    ///
    /// # Errors
    /// [`FrameError::Unsendable`] and [`FrameError::Io`].
    pub async fn send<M: Serialize>(&self, message: &M, descriptors: &[BorrowedFd<'_>]) -> Result<(), FrameError> {
        match frame::send_or_encode(self.socket.as_fd(), message, descriptors)? {
            None => Ok(()),
            Some(bytes) => Ok(self.send_waiting(&bytes, descriptors).await?),
        }
    }

    /// Sends without waiting. `Some`: the socket is full; nothing was sent; these bytes are the frame.
    pub(crate) fn try_send<M: Serialize>(
        &self,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Option<Vec<u8>>, FrameError> {
        frame::send_or_encode(self.socket.as_fd(), message, descriptors)
    }

    pub(crate) fn try_send_bytes(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        frame::send_bytes(self.socket.as_fd(), bytes, descriptors)
    }

    /// Waits until a send may succeed, and runs it; `WouldBlock` from it waits again.
    pub(crate) async fn when_writable(&self, mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        loop {
            let mut ready = self.socket.writable().await?;
            if let Ok(result) = ready.try_io(|_| send()) {
                return result;
            }
        }
    }

    async fn send_waiting(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.when_writable(|| frame::send_bytes(self.socket.as_fd(), bytes, descriptors)).await
    }

    /// Receives one frame with at most so many descriptors; `None` at the end of the connection. Cancel-safe.
    ///
    /// # Errors
    /// [`FrameError::Malformed`]: record it and drop the connection. [`FrameError::Io`].
    pub async fn receive<M: DeserializeOwned>(&self, most_descriptors: usize) -> Result<Option<Frame<M>>, FrameError> {
        loop {
            let mut ready = self.socket.readable().await?;
            match frame::receive(self.socket.as_fd(), most_descriptors) {
                Err(FrameError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                other => return other,
            }
        }
    }

    /// Who called, on an accepted connection; `None` on one that was made by [`Connection::connect`].
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// The Unix user of whoever listens at the other end (of whoever called, on an accepted connection), as the
    /// kernel noted it when the connection was made.
    ///
    /// # Errors
    /// Those of `getsockopt(2)`.
    pub fn peer_uid(&self) -> io::Result<u32> {
        Ok(sockopt::peer_credentials(self.socket.as_fd())?.uid)
    }
}
