//! gate-authn on its sockets: answers gate-proxy, follows the bundle in force, and reports.

use crate::{Attested, Authn, Budgets, Known, Now, Purpose, Refusal, ask_kernel};
use gate_daemon::{Admitted, Call, Context, Duty, Handler, Misuse};
use gate_ipc::messages::{AuthnReply, AuthnRequest, Refused};
use gate_record::Event;
use gate_statements::{Assertion, Confirmation, SessionId, Signed};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;

/// Refusals that are recorded one by one, per second and at once; the rest is counted.
const RECORDED_PER_SECOND: u64 = 4;
const RECORDED_BURST: u64 = 64;

/// Fills a buffer with randomness.
pub type Random = fn(&mut [u8]) -> io::Result<()>;

/// The duty with its surroundings.
pub struct Service {
    context: Context,
    random: Random,
    authn: RefCell<Authn>,
    /// One bucket for all refusals.
    recorded: RefCell<Budgets>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    attested: Cell<u64>,
    renewed: Cell<u64>,
    refused: Cell<u64>,
}

impl Service {
    /// A service without a bundle in force: it refuses.
    #[must_use]
    pub fn new(context: Context, authn: Authn, random: Random) -> Self {
        let recorded = Budgets::new(RECORDED_PER_SECOND, RECORDED_BURST).into();
        Self { context, random, authn: authn.into(), recorded, counts: Counts::default() }
    }

    /// Reports what was suppressed since the last call.
    pub fn sum_up(&self) {
        let loss = |what: &str, source: String, count| {
            self.context.reporter.report(Event::Loss { what: what.into(), source, count });
        };
        let mut authn = self.authn.borrow_mut();
        for suppressed in authn.budgets().take_suppressed() {
            let known = authn.known().and_then(|known| known.name(suppressed.source));
            let source = known.filter(|name| !name.is_empty()).unwrap_or("host").to_owned();
            loss("attestation budget", source, suppressed.count);
        }
        for suppressed in self.recorded.borrow_mut().take_suppressed() {
            loss("refused attestations", String::new(), suppressed.count);
        }
    }

    fn answer(&self, request: &AuthnRequest, descriptors: Vec<OwnedFd>) -> Result<Attested, Refusal> {
        if !self.context.reporter.accepts() {
            return Err(Refusal::NoRecord);
        }
        let purpose = match request {
            AuthnRequest::Attest => Purpose::Begin,
            AuthnRequest::Renew { .. } => Purpose::GoOn,
        };
        let stated = ask_kernel(descriptors, purpose)?;
        let now = self.now();
        let mut authn = self.authn.borrow_mut();
        match request {
            AuthnRequest::Attest => {
                let attested = authn.attest(&stated.peer, stated.cookie, now, self.new_id()?)?;
                increment(&self.counts.attested);
                self.context.reporter.report(session_began(&attested.claims));
                Ok(attested)
            }
            AuthnRequest::Renew { session } => {
                let attested = authn.renew(&stated.peer, stated.cookie, now, *session)?;
                increment(&self.counts.renewed);
                Ok(attested)
            }
        }
    }

    fn record_refusal(&self, peer: String, refusal: &Refusal) {
        if refusal.is_recorded() && self.recorded.borrow_mut().take(0, self.now().boottime_ns) {
            let (socket, found) = ("authn.sock".into(), refusal.to_string());
            self.context.reporter.report(Event::Rejected { socket, peer, found });
        }
    }

    /// What this host takes of a bundle.
    fn known(&self, bundle: &Admitted) -> Result<Known, Vec<String>> {
        let tables = bundle.tables().for_host(self.context.config.labels());
        Ok(Known::new(bundle.version(), &tables.map_err(|error| vec![error.to_string()])?))
    }

    fn new_id(&self) -> Result<SessionId, Refusal> {
        let mut id = [0; 16];
        (self.random)(&mut id).map_err(|error| Refusal::Internal(error.to_string()))?;
        Ok(SessionId(id))
    }

    fn now(&self) -> Now {
        Now { unix_ms: self.context.clock.unix_ms(), boottime_ns: self.context.clock.boottime_ns() }
    }
}

impl Handler for Service {
    type Request = AuthnRequest;
    type Reply = AuthnReply;
    const DESCRIPTORS: usize = 1;

    async fn handle(&self, call: Call<'_, AuthnRequest>) -> Result<AuthnReply, Misuse> {
        let Call { peer, request, descriptors, .. } = call;
        match self.answer(&request, descriptors) {
            Ok(Attested { assertion, claims }) => Ok(AuthnReply::Attested { assertion, claims }),
            // No request of this socket is without its descriptor.
            Err(refusal @ Refusal::Descriptors { .. }) => Err(Misuse { found: refusal.to_string() }),
            Err(refusal) => {
                increment(&self.counts.refused);
                self.record_refusal(peer.to_string(), &refusal);
                let reasons = vec![refusal.to_string()];
                Ok(AuthnReply::Refused(Refused { by: self.context.name(), reasons }))
            }
        }
    }
}

impl Duty for Service {
    async fn stage(&self, candidate: &Admitted) -> Result<Option<Signed<Confirmation>>, Vec<String>> {
        // All that is needed of a bundle are its tables, which were checked when it was admitted.
        self.known(candidate)?;
        Ok(None)
    }

    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        let known = self.known(bundle)?;
        self.authn.borrow_mut().activate(known);
        Ok(())
    }

    fn status(&self) -> Value {
        let authn = self.authn.borrow();
        json!({
            "version": authn.known().map(Known::version),
            "services": authn.known().map(Known::services),
            "sessions": authn.sessions(),
            "attested": self.counts.attested.get(),
            "renewed": self.counts.renewed.get(),
            "refused": self.counts.refused.get(),
        })
    }
}

fn session_began(claims: &Assertion) -> Event {
    Event::Session {
        session: claims.session.to_string(),
        source: claims.source_name.clone(),
        uid: claims.uid,
        to: claims.destination,
        attested_by: "kernel".into(),
    }
}

fn increment(count: &Cell<u64>) {
    count.set(count.get().saturating_add(1));
}
