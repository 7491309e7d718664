//! Connections to backends, each on behalf of one source. Pools never mix sources: what one service's request left
//! behind on a connection cannot meet another's.

use crate::body::RequestBody;
use crate::limits;
use gate_tables::ServiceId;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;

/// A connection that is being made.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<TcpStream>>>>;

/// Makes connections to backends.
pub trait Dial {
    /// Connects to `destination` on behalf of `source`.
    fn dial(&self, source: ServiceId, destination: SocketAddr) -> Dialing;
}

/// Connects as the kernel demands it: the socket says on whose behalf before it connects, and the kernel judges it by
/// the grant of that pair.
#[derive(Debug, Clone, Copy)]
pub struct KernelDial;

impl Dial for KernelDial {
    fn dial(&self, source: ServiceId, destination: SocketAddr) -> Dialing {
        Box::pin(async move {
            let socket = if destination.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            gate_ipc::sockopt::set_behalf(socket.as_fd(), source.0)?;
            let stream = socket.connect(destination).await?;
            stream.set_nodelay(true)?;
            // What the kernel holds back when a connection is given up, because its grant has ended, is not sent when another
            // request of the same source gets the next grant.
            stream.set_zero_linger()?;
            Ok(stream)
        })
    }
}

/// Whose connection, to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// On whose behalf.
    pub source: ServiceId,
    /// The backend's address.
    pub destination: SocketAddr,
}

struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// One worker's connections to backends.
pub struct Upstreams {
    dial: Box<dyn Dial>,
    pools: RefCell<HashMap<Key, Vec<Idle>>>,
    generation: Cell<u64>,
    opened: Cell<u64>,
    reused: Cell<u64>,
}

/// A connection in use by one exchange. Dropping it closes the connection; [`Lease::give_back`] keeps it.
pub struct Lease {
    upstreams: Rc<Upstreams>,
    key: Key,
    generation: u64,
    sender: Option<SendRequest<RequestBody>>,
    reused: bool,
}

impl Upstreams {
    /// None yet.
    #[must_use]
    pub fn new(dial: Box<dyn Dial>) -> Rc<Self> {
        Rc::new(Self {
            dial,
            pools: RefCell::default(),
            generation: Cell::new(0),
            opened: Cell::new(0),
            reused: Cell::new(0),
        })
    }

    /// An idle connection, if there is one.
    pub fn reuse(self: &Rc<Self>, key: Key) -> Option<Lease> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools.get_mut(&key)?;
        while let Some(idle) = pool.pop() {
            if idle.sender.is_ready() && idle.since.elapsed() < limits::IDLE_UPSTREAM {
                self.reused.set(self.reused.get() + 1);
                return Some(self.lease(key, idle.sender, true));
            }
        }
        None
    }

    /// A new connection. Inside a `LocalSet` only.
    ///
    /// # Errors
    /// Those of `connect(2)`: `PermissionDenied` is the kernel's verdict.
    pub async fn open(self: &Rc<Self>, key: Key) -> io::Result<Lease> {
        let dialing = tokio::time::timeout(limits::CONNECT, self.dial.dial(key.source, key.destination));
        let stream = dialing.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let mut builder = http1::Builder::new();
        builder.max_headers(limits::FIELDS).max_buf_size(limits::RESPONSE_BUFFER);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends when the sender is gone or the backend closes; how it ended shows at the exchange.
        tokio::task::spawn_local(async move { drop(connection.await) });
        self.opened.set(self.opened.get() + 1);
        Ok(self.lease(key, sender, false))
    }

    /// Closes what is idle, and what is in use as soon as it is given back: another bundle is in force.
    pub fn clear(&self) {
        self.generation.set(self.generation.get() + 1);
        self.pools.borrow_mut().clear();
    }

    /// Closes what has been idle for too long, or was closed by the backend.
    pub fn prune(&self) {
        let keep = |idle: &Idle| !idle.sender.is_closed() && idle.since.elapsed() < limits::IDLE_UPSTREAM;
        self.pools.borrow_mut().retain(|_, pool| {
            pool.retain(keep);
            !pool.is_empty()
        });
    }

    /// How many are idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pools.borrow().values().map(Vec::len).sum()
    }

    /// How many were opened, and how often one was used again.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.opened.get(), self.reused.get())
    }

    fn lease(self: &Rc<Self>, key: Key, sender: SendRequest<RequestBody>, reused: bool) -> Lease {
        let generation = self.generation.get();
        Lease { upstreams: Rc::clone(self), key, generation, sender: Some(sender), reused }
    }
}

impl Lease {
    /// Whether it was idle before, so that the backend may have closed it meanwhile.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// The connection.
    pub fn sender(&mut self) -> Option<&mut SendRequest<RequestBody>> {
        self.sender.as_mut()
    }

    /// The response was read to its end: the connection can serve the next request of the same source.
    pub fn give_back(mut self) {
        let Some(sender) = self.sender.take() else { return };
        if sender.is_closed() || self.generation != self.upstreams.generation.get() {
            return;
        }
        let mut pools = self.upstreams.pools.borrow_mut();
        let pool = pools.entry(self.key).or_default();
        if pool.len() < limits::IDLE_PER_PAIR {
            pool.push(Idle { sender, since: Instant::now() });
        }
    }
}
