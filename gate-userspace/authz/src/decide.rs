//! From a question to an answer, without sockets, clocks or randomness of its own.

use crate::{Believed, Disbelief, InForce, NoRoute, REMEMBERED, text::clip};
use ed25519_dalek::{SigningKey, VerifyingKey};
use gate_ipc::MAX_BATCH;
use gate_ipc::messages::{Answer, AuthzReply, AuthzRequest, Question, Refused};
use gate_policy::{Decision, LocalTime, Principal, RequestContext};
use gate_record::{Event, Outcome};
use gate_statements::{Assertion, DecisionId, Grant, Signed};
use gate_tables::ServiceId;
use std::rc::Rc;

/// How long an answer that depends on nothing but (session, action, version) may be used again, in milliseconds.
pub const CACHED_MS: u64 = 5_000;

/// Life of a grant, in milliseconds, unless the assertion ends earlier.
pub const GRANT_MS: u64 = 10_000;

/// Most bytes of a denial's reason, so that a full batch of answers fits into one frame.
const MAX_WHY: usize = 256;
/// Most bytes of a method and path in a record, and most rules: a record has a limit of its own.
const MAX_REQUEST: usize = 1_024;
const MAX_RULES: usize = 32;

/// The outside world, as one frame sees it.
pub struct Surroundings<'a> {
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Whether decisions are recorded. Without that there are none.
    pub recording: bool,
    /// Sixteen random bytes for each decision; `None` when there is no randomness.
    pub random: &'a mut dyn FnMut() -> Option<[u8; 16]>,
    /// Takes what is to be recorded.
    pub record: &'a mut dyn FnMut(Event),
}

/// How many decisions were made since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Allowed.
    pub allowed: u64,
    /// Denied.
    pub denied: u64,
    /// Grants signed.
    pub grants: u64,
}

/// The duty.
pub struct Authz {
    key: SigningKey,
    environment: String,
    believed: Believed,
    in_force: Option<InForce>,
    counts: Counts,
}

/// Why there was no decision by the rules: the answer is "deny".
#[derive(Debug, thiserror::Error)]
enum Undecidable {
    #[error(transparent)]
    Assertion(#[from] Disbelief),
    #[error(transparent)]
    Route(#[from] NoRoute),
    #[error("no decision without a record: the spool of reports is full")]
    NoRecord,
    #[error("no decision: there is no randomness")]
    NoRandomness,
}

/// What is known of one question, for its record.
struct Known {
    id: DecisionId,
    /// `None`: nothing that the question states of its source is believed.
    assertion: Option<Rc<Assertion>>,
    destination: ServiceId,
    action: String,
    request: String,
}

impl Authz {
    /// With the role's key, believing gate-authn's, for one environment, before any bundle.
    #[must_use]
    pub fn new(key: SigningKey, authn: VerifyingKey, environment: String) -> Self {
        let believed = Believed::new(authn, environment.clone(), REMEMBERED);
        Self { key, environment, believed, in_force: None, counts: Counts::default() }
    }

    /// Puts a bundle in force.
    pub fn activate(&mut self, in_force: InForce) {
        self.in_force = Some(in_force);
    }

    /// The bundle that is in force.
    #[must_use]
    pub fn in_force(&self) -> Option<&InForce> {
        self.in_force.as_ref()
    }

    /// What was decided since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many assertions are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.believed.len()
    }

    /// Answers one frame.
    pub fn answer(&mut self, request: AuthzRequest, mut world: Surroundings<'_>) -> AuthzReply {
        let Self { key, environment, believed, in_force, counts } = self;
        let refused = |reason: String| AuthzReply::Refused(Refused { by: "gate-authz".into(), reasons: vec![reason] });
        let Some(in_force) = in_force else { return refused("no bundle is active in gate-authz".into()) };
        if request.version != in_force.version() {
            let (found, own) = (request.version, in_force.version());
            return refused(format!("version {found} is active in gate-proxy, version {own} in gate-authz"));
        }
        if request.questions.is_empty() || request.questions.len() > MAX_BATCH {
            return refused(format!("{} questions; 1 to {MAX_BATCH} would be right", request.questions.len()));
        }
        let mut duty = Duty { key, environment, believed, in_force, counts };
        AuthzReply::Decided(request.questions.into_iter().map(|question| duty.one(question, &mut world)).collect())
    }
}

/// [`Authz`] while a bundle is in force.
struct Duty<'a> {
    key: &'a SigningKey,
    environment: &'a str,
    believed: &'a mut Believed,
    in_force: &'a InForce,
    counts: &'a mut Counts,
}

impl Duty<'_> {
    fn one(&mut self, question: Question, world: &mut Surroundings<'_>) -> Answer {
        let Some(random) = (world.random)() else { return self.refuse([0; 16], &Undecidable::NoRandomness, world) };
        if !world.recording {
            return self.refuse(random, &Undecidable::NoRecord, world);
        }
        let mut known = Known {
            id: DecisionId(random),
            assertion: None,
            destination: question.destination,
            action: clip(&question.action, MAX_WHY),
            request: clip(&format!("{} {}", question.method, question.path), MAX_REQUEST),
        };
        let want_grant = question.want_grant;
        match self.judge(question, world.now_ms, &mut known) {
            Ok((assertion, decision)) => self.decided(&known, &assertion, &decision, want_grant, world),
            Err(reason) => {
                let why = clip(&reason.to_string(), MAX_WHY);
                (world.record)(self.event(&known, Outcome::Deny, Vec::new(), why, None));
                self.refuse(random, &reason, world)
            }
        }
    }

    /// Believes the assertion, checks that the question is about what was attested, and asks the rules.
    fn judge(
        &mut self,
        question: Question,
        now_ms: u64,
        known: &mut Known,
    ) -> Result<(Rc<Assertion>, Decision), Undecidable> {
        let assertion = self.believed.check(&question.assertion, self.in_force.version(), now_ms)?;
        known.assertion = Some(Rc::clone(&assertion));
        let port = assertion.destination.port();
        self.in_force.listeners().check(port, &question)?;
        let Question { destination, action, method, path, parameters, host, headers, query, .. } = question;
        let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        let context = RequestContext {
            params: parameters,
            method,
            path,
            host,
            headers,
            query,
            // Nothing verifies tokens yet: rules that need a user deny.
            user: None,
            source_uid: Some(assertion.uid),
            now,
            local: LocalTime::at(now, 0),
        };
        let decider = self.in_force.decider();
        let action_id = decider.action_named(&action).ok_or(NoRoute::Action { port, action })?;
        let decision = decider.decide(Principal::from(assertion.source), action_id, destination, &context);
        Ok((assertion, decision))
    }

    fn decided(
        &mut self,
        known: &Known,
        assertion: &Assertion,
        decision: &Decision,
        want_grant: bool,
        world: &mut Surroundings<'_>,
    ) -> Answer {
        let until = |life: u64| world.now_ms.saturating_add(life).min(assertion.expires_ms);
        let outcome = if decision.allow { Outcome::Allow } else { Outcome::Deny };
        let why = if decision.allow { String::new() } else { self.why(known, assertion, decision) };
        let grant = (decision.allow && want_grant).then(|| self.grant(known, assertion, world.now_ms, until(GRANT_MS)));
        let grant = grant.flatten();
        self.count(decision.allow, grant.is_some());
        let rules = decision.rules.iter().take(MAX_RULES).map(|rule| rule.to_string()).collect();
        (world.record)(self.event(known, outcome, rules, why.clone(), grant.is_some().then(|| until(GRANT_MS))));
        let expires_ms = if decision.cacheable { until(CACHED_MS) } else { world.now_ms };
        Answer { decision: known.id, outcome, why, cacheable: decision.cacheable, expires_ms, grant }
    }

    /// `None` when it cannot be encoded: the kernel then admits nothing.
    fn grant(&self, known: &Known, assertion: &Assertion, issued_ms: u64, until_ms: u64) -> Option<Signed<Grant>> {
        let grant = Grant {
            session: assertion.session,
            decision: known.id,
            source: assertion.source,
            destination: known.destination,
            environment: self.environment.to_owned(),
            version: self.in_force.version(),
            issued_ms,
            until_ms,
        };
        Signed::sign(&grant, self.key).ok()
    }

    fn why(&self, known: &Known, assertion: &Assertion, decision: &Decision) -> String {
        let why = if !decision.errors.is_empty() {
            let errors: Vec<String> = decision.errors.iter().map(ToString::to_string).collect();
            format!("a rule could not be evaluated: {}", errors.join("; "))
        } else if decision.rules.is_empty() {
            let source = if assertion.source.0 == 0 { "host" } else { &assertion.source_name };
            format!("no rule permits {source} the action {} on {}", known.action, self.in_force.name(known.destination))
        } else {
            format!("forbidden by {}", decision.rules.join(", "))
        };
        clip(&why, MAX_WHY)
    }

    /// A denial that no rule decided: never used again.
    fn refuse(&mut self, random: [u8; 16], reason: &Undecidable, world: &Surroundings<'_>) -> Answer {
        self.count(false, false);
        Answer {
            decision: DecisionId(random),
            outcome: Outcome::Deny,
            why: clip(&reason.to_string(), MAX_WHY),
            cacheable: false,
            expires_ms: world.now_ms,
            grant: None,
        }
    }

    fn event(
        &self,
        known: &Known,
        outcome: Outcome,
        rules: Vec<String>,
        why: String,
        grant_until_ms: Option<u64>,
    ) -> Event {
        let assertion = known.assertion.as_deref();
        Event::Decision {
            decision: known.id.to_string(),
            session: assertion.map(|assertion| assertion.session.to_string()).unwrap_or_default(),
            source: assertion.map(|assertion| assertion.source_name.clone()).unwrap_or_default(),
            destination: self.in_force.name(known.destination).to_owned(),
            action: known.action.clone(),
            request: known.request.clone(),
            outcome,
            rules,
            why,
            grant_until_ms,
        }
    }

    fn count(&mut self, allowed: bool, grant: bool) {
        self.counts.allowed += u64::from(allowed);
        self.counts.denied += u64::from(!allowed);
        self.counts.grants += u64::from(grant);
    }
}

#[cfg(test)]
mod tests;
