//! The client's side of a connection as hyper sees it: bytes pass only after this module has read them strictly.
//!
//! The guard follows the framing itself. A head is let through when it is complete, has exactly one meaning, and the
//! request before it is answered; what it means waits in the [`Gate`] for the service. A head that is refused is
//! replaced by a harmless one, so that the refusal takes the same way as every other answer, and nothing of the
//! connection is read after it. A body that breaks its framing ends with an error.

mod buffer;

use crate::chunked::Chunked;
use crate::deadline::Deadline;
use crate::head::{self, Framing, Head, Scan};
use crate::{limits, refusal::Refusal};
use buffer::Buffer;
use hyper::StatusCode;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// What hyper reads in place of a head that was refused. hyper parses it as a request without a body that ends the
/// connection; the service never looks at it.
const REPLACEMENT: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

/// What has come in.
#[derive(Debug)]
pub enum Arrived {
    /// A request with exactly one meaning.
    Request(Head),
    /// Something that is refused.
    Refused {
        /// Why, and with which answer.
        refusal: Refusal,
        /// Its first line, fit for the record.
        request: String,
    },
}

/// What guard and service share.
#[derive(Debug, Default)]
pub struct Gate {
    arrived: RefCell<Option<Arrived>>,
    broken: RefCell<Option<Refusal>>,
    busy: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Gate {
    /// What the request that hyper has just delivered means.
    pub fn take(&self) -> Option<Arrived> {
        self.arrived.borrow_mut().take()
    }

    /// What was wrong with the body, if it was broken off.
    pub fn broken(&self) -> Option<Refusal> {
        self.broken.borrow().clone()
    }

    /// The answer is complete: the next head may pass.
    pub fn answered(&self) {
        self.busy.set(false);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Whether a request is being answered.
    pub fn is_busy(&self) -> bool {
        self.busy.get()
    }

    fn remember(&self, waker: &Waker) {
        let mut place = self.waker.borrow_mut();
        if !place.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *place = Some(waker.clone());
        }
    }
}

/// A client's stream, read strictly.
#[derive(Debug)]
pub struct Guard<S> {
    stream: S,
    gate: Rc<Gate>,
    buffer: Buffer,
    stage: Stage,
    reading: Deadline,
    writing: Deadline,
    ended: bool,
    lingered: usize,
}

/// What the next byte from the client is part of.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// A head, of which so many bytes need not be scanned again.
    Head { scanned: usize },
    /// A head that may pass; so many bytes of it are left.
    Pass { left: usize, framing: Framing },
    /// A body of known length; so many bytes are left.
    Length(u64),
    /// A chunked body.
    Chunked(Chunked),
    /// The replacement of a refused head, from this offset on.
    Replaced(usize),
    /// Nothing more is read.
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    /// Guards a stream.
    pub fn new(stream: S, gate: Rc<Gate>) -> Self {
        Self {
            stream,
            gate,
            buffer: Buffer::new(limits::READ_AHEAD),
            stage: Stage::Head { scanned: 0 },
            reading: Deadline::default(),
            writing: Deadline::default(),
            ended: false,
            lingered: 0,
        }
    }

    /// Reads more into the buffer. `Ok(false)`: the client has closed its side.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        let count = ready!(self.buffer.poll_fill(&mut self.stream, cx))?;
        self.ended = count == 0;
        Poll::Ready(Ok(count > 0))
    }

    /// Waits for a head that may pass. `Ok(false)`: there will be none.
    fn poll_head(&mut self, cx: &mut Context<'_>, mut scanned: usize) -> Poll<io::Result<bool>> {
        loop {
            if self.gate.is_busy() {
                return self.poll_ahead(cx);
            }
            match head::scan(self.buffer.bytes(), scanned) {
                Scan::Complete(end) => {
                    self.admit(end);
                    return Poll::Ready(Ok(true));
                }
                Scan::Refused(refusal) => {
                    self.refuse(refusal);
                    return Poll::Ready(Ok(true));
                }
                Scan::Partial(next) => scanned = next,
            }
            self.stage = Stage::Head { scanned };
            let empty = self.buffer.bytes().is_empty();
            self.reading.start(if empty { limits::IDLE } else { limits::HEAD_TIME });
            match self.poll_fill(cx)? {
                Poll::Ready(true) => {}
                Poll::Ready(false) if empty => return Poll::Ready(Ok(false)),
                Poll::Ready(false) => {
                    self.refuse(Refusal::malformed("the connection ended inside a head"));
                    return Poll::Ready(Ok(true));
                }
                Poll::Pending if !self.reading.is_over(cx) => return Poll::Pending,
                Poll::Pending if empty => return Poll::Ready(Ok(false)),
                Poll::Pending => {
                    self.refuse(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the head did not come in time"));
                    return Poll::Ready(Ok(true));
                }
            }
        }
    }

    /// While a request is answered: reads a little ahead, above all to learn that the client is gone.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.reading.stop();
        self.gate.remember(cx.waker());
        while self.buffer.bytes().len() < limits::READ_AHEAD {
            if !ready!(self.poll_fill(cx))? {
                return if self.buffer.bytes().is_empty() { Poll::Ready(Ok(false)) } else { Poll::Pending };
            }
        }
        Poll::Pending
    }

    fn admit(&mut self, end: usize) {
        let bytes = self.buffer.bytes().get(..end).unwrap_or_default();
        match head::parse(bytes) {
            Ok(head) => {
                self.reading.stop();
                self.gate.busy.set(true);
                self.stage = Stage::Pass { left: end, framing: head.framing };
                self.gate.arrived.replace(Some(Arrived::Request(head)));
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.reading.stop();
        self.gate.busy.set(true);
        let request = head::describe(self.buffer.bytes());
        self.gate.arrived.replace(Some(Arrived::Refused { refusal, request }));
        self.stage = Stage::Replaced(0);
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.buffer.bytes().is_empty() {
            return Poll::Ready(Ok(()));
        }
        self.buffer.widen();
        self.reading.start(limits::STALL);
        match self.poll_fill(cx)? {
            Poll::Ready(true) => {
                self.reading.stop();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(false) => Poll::Ready(Err(self.break_off("the connection ended inside a body"))),
            Poll::Pending if self.reading.is_over(cx) => {
                self.gate
                    .broken
                    .replace(Some(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")));
                self.stage = Stage::Closed;
                Poll::Ready(Err(ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn break_off(&mut self, why: impl ToString) -> io::Error {
        self.stage = Stage::Closed;
        self.gate.broken.replace(Some(Refusal::malformed(why.to_string())));
        io::Error::new(ErrorKind::InvalidData, why.to_string())
    }

    /// Gives hyper what it may have now. Nothing given means the end of the stream.
    fn poll_give(&mut self, cx: &mut Context<'_>, give: &mut dyn FnMut(&[u8]), room: usize) -> Poll<io::Result<()>> {
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match self.stage {
                Stage::Head { scanned } => {
                    if !ready!(self.poll_head(cx, scanned))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Stage::Pass { left, framing } => {
                    let count = self.buffer.give(give, left.min(room));
                    self.stage = match (left - count, framing) {
                        (0, Framing::None) => Stage::Head { scanned: 0 },
                        (0, Framing::Length(length)) => Stage::Length(length),
                        (0, Framing::Chunked) => Stage::Chunked(Chunked::START),
                        (left, framing) => Stage::Pass { left, framing },
                    };
                    return Poll::Ready(Ok(()));
                }
                Stage::Length(left) => {
                    ready!(self.poll_body(cx))?;
                    let count = self.buffer.give(give, room.min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let left = left - count as u64;
                    self.stage = if left == 0 { Stage::Head { scanned: 0 } } else { Stage::Length(left) };
                    return Poll::Ready(Ok(()));
                }
                Stage::Chunked(mut state) => {
                    ready!(self.poll_body(cx))?;
                    let bytes = self.buffer.bytes();
                    let offered = bytes.get(..room.min(bytes.len())).unwrap_or_default();
                    let count = match state.advance(offered) {
                        Ok(count) => count,
                        Err(error) => return Poll::Ready(Err(self.break_off(error))),
                    };
                    self.buffer.give(give, count);
                    self.stage = if state.is_done() { Stage::Head { scanned: 0 } } else { Stage::Chunked(state) };
                    return Poll::Ready(Ok(()));
                }
                Stage::Replaced(from) => {
                    let rest = REPLACEMENT.get(from..).unwrap_or_default();
                    let count = rest.len().min(room);
                    give(rest.get(..count).unwrap_or_default());
                    self.stage = if count == rest.len() { Stage::Closed } else { Stage::Replaced(from + count) };
                    return Poll::Ready(Ok(()));
                }
                // The answer says `close`; an end of the stream here would cut it off.
                Stage::Closed => return Poll::Pending,
            }
        }
    }

    fn watch_write<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.writing.stop();
            return result;
        }
        self.writing.start(limits::STALL);
        if self.writing.is_over(cx) { Poll::Ready(Err(ErrorKind::TimedOut.into())) } else { Poll::Pending }
    }

    /// Reads on for a moment after an answer that came before the end of the request, so that the client is not reset before it has read the answer.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.stage, Stage::Head { .. }) {
            return Poll::Ready(Ok(()));
        }
        self.reading.start(limits::LINGER);
        while self.lingered < limits::LINGER_BYTES && !self.reading.is_over(cx) {
            self.buffer.clear();
            if !matches!(ready!(self.poll_fill(cx)), Ok(true)) {
                break;
            }
            self.lingered += self.buffer.bytes().len();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Read for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        self.get_mut().poll_give(cx, &mut |bytes| buf.put_slice(bytes), room)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Write for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.watch_write(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.watch_write(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        this.poll_linger(cx)
    }
}

#[cfg(test)]
mod tests;
