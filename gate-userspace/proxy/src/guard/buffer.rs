//! Bytes that were read and not yet given on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Room for bodies: what one system call may bring.
const WIDE: usize = 32 * 1024;

#[derive(Debug)]
pub(super) struct Buffer {
    room: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn new(size: usize) -> Self {
        Self { room: vec![0; size], start: 0, end: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.room.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads what the stream has, behind what is there. Grows as needed; the caller bounds what is kept. 0 is the end
    /// of the stream.
    pub(super) fn poll_fill<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let free = self.room.get_mut(self.end..).unwrap_or_default();
        let mut free = ReadBuf::new(free);
        ready!(Pin::new(stream).poll_read(cx, &mut free))?;
        let count = free.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }

    /// Gives away at most so many bytes; how many it were.
    pub(super) fn give(&mut self, give: &mut dyn FnMut(&[u8]), most: usize) -> usize {
        let bytes = self.bytes();
        let count = most.min(bytes.len());
        give(bytes.get(..count).unwrap_or_default());
        self.start += count;
        if self.start == self.end {
            self.clear();
        }
        count
    }

    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    /// More room, once.
    pub(super) fn widen(&mut self) {
        if self.room.len() < WIDE {
            self.room.resize(WIDE, 0);
        }
    }

    fn make_room(&mut self) {
        if self.end < self.room.len() {
            return;
        }
        if self.start > 0 {
            self.room.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        } else {
            self.room.resize(self.room.len() * 2, 0);
        }
    }
}
