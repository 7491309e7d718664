//! From what the kernel states to a signed assertion.

use crate::{
    budget::{ATTESTS_BURST, ATTESTS_PER_SECOND, Budgets},
    known::Known,
    refusal::Refusal,
    sessions::{Facts, Limits, Session, Sessions},
};
use ed25519_dalek::SigningKey;
use gate_common::{ABI_VERSION, identity::FIRST_RESERVED, maps::Active, peer::Peer};
use gate_statements::{Assertion, SessionId, Signed};
use gate_tables::ServiceId;
use std::net::SocketAddr;

/// Life of an assertion, in milliseconds. The proxy renews it while the connection lives.
pub const ASSERTION_MS: u64 = 120_000;

/// What time it is, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Milliseconds since 1970: for what is signed.
    pub unix_ms: u64,
    /// Nanoseconds since boot: for what ends here.
    pub boottime_ns: u64,
}

/// A signed assertion, and the same in the clear.
#[derive(Debug, Clone)]
pub struct Attested {
    /// Signed.
    pub assertion: Signed<Assertion>,
    /// In the clear.
    pub claims: Assertion,
}

/// The duty, without sockets, clocks or randomness of its own.
pub struct Authn {
    key: SigningKey,
    environment: String,
    known: Option<Known>,
    sessions: Sessions,
    budgets: Budgets,
}

impl Authn {
    /// With the role's key, for one environment, before any bundle.
    #[must_use]
    pub fn new(key: SigningKey, environment: String) -> Self {
        Self::with_limits(key, environment, Limits::default(), Budgets::new(ATTESTS_PER_SECOND, ATTESTS_BURST))
    }

    /// As [`Self::new`], with other limits: for tests.
    #[must_use]
    pub fn with_limits(key: SigningKey, environment: String, limits: Limits, budgets: Budgets) -> Self {
        Self { key, environment, known: None, sessions: Sessions::new(limits), budgets }
    }

    /// Puts a bundle in force.
    pub fn activate(&mut self, known: Known) {
        self.budgets.retain(|source| known.name(source).is_some());
        self.known = Some(known);
    }

    /// The bundle that is in force.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// The budgets, for their counts.
    pub fn budgets(&mut self) -> &mut Budgets {
        &mut self.budgets
    }

    /// Begins a session on the connection that the kernel states this of. `cookie` is the descriptor's own.
    ///
    /// # Errors
    /// [`Refusal`]; nothing changed but the source's budget.
    pub fn attest(&mut self, peer: &Peer, cookie: u64, now: Now, id: SessionId) -> Result<Attested, Refusal> {
        let facts = self.check(peer, cookie)?;
        self.spend(facts.source, now)?;
        self.begin(id, facts, cookie, now)
    }

    /// Prolongs the session of a connection.
    ///
    /// # Errors
    /// [`Refusal`]; the session keeps the end that it had.
    pub fn renew(&mut self, peer: &Peer, cookie: u64, now: Now, id: SessionId) -> Result<Attested, Refusal> {
        let facts = self.check(peer, cookie)?;
        self.spend(facts.source, now)?;
        let session = self.sessions.find(cookie, now.boottime_ns).filter(|session| session.id == id);
        let session = session.ok_or(Refusal::NoSession)?;
        if session.facts != facts {
            return Err(Refusal::OtherPeer);
        }
        self.begin(id, facts, cookie, now)
    }

    /// Whether the kernel's statement is about this socket, under this bundle, of somebody who may be named.
    fn check(&self, peer: &Peer, cookie: u64) -> Result<Facts, Refusal> {
        if peer.abi != ABI_VERSION {
            return Err(Refusal::Interface { found: peer.abi, own: ABI_VERSION });
        }
        if peer.cookie != cookie {
            return Err(Refusal::OtherSocket { found: peer.cookie, own: cookie });
        }
        let known = self.known.as_ref().ok_or(Refusal::NoBundle)?;
        let (kernel, version) = (Active(peer.active).version(), known.version());
        if kernel != version {
            return Err(Refusal::Laggard { kernel, own: version });
        }
        if peer.source >= FIRST_RESERVED {
            return Err(Refusal::Reserved { source_id: peer.source });
        }
        if known.name(peer.source).is_none() {
            return Err(Refusal::UnknownSource { source_id: peer.source, version });
        }
        let (service, port) = (peer.destination_service, peer.destination_port);
        if !known.has_l7_port(service, port) {
            return Err(Refusal::UnknownDestination { service, port, version });
        }
        Ok(Facts { source: peer.source, uid: peer.uid, destination: SocketAddr::new(peer.destination.ip(), port) })
    }

    fn spend(&mut self, source: u32, now: Now) -> Result<(), Refusal> {
        if self.budgets.take(source, now.boottime_ns) {
            return Ok(());
        }
        let per_second = self.budgets.per_second();
        Err(Refusal::Budget { source_name: self.name(source), per_second })
    }

    fn begin(&mut self, id: SessionId, facts: Facts, cookie: u64, now: Now) -> Result<Attested, Refusal> {
        let version = self.known.as_ref().ok_or(Refusal::NoBundle)?.version();
        let claims = Assertion {
            session: id,
            connection: cookie,
            token: [0; 32],
            source: ServiceId(facts.source),
            source_name: self.name(facts.source),
            uid: facts.uid,
            destination: facts.destination,
            environment: self.environment.clone(),
            version,
            issued_ms: now.unix_ms,
            expires_ms: now.unix_ms.saturating_add(ASSERTION_MS),
        };
        let assertion = Signed::sign(&claims, &self.key).map_err(|error| Refusal::Internal(error.to_string()))?;
        let ends_ns = now.boottime_ns.saturating_add(ASSERTION_MS * 1_000_000);
        self.sessions.put(cookie, Session { id, facts, ends_ns }, now.boottime_ns);
        Ok(Attested { assertion, claims })
    }

    fn name(&self, source: u32) -> String {
        self.known.as_ref().and_then(|known| known.name(source)).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests;
