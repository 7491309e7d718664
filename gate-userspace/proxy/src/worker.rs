//! One worker: a thread with a runtime, a listener, clients, pools and caches of its own. Workers share the policy in
//! force, which each takes over by itself, and nothing on the way of a request.

use crate::counters::Counters;
use crate::decisions::Decisions;
use crate::exchange::Exchanges;
use crate::grants::Grants;
use crate::judge::{Authz, Judge};
use crate::limits;
use crate::policy::Policy;
use crate::record::Record;
use crate::session::Authn;
use crate::turned_away::TurnedAway;
use crate::upstream::{Dial, Upstreams};
use gate_host::Clock;
use gate_ipc::Client;
use gate_ipc::messages::{NetReply, NetRequest};
use gate_tables::ServiceId;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::watch;

/// gate-net, as one worker asks it.
pub type Net = Client<NetRequest, NetReply>;

/// How long a request waits for this worker's own switch when another role has switched already.
const SWITCH: std::time::Duration = std::time::Duration::from_millis(500);

/// What a worker is made of.
pub struct Parts {
    /// The policy in force, as it changes.
    pub policy: watch::Receiver<Arc<Policy>>,
    /// gate-authn.
    pub authn: Authn,
    /// gate-authz.
    pub authz: Authz,
    /// gate-net.
    pub net: Net,
    /// Connects to backends.
    pub dial: Box<dyn Dial>,
    /// Takes reports.
    pub record: Rc<dyn Record>,
    /// The host's clocks.
    pub clock: Clock,
    /// Counters that others read.
    pub counters: Arc<Counters>,
    /// Random: the first half of this worker's request numbers.
    pub seed: u64,
}

/// One worker's state.
pub struct Worker {
    incoming_policy: RefCell<watch::Receiver<Arc<Policy>>>,
    policy: RefCell<Arc<Policy>>,
    authn: Authn,
    judge: Rc<Judge>,
    net: Net,
    decisions: RefCell<Decisions>,
    grants: Rc<Grants>,
    upstreams: Rc<Upstreams>,
    exchanges: Exchanges,
    record: Rc<dyn Record>,
    clock: Clock,
    counters: Arc<Counters>,
    seed: u64,
    next_request: Cell<u64>,
    turned_away: TurnedAway,
    by_source: RefCell<HashMap<ServiceId, usize>>,
}

/// A connection's place in the budget of its source.
pub struct Place {
    worker: Rc<Worker>,
    source: ServiceId,
}

impl Worker {
    /// Serves nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Rc<Self> {
        let policy = Arc::clone(&parts.policy.borrow());
        parts.counters.version.set(policy.version());
        Rc::new(Self {
            incoming_policy: RefCell::new(parts.policy),
            policy: RefCell::new(policy),
            authn: parts.authn,
            judge: Judge::new(parts.authz),
            net: parts.net,
            decisions: RefCell::new(Decisions::new(limits::DECISIONS)),
            grants: Rc::default(),
            upstreams: Upstreams::new(parts.dial),
            exchanges: Exchanges::default(),
            record: parts.record,
            clock: parts.clock,
            counters: parts.counters,
            seed: parts.seed,
            next_request: Cell::new(0),
            turned_away: TurnedAway::default(),
            by_source: RefCell::default(),
        })
    }

    /// The policy in force. A new one is taken over here, so that no request is served under an old one: decisions,
    /// grants and idle connections of the old one are gone.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        let mut incoming = self.incoming_policy.borrow_mut();
        // One atomic load where nothing has changed; a closed channel has no news.
        if incoming.has_changed().unwrap_or(false) {
            let policy = Arc::clone(&incoming.borrow_and_update());
            self.counters.version.set(policy.version());
            self.policy.replace(policy);
            self.decisions.borrow_mut().clear();
            self.grants.clear();
            self.upstreams.clear();
        }
        Arc::clone(&self.policy.borrow())
    }

    /// The policy in force once its version is no longer `version`, or after a moment.
    pub async fn policy_after(&self, version: u64) -> Arc<Policy> {
        let mut incoming = self.incoming_policy.borrow().clone();
        let changed = incoming.wait_for(|policy| policy.version() != version);
        // Whether it changed or not, the caller goes on with what is in force then.
        let _ = tokio::time::timeout(SWITCH, changed).await;
        self.policy()
    }

    /// Returns when a new policy waits to be taken over; never, where none can come any more.
    pub async fn policy_changed(&self) {
        let mut incoming = self.incoming_policy.borrow().clone();
        if incoming.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// gate-authn.
    #[must_use]
    pub fn authn(&self) -> &Authn {
        &self.authn
    }

    /// The line to gate-authz.
    #[must_use]
    pub fn judge(&self) -> &Rc<Judge> {
        &self.judge
    }

    /// gate-net.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Decisions that may be used again.
    pub fn decisions(&self) -> RefMut<'_, Decisions> {
        self.decisions.borrow_mut()
    }

    /// What the kernel has grants for.
    #[must_use]
    pub fn grants(&self) -> &Rc<Grants> {
        &self.grants
    }

    /// Connections to backends.
    #[must_use]
    pub fn upstreams(&self) -> &Rc<Upstreams> {
        &self.upstreams
    }

    /// What is being forwarded.
    #[must_use]
    pub fn exchanges(&self) -> &Exchanges {
        &self.exchanges
    }

    /// Where reports go.
    #[must_use]
    pub fn record(&self) -> &Rc<dyn Record> {
        &self.record
    }

    /// Connections that are closed before a request.
    #[must_use]
    pub fn turned_away(&self) -> &TurnedAway {
        &self.turned_away
    }

    /// What this worker has done.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    /// A number for a request, different from all others.
    #[must_use]
    pub fn request_id(&self) -> Rc<str> {
        let number = self.next_request.get();
        self.next_request.set(number.wrapping_add(1));
        let mut text = String::with_capacity(32);
        // Writing to a String cannot fail.
        let _ = write!(text, "{:016x}{number:016x}", self.seed);
        text.into()
    }

    /// A place in the source's budget of connections, if there is one.
    pub fn place(self: &Rc<Self>, source: ServiceId) -> Option<Place> {
        let mut by_source = self.by_source.borrow_mut();
        let held = by_source.entry(source).or_default();
        if *held >= limits::CONNECTIONS_PER_SOURCE {
            return None;
        }
        *held += 1;
        Some(Place { worker: Rc::clone(self), source })
    }

    /// Looks after what takes long, and copies what others may read.
    /// Inside a `LocalSet` only.
    pub fn tick(self: &Rc<Self>) {
        self.upstreams.prune();
        self.turned_away.tick(&*self.record);
        crate::watch::look_after(self);
        let counters = &self.counters;
        let ((asked, frames), (opened, reused)) = (self.judge.counts(), self.upstreams.counts());
        counters.asked.set(asked);
        counters.frames.set(frames);
        counters.opened.set(opened);
        counters.reused.set(reused);
        counters.idle.set(self.upstreams.idle() as u64);
        counters.grants.set(self.grants.live(self.now_ms()) as u64);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_source = self.worker.by_source.borrow_mut();
        if let Some(held) = by_source.get_mut(&self.source) {
            *held -= 1;
            if *held == 0 {
                by_source.remove(&self.source);
            }
        }
    }
}
