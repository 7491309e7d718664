//! Who is at the other end of a client's connection, as gate-authn attests it: at the start, again before the assertion
//! ends, and anew under another bundle.

use crate::headers::ClientFields;
use crate::limits;
use gate_ipc::Client;
use gate_ipc::messages::{AuthnReply, AuthnRequest};
use gate_statements::{Assertion, Signed};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// While a bundle is being put into force, the roles and the kernel switch one after the other, and gate-authn refuses
/// those that lag. It is asked again after these pauses.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(25), Duration::from_millis(75), Duration::from_millis(200), Duration::from_millis(500)];

/// gate-authn, as one worker asks it.
pub type Authn = Client<AuthnRequest, AuthnReply>;

/// What is attested of a connection's peer.
#[derive(Debug)]
pub struct Attested {
    /// For gate-authz and gate-net.
    pub assertion: Signed<Assertion>,
    /// The same in the clear.
    pub claims: Assertion,
    /// What the backend is told.
    pub fields: ClientFields,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSession {
    /// gate-authn says no.
    #[error("{0}")]
    Refused(String),
    /// gate-authn cannot be asked.
    #[error("gate-authn cannot be asked: {0}")]
    Unavailable(String),
    /// It says something that cannot be true of this connection.
    #[error("gate-authn attests {found}, and this connection is {right}")]
    Contradiction {
        /// What it attests.
        found: String,
        /// What is the case.
        right: String,
    },
}

/// One client's connection.
#[derive(Debug)]
pub struct Session {
    stream: Rc<TcpStream>,
    /// The address that the client connected to.
    local: SocketAddr,
    peer: SocketAddr,
    attested: RefCell<Option<Rc<Attested>>>,
    asking: Mutex<()>,
    closing: Cell<bool>,
}

impl Session {
    /// Of an accepted socket. Nothing is attested yet.
    ///
    /// # Errors
    /// The socket is no longer connected.
    pub fn new(stream: Rc<TcpStream>, peer: SocketAddr) -> std::io::Result<Self> {
        let local = canonical(stream.local_addr()?);
        let peer = canonical(peer);
        let attested = RefCell::default();
        Ok(Self { stream, local, peer, attested, asking: Mutex::default(), closing: Cell::new(false) })
    }

    /// The address that the client connected to: the backend's.
    #[must_use]
    pub fn destination(&self) -> SocketAddr {
        self.local
    }

    /// What is attested now, whether or not it still holds.
    #[must_use]
    pub fn known(&self) -> Option<Rc<Attested>> {
        self.attested.borrow().clone()
    }

    /// No further request is served on this connection.
    pub fn close(&self) {
        self.closing.set(true);
    }

    /// Whether [`Session::close`] was called.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// What is attested under this bundle version, for at least as long as a grant lives.
    ///
    /// # Errors
    /// [`NoSession`]. Nothing may be served.
    pub async fn attested(&self, authn: &Authn, version: u64, now_ms: u64) -> Result<Rc<Attested>, NoSession> {
        if let Some(attested) = self.holding(version, now_ms.saturating_add(limits::ASSERTION_MARGIN_MS)) {
            return Ok(attested);
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(attested) = self.holding(version, now_ms.saturating_add(limits::ASSERTION_MARGIN_MS)) {
            return Ok(attested);
        }
        let Some(old) = self.holding(version, now_ms) else { return self.attest(authn, version).await };
        let renewed = self.ask(authn, &AuthnRequest::Renew { session: old.claims.session }, version).await;
        // What holds still holds while gate-authn is away, until it ends.
        Ok(renewed.unwrap_or(old))
    }

    fn holding(&self, version: u64, until_ms: u64) -> Option<Rc<Attested>> {
        let attested = self.attested.borrow();
        attested.as_ref().filter(|a| a.claims.version == version && a.claims.expires_ms > until_ms).cloned()
    }

    async fn attest(&self, authn: &Authn, version: u64) -> Result<Rc<Attested>, NoSession> {
        for pause in PAUSES {
            match self.ask(authn, &AuthnRequest::Attest, version).await {
                Err(NoSession::Refused(_)) => tokio::time::sleep(pause).await,
                other => return other,
            }
        }
        self.ask(authn, &AuthnRequest::Attest, version).await
    }

    async fn ask(&self, authn: &Authn, request: &AuthnRequest, version: u64) -> Result<Rc<Attested>, NoSession> {
        let (assertion, claims) = match authn.call(request, &[self.descriptor()]).await {
            Ok(AuthnReply::Attested { assertion, claims }) => (assertion, claims),
            Ok(AuthnReply::Refused(refused)) => return Err(NoSession::Refused(refused.to_string())),
            Err(error) => return Err(NoSession::Unavailable(error.to_string())),
        };
        self.check(&claims, version)?;
        let fields = ClientFields::new(self.peer, &claims.source_name);
        let attested = Rc::new(Attested { assertion, claims, fields });
        self.attested.replace(Some(Rc::clone(&attested)));
        Ok(attested)
    }

    /// Claims are about this connection, and a connection has one source for as long as it lives.
    fn check(&self, claims: &Assertion, version: u64) -> Result<(), NoSession> {
        if claims.version != version {
            return Err(NoSession::Refused(format!(
                "gate-authn attests under bundle version {}, gate-proxy serves {version}",
                claims.version
            )));
        }
        let contradiction = |found: String, right: String| Err(NoSession::Contradiction { found, right });
        if canonical(claims.destination) != self.local {
            return contradiction(format!("a connection to {}", claims.destination), format!("to {}", self.local));
        }
        match &*self.attested.borrow() {
            Some(before) if before.claims.source != claims.source => {
                contradiction(format!("source {}", claims.source.0), format!("of source {}", before.claims.source.0))
            }
            _ => Ok(()),
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// One form for every address: IPv4 as IPv4, without flow label and scope.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
