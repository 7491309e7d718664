//! Serving a Unix socket: who calls is identified and admitted, every frame is judged, and whatever is wrong closes
//! that one connection, is recorded, and stops nothing else.

use crate::Reporter;
use crate::in_order::InOrder;
use gate_ipc::{Admission, Caller, Connection, Frame, FrameError, Listener, Peer};
use gate_record::Event;
use serde::{Serialize, de::DeserializeOwned};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// A listening socket and who may call it.
#[derive(Debug)]
pub struct Socket {
    /// The socket.
    pub listener: Listener,
    /// Who may call.
    pub admission: Admission,
}

/// One frame of an admitted caller.
#[derive(Debug)]
pub struct Call<'c, Request> {
    /// Who calls.
    pub caller: Caller,
    /// The process that calls.
    pub peer: &'c Peer,
    /// What it asks.
    pub request: Request,
    /// The descriptors beside it, at most [`Handler::DESCRIPTORS`], of whatever kind: hostile input.
    pub descriptors: Vec<OwnedFd>,
}

/// A request that no well-behaved caller sends: recorded, and the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}")]
pub struct Misuse {
    /// What was found, and what would be right.
    pub found: String,
}

/// Answers frames.
pub trait Handler: 'static {
    /// What is asked.
    type Request: DeserializeOwned;
    /// What is answered.
    type Reply: Serialize;
    /// Most descriptors beside one frame.
    const DESCRIPTORS: usize;
    /// How many frames of one connection are handled at the same time. They are begun and answered in order.
    const AHEAD: usize = 1;

    /// Answers one frame.
    ///
    /// # Errors
    /// [`Misuse`] closes the connection.
    fn handle(&self, call: Call<'_, Self::Request>) -> impl Future<Output = Result<Self::Reply, Misuse>>;
}

/// Bounds on what callers can take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most connections of one Unix user at a time.
    pub connections: usize,
    /// How long a connection may be silent.
    pub idle: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, idle: None }
    }
}

impl Limits {
    /// For people.
    pub const OPERATORS: Self = Self { connections: 16, idle: Some(Duration::from_secs(60)) };
}

/// How long to wait when no descriptor is left for another connection.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// How often suppressed rejections are summed up in the record.
const SUM_UP: Duration = Duration::from_secs(10);

/// Serves until it is dropped. Inside a [`tokio::task::LocalSet`].
pub async fn serve<H: Handler>(socket: Socket, handler: Rc<H>, reporter: Reporter, limits: Limits) {
    let name = socket.listener.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let service =
        Rc::new(Service { handler, rejections: Rejections::new(reporter, name), limits, users: RefCell::default() });
    let mut sum_up = tokio::time::interval(SUM_UP);
    loop {
        let accepted = tokio::select! {
            accepted = socket.listener.accept() => accepted,
            _ = sum_up.tick() => {
                service.rejections.sum_up();
                continue;
            }
        };
        match accepted {
            Ok(Ok(connection)) => service.admit(connection, &socket.admission),
            Ok(Err(unknown)) => service.rejections.record("unknown".into(), unknown.to_string()),
            Err(error) => {
                service.rejections.record("unknown".into(), format!("a connection could not be accepted: {error}"));
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

struct Service<H> {
    handler: Rc<H>,
    rejections: Rejections,
    limits: Limits,
    users: RefCell<HashMap<u32, usize>>,
}

impl<H: Handler> Service<H> {
    fn admit(self: &Rc<Self>, connection: Connection, admission: &Admission) {
        let Some(peer) = connection.peer().cloned() else {
            return;
        };
        match admission.admit(&peer) {
            Ok(caller) if self.enter(peer.uid) => {
                tokio::task::spawn_local(Rc::clone(self).converse(connection, peer, caller));
            }
            Ok(_) => {
                let found = format!("more than {} connections of uid {}", self.limits.connections, peer.uid);
                self.rejections.record(peer.to_string(), found);
            }
            Err(rejection) => self.rejections.record(peer.to_string(), rejection.found),
        }
    }

    fn enter(&self, uid: u32) -> bool {
        let mut users = self.users.borrow_mut();
        let count = users.entry(uid).or_default();
        let fits = *count < self.limits.connections;
        *count += usize::from(fits);
        fits
    }

    fn leave(&self, uid: u32) {
        let mut users = self.users.borrow_mut();
        if let Some(count) = users.get_mut(&uid) {
            *count -= 1;
            if *count == 0 {
                users.remove(&uid);
            }
        }
    }

    async fn converse(self: Rc<Self>, connection: Connection, peer: Peer, caller: Caller) {
        if let Err(found) = self.answer_all(&connection, &peer, caller).await {
            self.rejections.record(peer.to_string(), found);
        }
        self.leave(peer.uid);
    }

    /// `Err`: what the caller did wrong. A connection that merely ends is nothing to record.
    async fn answer_all(&self, connection: &Connection, peer: &Peer, caller: Caller) -> Result<(), String> {
        if H::AHEAD > 1 {
            return self.answer_ahead(connection, peer, caller).await;
        }
        while let Some(frame) = self.receive(connection).await? {
            let call = Call { caller, peer, request: frame.message, descriptors: frame.descriptors };
            if !answer(connection, self.handler.handle(call).await).await? {
                break;
            }
        }
        Ok(())
    }

    /// The same with several frames at a time.
    async fn answer_ahead(&self, connection: &Connection, peer: &Peer, caller: Caller) -> Result<(), String> {
        let mut under_way = InOrder::new();
        loop {
            tokio::select! {
                frame = self.receive(connection), if under_way.len() < H::AHEAD => {
                    let Some(frame) = frame? else { return Ok(()) };
                    let call = Call { caller, peer, request: frame.message, descriptors: frame.descriptors };
                    under_way.begin(self.handler.handle(call)).await;
                }
                reply = under_way.next() => if !answer(connection, reply).await? {
                    return Ok(());
                }
            }
        }
    }

    /// The next frame; `None` at the end of the connection. Cancel-safe.
    async fn receive(&self, connection: &Connection) -> Result<Option<Frame<H::Request>>, String> {
        let received = match self.limits.idle {
            None => connection.receive(H::DESCRIPTORS).await,
            Some(idle) => match tokio::time::timeout(idle, connection.receive(H::DESCRIPTORS)).await {
                Ok(received) => received,
                Err(_) => return Ok(None),
            },
        };
        match received {
            Ok(frame) => Ok(frame),
            Err(FrameError::Io(_)) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Sends an answer; `false`: the connection has ended.
async fn answer<Reply: Serialize>(connection: &Connection, reply: Result<Reply, Misuse>) -> Result<bool, String> {
    let reply = reply.map_err(|misuse| misuse.found)?;
    match connection.send(&reply, &[]).await {
        Ok(()) => Ok(true),
        Err(FrameError::Io(_)) => Ok(false),
        Err(error) => Err(format!("the answer was not sent: {error}")),
    }
}

/// Records rejections within a budget, so that whoever is rejected cannot fill the log; the rest is counted.
struct Rejections {
    reporter: Reporter,
    socket: String,
    tokens: Cell<u32>,
    refilled: Cell<Instant>,
    suppressed: Cell<u64>,
}

/// At once; then one for each [`REFILL`].
const BURST: u32 = 32;
const REFILL: Duration = Duration::from_millis(500);

impl Rejections {
    fn new(reporter: Reporter, socket: String) -> Self {
        let now = Instant::now();
        Self { reporter, socket, tokens: BURST.into(), refilled: now.into(), suppressed: Cell::default() }
    }

    fn record(&self, peer: String, found: String) {
        self.refill();
        match self.tokens.get().checked_sub(1) {
            Some(left) => {
                self.tokens.set(left);
                self.reporter.report(Event::Rejected { socket: self.socket.clone(), peer, found });
            }
            None => self.suppressed.set(self.suppressed.get() + 1),
        }
    }

    fn refill(&self) {
        let periods = self.refilled.get().elapsed().as_millis() / REFILL.as_millis();
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        if periods > 0 {
            self.refilled.set(Instant::now());
            self.tokens.set(self.tokens.get().saturating_add(periods).min(BURST));
        }
    }

    fn sum_up(&self) {
        let count = self.suppressed.take();
        if count > 0 {
            let source = self.socket.clone();
            self.reporter.report(Event::Loss { what: "rejections".into(), source, count });
        }
    }
}
