//! Giving gate-net the listener that diverted connections go to.

use crate::limits;
use crate::worker::Net;
use gate_ipc::messages::{NetReply, NetRequest};
use std::cell::RefCell;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::Duration;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The socket stays in the kernel's map when gate-net restarts. Should the map itself be new (an upgrade), it is there
/// again after this time.
const AGAIN: Duration = Duration::from_secs(30);

/// How long gate-net may take.
pub const DEADLINE: Duration = limits::ASK;

/// Whether gate-net has the listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum State {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// It has.
    Registered,
    /// It has not, and why.
    Missing(String),
}

/// The registration of one listener.
#[derive(Debug, Default)]
pub struct Registration {
    state: RefCell<State>,
}

impl Registration {
    /// What is known.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Registers, and keeps it so. Runs as long as the daemon. A listener of the group is enough: the kernel spreads
    /// connections over all of them.
    pub async fn keep(&self, net: &Net, listener: &TcpListener) {
        let mut pause = PAUSE;
        loop {
            let state = match net.call(&NetRequest::RegisterListener, &[listener.as_fd()]).await {
                Ok(NetReply::Registered) => State::Registered,
                Ok(NetReply::Refused(refused)) => State::Missing(refused.to_string()),
                Ok(NetReply::Granted { .. }) => State::Missing("gate-net did not answer the question".into()),
                Err(error) => State::Missing(error.to_string()),
            };
            let registered = state == State::Registered;
            self.state.replace(state);
            if registered {
                pause = PAUSE;
                tokio::time::sleep(AGAIN).await;
            } else {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
