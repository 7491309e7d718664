//! Questions to a role over one connection: many at a time, answered in order.

use crate::frame::FrameError;
use crate::{Connection, MAX_FRAME};
use gate_host::{HostConfig, Role};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Most questions that wait for their answer.
const MAX_WAITING: usize = 1024;

/// How long a callee that does not accept is left alone, within the deadline.
const RETRY: Duration = Duration::from_millis(1);

/// Asks one role. Clones share the connection, which is made at the first call and again after it broke.
///
/// For one thread, inside a [`tokio::task::LocalSet`]: no lock and no channel between threads is on the way of a
/// question.
#[derive(Debug)]
pub struct Client<Request, Reply> {
    shared: Rc<Shared<Reply>>,
    kind: std::marker::PhantomData<fn(Request)>,
}

impl<Request, Reply> Clone for Client<Request, Reply> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared), kind: self.kind }
    }
}

#[derive(Debug)]
struct Shared<Reply> {
    path: PathBuf,
    callee: Option<u32>,
    deadline: Duration,
    standing: RefCell<Option<Standing<Reply>>>,
}

/// The connection in use. Its reader ends with it.
#[derive(Debug)]
struct Standing<Reply> {
    line: Rc<Line<Reply>>,
    reader: AbortHandle,
}

impl<Reply> Drop for Standing<Reply> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

type Waiter<Reply> = oneshot::Sender<Result<Reply, CallError>>;

/// One connection with those who wait for answers on it, in the order of their questions.
#[derive(Debug)]
struct Line<Reply> {
    connection: Connection,
    waiting: RefCell<VecDeque<Waiter<Reply>>>,
}

/// Why a question has no answer. Whether it was acted on is unknown for [`CallError::Closed`] and
/// [`CallError::Deadline`]; it was not for the others.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers at the socket.
    #[error("{}: {error}", path.display())]
    Unavailable {
        /// The socket.
        path: PathBuf,
        /// What connecting or sending gave.
        error: io::Error,
    },
    /// Somebody else than the role listens at the socket.
    #[error("{}: uid {found} listens, it must be uid {right}", path.display())]
    Impostor {
        /// The socket.
        path: PathBuf,
        /// The user that listens.
        found: u32,
        /// The role's.
        right: u32,
    },
    /// The connection ended before the answer.
    #[error("{}: closed before it answered", path.display())]
    Closed {
        /// The socket.
        path: PathBuf,
    },
    /// No answer in time.
    #[error("{}: no answer within {} ms", path.display(), deadline.as_millis())]
    Deadline {
        /// The socket.
        path: PathBuf,
        /// The time allowed.
        deadline: Duration,
    },
    /// Too many questions wait already.
    #[error("{}: {MAX_WAITING} questions wait already", path.display())]
    Busy {
        /// The socket.
        path: PathBuf,
    },
    /// The question does not fit into a frame of [`MAX_FRAME`] bytes, or the answer is none.
    #[error("{}: {error}", path.display())]
    Frame {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        error: FrameError,
    },
}

const _: () = assert!(MAX_FRAME == 131_072, "the text above names the size");

impl<Request, Reply> Client<Request, Reply>
where
    Request: Serialize,
    Reply: DeserializeOwned + 'static,
{
    /// A client of one role of this host. Whoever else listens at its socket gets no question.
    #[must_use]
    pub fn to_role(config: &HostConfig, role: Role, deadline: Duration) -> Self {
        Self::new(&config.socket(role), Some(config.role(role).uid), deadline)
    }

    /// A client of the socket at `path`, with the user that must listen there.
    #[must_use]
    pub fn new(path: &Path, callee: Option<u32>, deadline: Duration) -> Self {
        let shared = Shared { path: path.into(), callee, deadline, standing: RefCell::default() };
        Self { shared: Rc::new(shared), kind: std::marker::PhantomData }
    }

    /// Asks, and waits for the answer until the deadline. Dropping the future forgets the answer, nothing else.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Result<Reply, CallError> {
        let end = Instant::now() + self.shared.deadline;
        match tokio::time::timeout_at(end, self.shared.ask(request, descriptors)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Deadline { path: self.shared.path.clone(), deadline: self.shared.deadline }),
        }
    }

    /// Whether a connection stands (it may be broken without this process having noticed).
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.standing.borrow().is_some()
    }
}

impl<Reply: DeserializeOwned + 'static> Shared<Reply> {
    async fn ask<R: Serialize>(
        self: &Rc<Self>,
        request: &R,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Reply, CallError> {
        let answer = match self.put(request, descriptors).await {
            // The callee was restarted: what a broken connection refused to take, it never saw.
            Err(CallError::Unavailable { .. }) => self.put(request, descriptors).await?,
            other => other?,
        };
        answer.await.unwrap_or_else(|_| Err(CallError::Closed { path: self.path.clone() }))
    }

    /// Sends the question on the standing connection or on a new one.
    async fn put<R: Serialize>(
        self: &Rc<Self>,
        request: &R,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<oneshot::Receiver<Result<Reply, CallError>>, CallError> {
        let line = self.line().await?;
        if line.waiting.borrow().len() >= MAX_WAITING {
            return Err(CallError::Busy { path: self.path.clone() });
        }
        let (waiter, answer) = oneshot::channel();
        let mut waiter = Some(waiter);
        // The place in the queue is taken in the same step as the send, so that both have one order.
        let mut queue = || line.waiting.borrow_mut().extend(waiter.take());
        let sent = match line.connection.try_send(request, descriptors) {
            Ok(None) => {
                queue();
                Ok(())
            }
            Ok(Some(bytes)) => {
                let send = || line.connection.try_send_bytes(&bytes, descriptors).inspect(|()| queue());
                line.connection.when_writable(send).await.map_err(FrameError::from)
            }
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Ok(answer),
            Err(FrameError::Io(error)) => {
                self.forget(&line);
                Err(CallError::Unavailable { path: self.path.clone(), error })
            }
            Err(error) => Err(CallError::Frame { path: self.path.clone(), error }),
        }
    }

    async fn line(self: &Rc<Self>) -> Result<Rc<Line<Reply>>, CallError> {
        loop {
            if let Some(standing) = &*self.standing.borrow() {
                return Ok(Rc::clone(&standing.line));
            }
            match Connection::connect(&self.path) {
                Ok(connection) => return self.start(connection),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(RETRY).await,
                Err(error) => return Err(CallError::Unavailable { path: self.path.clone(), error }),
            }
        }
    }

    fn start(self: &Rc<Self>, connection: Connection) -> Result<Rc<Line<Reply>>, CallError> {
        if let Some(right) = self.callee {
            let unavailable = |error| CallError::Unavailable { path: self.path.clone(), error };
            let found = connection.peer_uid().map_err(unavailable)?;
            if found != right {
                return Err(CallError::Impostor { path: self.path.clone(), found, right });
            }
        }
        let line = Rc::new(Line { connection, waiting: RefCell::default() });
        let reader = tokio::task::spawn_local(read(Rc::downgrade(self), Rc::clone(&line))).abort_handle();
        self.standing.replace(Some(Standing { line: Rc::clone(&line), reader }));
        Ok(line)
    }

    /// Whoever still waits on it learns that it is closed when the last of its holders drops it.
    fn forget(&self, line: &Rc<Line<Reply>>) {
        let mut standing = self.standing.borrow_mut();
        if standing.as_ref().is_some_and(|standing| Rc::ptr_eq(&standing.line, line)) {
            *standing = None;
        }
    }
}

/// Gives each answer to whoever waits longest, until the connection ends.
async fn read<Reply: DeserializeOwned + 'static>(shared: Weak<Shared<Reply>>, line: Rc<Line<Reply>>) {
    let wrong = loop {
        match line.connection.receive(0).await {
            Ok(Some(frame)) => {
                let waiter = line.waiting.borrow_mut().pop_front();
                let Some(waiter) = waiter else {
                    break Some(FrameError::Malformed { found: "an answer without a question".into() });
                };
                // Whoever gave up no longer listens.
                let _ = waiter.send(Ok(frame.message));
            }
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let Some(shared) = shared.upgrade() else {
        return;
    };
    let first = line.waiting.borrow_mut().pop_front();
    if let (Some(error), Some(first)) = (wrong, first) {
        let _ = first.send(Err(CallError::Frame { path: shared.path.clone(), error }));
    }
    shared.forget(&line);
}
