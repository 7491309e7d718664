//! What a worker reports: one enforcement per answered request, exactly once, however the request ends.

use crate::authorize::Findings;
use crate::decisions::Decision;
use crate::limits;
use gate_record::{Event, Outcome};
use gate_statements::SessionId;
use hyper::StatusCode;
use std::rc::Rc;

/// Where reports go.
pub trait Record {
    /// Reports an event. Never waits.
    fn report(&self, event: Event);

    /// Whether reports are taken. `false`: nothing is served, because it would leave no trace.
    fn accepts(&self) -> bool;
}

impl Record for gate_daemon::Reporter {
    fn report(&self, event: Event) {
        Self::report(self, event);
    }

    fn accepts(&self) -> bool {
        Self::accepts(self)
    }
}

impl Record for gate_daemon::LocalReporter {
    fn report(&self, event: Event) {
        Self::report(self, event);
    }

    fn accepts(&self) -> bool {
        Self::accepts(self)
    }
}

/// nginx's number for a client that went away before its answer.
const CLIENT_GONE: u16 = 499;

/// The record of one request. It is written when the answer is known, and at the latest when it is dropped.
pub struct Entry {
    record: Rc<dyn Record>,
    request_id: Rc<str>,
    session: Option<SessionId>,
    source: String,
    destination: String,
    request: String,
    decision: Option<Decision>,
    written: bool,
}

impl Entry {
    /// Of a request that has just come in.
    #[must_use]
    pub fn new(record: Rc<dyn Record>, request_id: Rc<str>, request: String) -> Self {
        Self {
            record,
            request_id,
            session: None,
            source: String::new(),
            destination: String::new(),
            request,
            decision: None,
            written: false,
        }
    }

    /// Adds what has become known.
    pub fn fill(&mut self, findings: &Findings) {
        if let Some(attested) = &findings.attested {
            self.session = Some(attested.claims.session);
            self.source.clone_from(&attested.claims.source_name);
        }
        if !findings.destination.is_empty() {
            self.destination.clone_from(&findings.destination);
        }
        if findings.decision.is_some() {
            self.decision.clone_from(&findings.decision);
        }
    }

    /// It was answered with the backend's response.
    pub fn forwarded(mut self, status: StatusCode) {
        self.write(status.as_u16(), Outcome::Allow, String::new());
    }

    /// It was refused by the proxy.
    pub fn refused(mut self, status: StatusCode, why: &str) {
        self.write(status.as_u16(), Outcome::Deny, why.to_owned());
    }

    /// It was let through, and the backend failed.
    pub fn failed(mut self, status: StatusCode, why: &str) {
        self.write(status.as_u16(), Outcome::Allow, why.to_owned());
    }

    fn write(&mut self, status: u16, outcome: Outcome, why: String) {
        self.written = true;
        self.record.report(Event::Enforcement {
            request_id: self.request_id.to_string(),
            decision: self.decision.as_ref().map(|decision| decision.id.to_string()),
            session: self.session.map(|session| session.to_string()),
            source: std::mem::take(&mut self.source),
            destination: std::mem::take(&mut self.destination),
            request: std::mem::take(&mut self.request),
            status,
            outcome,
            why,
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.written {
            let outcome = match &self.decision {
                Some(decision) if decision.allowed => Outcome::Allow,
                _ => Outcome::Deny,
            };
            self.write(CLIENT_GONE, outcome, "the client went away before the answer".into());
        }
    }
}

/// Method and path, short enough for a record.
#[must_use]
pub fn describe(method: &hyper::Method, path: &str) -> String {
    let end = path.char_indices().map(|(at, _)| at).nth(limits::RECORDED).unwrap_or(path.len());
    format!("{method} {}", path.get(..end).unwrap_or_default())
}
