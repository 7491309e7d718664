//! A socket of its own for tokio to watch.
#![expect(
    unsafe_code,
    reason = "tokio's registration asks for a promise about the descriptor; nothing else is in here"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use tokio::io::unix::AsyncFd;

/// What [`AsyncFd`] holds. The descriptor inside is never replaced.
#[derive(Debug)]
pub(crate) struct Descriptor(OwnedFd);

/// Gives a socket to the runtime of this thread.
pub(crate) fn register(socket: OwnedFd) -> io::Result<AsyncFd<Descriptor>> {
    // SAFETY: `Descriptor` owns the descriptor: it is open, it is closed only when the `AsyncFd` is dropped, and
    // `as_raw_fd` names the same one every time, as the field is private and nothing here assigns it.
    let registered = unsafe { AsyncFd::register(Descriptor(socket)) };
    registered.map_err(|error| error.into_parts().1)
}

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
