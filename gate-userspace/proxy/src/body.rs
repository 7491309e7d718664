//! Bodies on their way, in both directions, with the back-pressure of whoever reads slower.

use crate::exchange::{Exchange, Phase};
use crate::guard::Gate;
use crate::upstream::Lease;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The other side of the proxy failed.
    #[error(transparent)]
    Peer(#[from] hyper::Error),
    /// The proxy broke it off.
    #[error("broken off: {0}")]
    Ended(&'static str),
}

/// A request's body on its way to the backend.
pub struct RequestBody {
    incoming: Option<Incoming>,
    exchange: Rc<Exchange>,
}

impl RequestBody {
    /// What the client sends.
    #[must_use]
    pub fn new(incoming: Incoming, exchange: Rc<Exchange>) -> Self {
        let incoming = Some(incoming).filter(|incoming| !incoming.is_end_stream());
        if incoming.is_some() {
            exchange.enter(Phase::Uploading);
        }
        Self { incoming, exchange }
    }

    /// No body.
    #[must_use]
    pub fn empty(exchange: Rc<Exchange>) -> Self {
        Self { incoming: None, exchange }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        this.exchange.progressed();
        if frame.is_none() || incoming.is_end_stream() {
            this.exchange.enter(Phase::Waiting);
        }
        Poll::Ready(frame.map(|frame| Ok(frame?)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// An answer's body. When it is gone, the client's next request may come.
pub struct Reply {
    kind: Kind,
    gate: Rc<Gate>,
}

enum Kind {
    Text(Option<Bytes>),
    Relay(Box<Relay>),
}

/// A backend's response on its way to the client.
struct Relay {
    incoming: Incoming,
    ended: bool,
    lease: Option<Lease>,
    exchange: Rc<Exchange>,
}

impl Reply {
    /// The proxy's own words.
    #[must_use]
    pub fn text(text: String, gate: Rc<Gate>) -> Self {
        Self { kind: Kind::Text(Some(text.into())), gate }
    }

    /// What the backend sends. Once it has ended, the connection is given back.
    #[must_use]
    pub fn relay(incoming: Incoming, lease: Lease, exchange: Rc<Exchange>, gate: Rc<Gate>) -> Self {
        exchange.enter(Phase::Streaming);
        let relay = Relay { ended: incoming.is_end_stream(), incoming, lease: Some(lease), exchange };
        Self { kind: Kind::Relay(Box::new(relay)), gate }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().kind {
            Kind::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Kind::Relay(relay) => relay.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Text(text) => text.is_none(),
            Kind::Relay(relay) => relay.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Text(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Kind::Relay(relay) => relay.incoming.size_hint(),
        }
    }
}

impl Relay {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(refusal) = self.exchange.poll_ended(cx) {
            return Poll::Ready(Some(Err(BodyError::Ended(refusal))));
        }
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(cx));
        self.exchange.progressed();
        self.ended |= frame.is_none() || self.incoming.is_end_stream();
        Poll::Ready(frame.map(|frame| Ok(frame?)))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take().filter(|_| self.ended) {
            lease.give_back();
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // First the lease: the client's next request may want it.
        self.kind = Kind::Text(None);
        self.gate.answered();
    }
}
