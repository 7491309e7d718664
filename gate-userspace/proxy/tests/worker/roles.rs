//! The other roles' side of the IPC, as a test wants them to behave.

use ed25519_dalek::SigningKey;
use gate_host::ManualClock;
use gate_ipc::messages::{
    Answer, AuthnReply, AuthnRequest, AuthzReply, AuthzRequest, NetReply, NetRequest, Question, Refused,
};
use gate_ipc::{CgroupRoot, Connection, Listener, fds, sockopt};
use gate_record::Outcome;
use gate_statements::{Assertion, DecisionId, Grant, SessionId, Signed};
use gate_tables::ServiceId;
use serde::{Serialize, de::DeserializeOwned};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::{JoinHandle, JoinSet, spawn_local};

pub const ASSERTION_MS: u64 = 120_000;
pub const GRANT_MS: u64 = 10_000;

/// What the roles know and do.
pub struct Roles {
    pub clock: Arc<ManualClock>,
    pub now_ms: Cell<u64>,
    key: SigningKey,
    numbers: Cell<u8>,
    /// The bundle version in force for authn and authz.
    pub version: Cell<u64>,
    /// Who connects.
    pub source: Cell<u32>,
    /// gate-authn attests nobody.
    pub attests_nobody: Cell<bool>,
    /// gate-authn speaks of this address instead of the connection's.
    pub attests_address: Cell<Option<SocketAddr>>,
    pub attested: Cell<usize>,
    pub renewed: Cell<usize>,
    /// Actions that gate-authz denies.
    pub denied: RefCell<Vec<&'static str>>,
    pub cacheable: Cell<bool>,
    pub frames: RefCell<Vec<Vec<Question>>>,
    /// gate-net refuses grants.
    pub refuses_grants: Cell<bool>,
    pub presented: Cell<usize>,
    pub listeners: Cell<usize>,
}

impl Roles {
    pub fn new(clock: Arc<ManualClock>, now_ms: u64) -> Rc<Self> {
        Rc::new(Self {
            clock,
            now_ms: Cell::new(now_ms),
            key: SigningKey::from_bytes(&[7; 32]),
            numbers: Cell::new(0),
            version: Cell::new(1),
            source: Cell::new(1),
            attests_nobody: Cell::new(false),
            attests_address: Cell::new(None),
            attested: Cell::new(0),
            renewed: Cell::new(0),
            denied: RefCell::default(),
            cacheable: Cell::new(true),
            frames: RefCell::default(),
            refuses_grants: Cell::new(false),
            presented: Cell::new(0),
            listeners: Cell::new(0),
        })
    }

    pub fn advance_ms(&self, ms: u64) {
        self.clock.advance_ms(ms);
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// How many questions gate-authz was asked.
    pub fn asked(&self) -> usize {
        self.frames.borrow().iter().map(Vec::len).sum()
    }

    pub fn authn(&self, request: AuthnRequest, mut descriptors: Vec<OwnedFd>) -> AuthnReply {
        if self.attests_nobody.get() {
            return AuthnReply::Refused(refused("gate-authn", "the kernel attests no peer"));
        }
        let socket = fds::tcp_stream(descriptors.pop().unwrap()).unwrap();
        let session = match request {
            AuthnRequest::Attest => {
                self.attested.set(self.attested.get() + 1);
                SessionId([self.number(); 16])
            }
            AuthnRequest::Renew { session } => {
                self.renewed.set(self.renewed.get() + 1);
                session
            }
        };
        let name = ["", "web", "batch"].get(self.source.get() as usize).copied().unwrap_or("other");
        let claims = Assertion {
            session,
            connection: sockopt::socket_cookie(&socket).unwrap(),
            token: [0; 32],
            source: ServiceId(self.source.get()),
            source_name: name.into(),
            uid: 1_000,
            destination: self.attests_address.get().unwrap_or_else(|| socket.local_addr().unwrap()),
            environment: "test".into(),
            version: self.version.get(),
            issued_ms: self.now_ms.get(),
            expires_ms: self.now_ms.get() + ASSERTION_MS,
        };
        AuthnReply::Attested { assertion: Signed::sign(&claims, &self.key).unwrap(), claims }
    }

    pub fn authz(&self, request: AuthzRequest) -> AuthzReply {
        if request.version != self.version.get() {
            return AuthzReply::Refused(refused("gate-authz", "another bundle version is in force"));
        }
        let answers = request.questions.iter().map(|question| self.decide(question)).collect();
        self.frames.borrow_mut().push(request.questions);
        AuthzReply::Decided(answers)
    }

    fn decide(&self, question: &Question) -> Answer {
        let decision = DecisionId([self.number(); 16]);
        let claims = question.assertion.verify(&self.key.verifying_key()).unwrap();
        let denied = self.denied.borrow().contains(&question.action.as_str());
        let until_ms = self.now_ms.get() + GRANT_MS;
        let grant = Grant {
            session: claims.session,
            decision,
            source: claims.source,
            destination: question.destination,
            environment: "test".into(),
            version: self.version.get(),
            issued_ms: self.now_ms.get(),
            until_ms,
        };
        let wanted = question.want_grant && !denied;
        Answer {
            decision,
            outcome: if denied { Outcome::Deny } else { Outcome::Allow },
            why: if denied { "no rule allows it".into() } else { String::new() },
            cacheable: self.cacheable.get(),
            expires_ms: self.now_ms.get() + 5_000,
            grant: wanted.then(|| Signed::sign(&grant, &self.key).unwrap()),
        }
    }

    pub fn net(&self, request: NetRequest) -> NetReply {
        match request {
            NetRequest::RegisterListener => {
                self.listeners.set(self.listeners.get() + 1);
                NetReply::Registered
            }
            NetRequest::PresentGrant { .. } if self.refuses_grants.get() => {
                NetReply::Refused(refused("gate-net", "no rule lets web reach port 8080 through gate-proxy"))
            }
            NetRequest::PresentGrant { assertion, grant } => {
                let key = self.key.verifying_key();
                let (assertion, grant) = (assertion.verify(&key).unwrap(), grant.verify(&key).unwrap());
                assert_eq!(assertion.session, grant.session);
                self.presented.set(self.presented.get() + 1);
                NetReply::Granted { until_ms: grant.until_ms }
            }
        }
    }

    fn number(&self) -> u8 {
        self.numbers.set(self.numbers.get().wrapping_add(1));
        self.numbers.get()
    }
}

fn refused(by: &str, why: &str) -> Refused {
    Refused { by: by.into(), reasons: vec![why.into()] }
}

/// A role's socket. Stopping it closes the connections, too.
pub struct Socket(JoinHandle<()>);

impl Socket {
    pub fn serve<Q, R>(path: PathBuf, answer: impl Fn(Q, Vec<OwnedFd>) -> R + Clone + 'static) -> Self
    where
        Q: DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        let listener = Listener::bind(&path, 0o600, None, cgroups()).unwrap();
        Self(spawn_local(async move {
            let mut connections = JoinSet::new();
            loop {
                let connection = listener.accept().await.unwrap().unwrap();
                connections.spawn_local(converse(connection, answer.clone()));
            }
        }))
    }

    pub async fn stop(self) {
        self.0.abort();
        assert!(self.0.await.unwrap_err().is_cancelled());
    }
}

async fn converse<Q: DeserializeOwned, R: Serialize>(connection: Connection, answer: impl Fn(Q, Vec<OwnedFd>) -> R) {
    while let Ok(Some(frame)) = connection.receive::<Q>(1).await {
        let reply = answer(frame.message, frame.descriptors);
        if connection.send(&reply, &[]).await.is_err() {
            break;
        }
    }
}

/// Where the unified hierarchy is mounted; on hybrid hosts not at `/sys/fs/cgroup`.
fn cgroups() -> CgroupRoot {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let point = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4)).flatten()
    });
    CgroupRoot::resolve(Path::new(point.unwrap())).unwrap()
}
