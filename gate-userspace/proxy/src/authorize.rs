//! May this request pass? The answer is a [`Permit`], which only this module makes and without which nothing is
//! forwarded.

use crate::decisions::Decision;
use crate::declared::Declared;
use crate::grants::{Claim, Pair, State};
use crate::head::Head;
use crate::judge::NoAnswer;
use crate::limits;
use crate::policy::{L7Port, Matched, Policy};
use crate::refusal::Refusal;
use crate::session::{Attested, NoSession, Session};
use crate::worker::Worker;
use gate_ipc::messages::{NetReply, NetRequest, Question};
use gate_statements::{Grant, Signed};
use gate_tables::{ServiceId, Value};
use std::rc::Rc;
use std::sync::Arc;

/// A request that gate-authz allowed, to a backend that the kernel has a grant for.
#[derive(Debug)]
pub struct Permit {
    attested: Rc<Attested>,
    destination: ServiceId,
}

impl Permit {
    /// On whose behalf.
    #[must_use]
    pub fn source(&self) -> ServiceId {
        self.attested.claims.source
    }

    /// Under which bundle version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.attested.claims.version
    }

    /// The pair whose grant it uses.
    #[must_use]
    pub fn pair(&self) -> Pair {
        (self.source(), self.destination)
    }

    /// What is attested of the client.
    #[must_use]
    pub fn attested(&self) -> &Attested {
        &self.attested
    }
}

/// What became known on the way to the answer, for the record.
#[derive(Debug, Default)]
pub struct Findings {
    /// Who asks.
    pub attested: Option<Rc<Attested>>,
    /// Which service is asked for.
    pub destination: String,
    /// What was decided.
    pub decision: Option<Decision>,
}

/// Whether a decision may come from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may.
    Cached,
    /// gate-authz is asked: a running exchange is judged again.
    Asked,
}

/// How often a request looks for a grant that others are getting, before it gives up.
const ATTEMPTS: usize = 4;

type Asked = (Decision, Option<Signed<Grant>>);

/// Why there was no answer.
enum Failure {
    /// Final.
    Refused(Refusal),
    /// gate-authn or gate-authz refuses; it may serve another bundle version.
    Lagging(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Judges one request of a connection. If gate-authn or gate-authz serves another version, this worker waits a moment
/// for its own switch and asks once more.
///
/// # Errors
/// [`Refusal`]: nothing may be forwarded.
pub async fn authorize(
    worker: &Worker,
    session: &Session,
    head: &Head,
    freshness: Freshness,
    findings: &mut Findings,
) -> Result<Permit, Refusal> {
    let asked_under = worker.policy();
    match attempt(worker, &asked_under, session, head, freshness, findings).await {
        Ok(permit) => return Ok(permit),
        Err(Failure::Refused(refusal)) => return Err(refusal),
        Err(Failure::Lagging(_)) => {}
    }
    let policy = worker.policy_after(asked_under.version()).await;
    match attempt(worker, &policy, session, head, freshness, findings).await {
        Ok(permit) => Ok(permit),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::Lagging(why)) => Err(Refusal::unavailable(why).closing(session)),
    }
}

async fn attempt(
    worker: &Worker,
    policy: &Arc<Policy>,
    session: &Session,
    head: &Head,
    freshness: Freshness,
    findings: &mut Findings,
) -> Result<Permit, Failure> {
    let port = policy.port(session.destination().port()).ok_or_else(|| not_served(policy, session))?;
    port.name().clone_into(&mut findings.destination);
    let attested = attested(worker, policy, session).await?;
    findings.attested = Some(Rc::clone(&attested));
    let matched = port
        .route(&head.method, head.target.path(), &head.host)
        .map_err(|error| Refusal::forbidden(error.to_string()))?;
    let declared = Declared::read(matched.headers, matched.query, head).map_err(|refusal| refusal.closing(session))?;
    let case = Case { worker, version: policy.version(), port, attested, matched, declared, head };
    case.decide(freshness, findings).await
}

fn not_served(policy: &Policy, session: &Session) -> Refusal {
    let why = policy.not_served(session.destination().port());
    Refusal::forbidden(why.unwrap_or("the bundle in force declares no L7 port here").to_owned()).closing(session)
}

async fn attested(worker: &Worker, policy: &Policy, session: &Session) -> Result<Rc<Attested>, Failure> {
    session.attested(worker.authn(), policy.version(), worker.now_ms()).await.map_err(|error| match error {
        NoSession::Refused(why) => Failure::Lagging(why),
        NoSession::Unavailable(_) | NoSession::Contradiction { .. } => {
            Refusal::unavailable(error.to_string()).closing(session).into()
        }
    })
}

/// Everything that the decision is about.
struct Case<'a> {
    worker: &'a Worker,
    version: u64,
    port: &'a L7Port,
    attested: Rc<Attested>,
    matched: Matched<'a>,
    declared: Declared,
    head: &'a Head,
}

impl Case<'_> {
    /// Finds a decision and a grant, from what is known or by asking.
    async fn decide(&self, freshness: Freshness, findings: &mut Findings) -> Result<Permit, Failure> {
        let mut known = self.cached(freshness);
        for _ in 0..ATTEMPTS {
            if let Some(decision) = &known {
                findings.decision = Some(decision.clone());
                check(decision)?;
            }
            match (self.worker.grants().state(self.pair(), self.worker.now_ms()), known.is_some()) {
                (State::Live, true) => return Ok(self.permit()),
                (State::Live, false) => known = Some(self.ask(false, findings).await?.0),
                (State::Yours(claim), _) => return self.obtain(claim, findings).await,
                (State::Wait(others), _) => {
                    // Registered before the question, so that the news cannot be missed.
                    let mut news = std::pin::pin!(others.notified());
                    news.as_mut().enable();
                    if known.is_none() {
                        known = Some(self.ask(false, findings).await?.0);
                    }
                    // Whether it came or not, what is known then is looked at anew.
                    let _ = tokio::time::timeout(limits::ASK, news).await;
                }
            }
        }
        Err(Refusal::unavailable("no grant for this source and destination could be had").into())
    }

    /// Asks for a decision and a grant, and has the kernel take the grant.
    async fn obtain(&self, claim: Claim, findings: &mut Findings) -> Result<Permit, Failure> {
        let (decision, grant) = self.ask(true, findings).await?;
        check(&decision)?;
        match self.present(grant).await {
            Ok(until_ms) => claim.granted(until_ms),
            // What lives is used until it ends.
            Err(_) if self.worker.grants().is_live(self.pair(), self.worker.now_ms()) => {}
            Err(refusal) => return Err(refusal.into()),
        }
        Ok(self.permit())
    }

    fn cached(&self, freshness: Freshness) -> Option<Decision> {
        if freshness == Freshness::Asked {
            return None;
        }
        let session = self.attested.claims.session;
        let found = self.worker.decisions().find(session, self.matched.number, self.worker.now_ms());
        if found.is_some() {
            self.worker.counters().cached.up();
        }
        found
    }

    async fn ask(&self, want_grant: bool, findings: &mut Findings) -> Result<Asked, Failure> {
        let own = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
        let question = Question {
            assertion: self.attested.assertion.clone(),
            destination: self.port.service(),
            action: self.matched.action.to_owned(),
            method: self.head.method.to_string(),
            path: self.head.target.path().to_owned(),
            parameters: self.matched.parameters.iter().map(own).collect(),
            host: self.head.host.clone(),
            headers: self.declared.headers.clone(),
            query: self.declared.query.clone(),
            want_grant,
        };
        let answer = self.worker.judge().ask(self.version, question).await.map_err(|error| match error {
            NoAnswer::Refused(refused) => Failure::Lagging(refused.to_string()),
            NoAnswer::Unavailable(_) => Refusal::unavailable(error.to_string()).into(),
        })?;
        let now_ms = self.worker.now_ms();
        if self.version == self.worker.policy().version() {
            let session = self.attested.claims.session;
            self.worker.decisions().remember(session, self.matched.number, &answer, now_ms);
        }
        let decision = Decision::from(&answer);
        findings.decision = Some(decision.clone());
        Ok((decision, answer.grant))
    }

    /// Shows both signatures to gate-net; until when the kernel has the grant.
    async fn present(&self, grant: Option<Signed<Grant>>) -> Result<u64, Refusal> {
        let grant = grant.ok_or_else(|| Refusal::unavailable("gate-authz allowed the request and signed no grant"))?;
        let request = NetRequest::PresentGrant { assertion: self.attested.assertion.clone(), grant };
        match self.worker.net().call(&request, &[]).await {
            Ok(NetReply::Granted { until_ms }) => {
                self.worker.counters().granted.up();
                Ok(until_ms)
            }
            Ok(NetReply::Refused(refused)) => Err(Refusal::unavailable(refused.to_string())),
            Ok(NetReply::Registered) => Err(Refusal::unavailable("gate-net did not answer the question")),
            Err(error) => Err(Refusal::unavailable(format!("gate-net cannot be asked: {error}"))),
        }
    }

    fn pair(&self) -> Pair {
        (self.attested.claims.source, self.port.service())
    }

    fn permit(&self) -> Permit {
        Permit { attested: Rc::clone(&self.attested), destination: self.port.service() }
    }
}

fn check(decision: &Decision) -> Result<(), Refusal> {
    if decision.allowed { Ok(()) } else { Err(Refusal::forbidden(decision.why.to_string())) }
}

impl Refusal {
    /// The same, and no further request is served on the connection.
    fn closing(self, session: &Session) -> Self {
        session.close();
        self
    }
}
