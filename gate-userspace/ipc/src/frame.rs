//! One frame: a postcard message that fills a `SOCK_SEQPACKET` message exactly, with descriptors beside it.

use crate::{MAX_DESCRIPTORS, MAX_FRAME};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

/// What one receive brought.
#[derive(Debug)]
pub struct Frame<M> {
    /// The message.
    pub message: M,
    /// The descriptors beside it, close-on-exec; no more than the receiver expected. Their kind is not checked.
    pub descriptors: Vec<OwnedFd>,
}

/// Why a frame was not received or sent.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer sent what no well-formed peer sends. Record it and close the connection; its descriptors are
    /// closed already.
    #[error("malformed frame: {found}")]
    Malformed {
        /// What was found, and what would be right.
        found: String,
    },
    /// The own message does not fit into a frame, or cannot be encoded. Nothing was sent.
    #[error("message not sent: {found}")]
    Unsendable {
        /// Why.
        found: String,
    },
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Room for the descriptors of one message and for one too many, which is then seen and not merely cut.
const CONTROL: usize = rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS + 1));

thread_local! {
    /// Frames are received and encoded without waiting, so one buffer serves every connection of a thread.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; MAX_FRAME].into_boxed_slice());
}

/// Encodes and sends without waiting. `Ok(Some(bytes))`: the socket is full and these bytes wait for it.
pub(crate) fn send_or_encode<M: Serialize>(
    socket: BorrowedFd<'_>,
    message: &M,
    descriptors: &[BorrowedFd<'_>],
) -> Result<Option<Vec<u8>>, FrameError> {
    if descriptors.len() > MAX_DESCRIPTORS {
        let found = format!("{} descriptors, at most {MAX_DESCRIPTORS} fit", descriptors.len());
        return Err(FrameError::Unsendable { found });
    }
    BUFFER.with_borrow_mut(|buffer| {
        let bytes = postcard::to_slice(message, buffer).map_err(|error| match error {
            postcard::Error::SerializeBufferFull => {
                FrameError::Unsendable { found: format!("longer than {MAX_FRAME} bytes") }
            }
            other => FrameError::Unsendable { found: other.to_string() },
        })?;
        match send_bytes(socket, bytes, descriptors) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(bytes.to_vec())),
            Err(error) => Err(error.into()),
        }
    })
}

/// Sends one encoded frame without waiting.
pub(crate) fn send_bytes(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); CONTROL];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let sent = loop {
        match sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Err(Errno::INTR) => {}
            other => break other?,
        }
    };
    if sent == bytes.len() { Ok(()) } else { Err(io::Error::other("the kernel sent a part of a message")) }
}

/// Receives one frame without waiting; `None` at the end of the connection.
pub(crate) fn receive<M: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    most_descriptors: usize,
) -> Result<Option<Frame<M>>, FrameError> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut space = [MaybeUninit::uninit(); CONTROL];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = loop {
            match recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
                Err(Errno::INTR) => {}
                // The peer closed with our answers unread: for a receiver, the end.
                Err(Errno::CONNRESET) => return Ok(None),
                other => break other.map_err(io::Error::from)?,
            }
        };
        let descriptors: Vec<OwnedFd> = control
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        let malformed = |found: String| Err(FrameError::Malformed { found });
        if received.flags.contains(ReturnFlags::TRUNC) {
            return malformed(format!("longer than {MAX_FRAME} bytes"));
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            return malformed(format!("more than {MAX_DESCRIPTORS} descriptors, or one that cannot be taken over"));
        }
        if received.bytes == 0 && descriptors.is_empty() {
            return Ok(None);
        }
        if descriptors.len() > most_descriptors {
            return malformed(format!("{} descriptors, at most {most_descriptors} belong here", descriptors.len()));
        }
        let bytes = buffer.get(..received.bytes).unwrap_or_default();
        match postcard::take_from_bytes(bytes) {
            Ok((message, [])) => Ok(Some(Frame { message, descriptors })),
            Ok((_, rest)) => malformed(format!("{} bytes follow the message", rest.len())),
            Err(error) => malformed(format!("{} bytes that are no such message: {error}", bytes.len())),
        }
    })
}

/// A new socket for frames.
pub(crate) fn socket() -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}
