//! Was what was done also decided?
//!
//! gate-authz reports decisions, gate-proxy what it let through, gate-net which grants it put into the kernel: each by
//! itself, over its own connection, so that the order of arrival means nothing. Whatever was let through must name a
//! decision that allowed it, for the same session, source and destination. If none arrives in time, that is raised.

use gate_record::{Event, Outcome, Report};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::rc::Rc;

/// How long a decision may be named. Decisions that may be used again last seconds; this is far more.
const KEPT_MS: u64 = 600_000;
/// Most decisions that are remembered.
const MAX_DECISIONS: usize = 262_144;
/// How long a decision may arrive after what rests on it.
const GRACE_MS: u64 = 10_000;
/// Most acts that wait for their decision.
const MAX_WAITING: usize = 65_536;
/// Names that are kept once for all decisions.
const MAX_NAMES: usize = 32_768;

/// Remembers decisions and compares acts with them.
#[derive(Debug, Default)]
pub struct Reconciler {
    decisions: HashMap<u128, Decided>,
    order: VecDeque<(u64, u128)>,
    /// Acts without a decision, by the decision that they name.
    waiting: HashMap<u128, Vec<Waiting>>,
    /// When each act began to wait; of those that wait no longer, too.
    began: VecDeque<(u64, u128)>,
    acts: usize,
    names: HashMap<String, Rc<str>>,
    unchecked: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Decided {
    scope: Scope,
    outcome: Outcome,
}

/// What decision and act must have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scope {
    session: Option<u128>,
    source: Rc<str>,
    destination: Rc<str>,
}

/// Something that was let through, and waits for its decision.
#[derive(Debug)]
struct Waiting {
    decision: u128,
    scope: Scope,
    act: Act<String>,
}

/// What was let through. Words are made of it only where something is wrong: there is one for each request.
#[derive(Debug, Clone, Copy)]
enum Act<Text> {
    /// By gate-proxy, with its number.
    Request(Text),
    /// By gate-net.
    Grant,
}

impl<Text: AsRef<str>> Act<Text> {
    fn keep(&self) -> Act<String> {
        match self {
            Self::Request(id) => Act::Request(id.as_ref().to_owned()),
            Self::Grant => Act::Grant,
        }
    }
}

impl<Text: AsRef<str>> fmt::Display for Act<Text> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(id) => write!(f, "gate-proxy let request {} through", id.as_ref()),
            Self::Grant => f.write_str("gate-net put a grant into the kernel"),
        }
    }
}

impl Reconciler {
    /// Takes note of one report that was received at `now_ms`. What contradicts a decision at once is returned.
    pub fn observe(&mut self, report: &Report, now_ms: u64) -> Option<String> {
        match &report.event {
            Event::Decision { decision, session, source, destination, outcome, .. } => {
                let scope = self.scope(Some(session), source, destination);
                self.decide(decision, Decided { scope, outcome: *outcome }, now_ms)
            }
            Event::Enforcement {
                request_id, decision, session, source, destination, outcome: Outcome::Allow, ..
            } => {
                let scope = self.scope(session.as_deref(), source, destination);
                self.act(Act::Request(request_id), decision.as_deref(), scope, now_ms)
            }
            Event::Grant { session, decision, source, destination, outcome: Outcome::Allow, .. } => {
                let scope = self.scope(Some(session), source, destination);
                self.act(Act::<&str>::Grant, Some(decision), scope, now_ms)
            }
            _ => None,
        }
    }

    /// What has waited for its decision too long; forgets old decisions.
    pub fn expire(&mut self, now_ms: u64) -> Vec<Event> {
        while let Some((_, id)) = self.order.pop_front_if(|(at, _)| at.saturating_add(KEPT_MS) < now_ms) {
            self.decisions.remove(&id);
        }
        let mut events = Vec::new();
        while let Some((_, id)) = self.began.pop_front_if(|(at, _)| at.saturating_add(GRACE_MS) < now_ms) {
            for Waiting { act, decision, .. } in self.waiting.remove(&id).unwrap_or_default() {
                self.acts -= 1;
                let found = format!("{act} by decision {decision:032x}, which gate-authz has not reported");
                events.push(Event::Mismatch { found });
            }
        }
        let count = std::mem::take(&mut self.unchecked);
        if count > 0 {
            events.push(Event::Loss { what: "reconciliation".into(), source: String::new(), count });
        }
        events
    }

    /// How many decisions are remembered, and how many acts wait for theirs.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.decisions.len(), self.acts)
    }

    fn decide(&mut self, text: &str, decided: Decided, now_ms: u64) -> Option<String> {
        let Some(id) = number(text) else {
            return Some(format!("gate-authz reported a decision {text:.80?}, which is no decision's number"));
        };
        if let Some(known) = self.decisions.get(&id) {
            // A report that was sent twice says the same.
            return (*known != decided).then(|| format!("gate-authz reported decision {text} twice, and differently"));
        }
        let acts = self.waiting.remove(&id).unwrap_or_default();
        self.acts -= acts.len();
        let wrong = acts.iter().find_map(|waiting| contradiction(&waiting.act, id, &waiting.scope, &decided));
        self.decisions.insert(id, decided);
        self.order.push_back((now_ms, id));
        if self.order.len() > MAX_DECISIONS
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.decisions.remove(&oldest);
        }
        wrong
    }

    fn act<Text: AsRef<str>>(
        &mut self,
        act: Act<Text>,
        decision: Option<&str>,
        scope: Scope,
        now_ms: u64,
    ) -> Option<String> {
        let Some(decision) = decision else {
            return Some(format!("{act} and names no decision"));
        };
        let Some(id) = number(decision) else {
            return Some(format!("{act} and names {decision:.80?}, which is no decision's number"));
        };
        match self.decisions.get(&id) {
            Some(decided) => contradiction(&act, id, &scope, decided),
            None if self.acts < MAX_WAITING => {
                self.acts += 1;
                self.began.push_back((now_ms, id));
                self.waiting.entry(id).or_default().push(Waiting { decision: id, scope, act: act.keep() });
                None
            }
            None => {
                self.unchecked += 1;
                None
            }
        }
    }

    fn scope(&mut self, session: Option<&str>, source: &str, destination: &str) -> Scope {
        Scope { session: session.and_then(number), source: self.name(source), destination: self.name(destination) }
    }

    fn name(&mut self, name: &str) -> Rc<str> {
        if let Some(known) = self.names.get(name) {
            return Rc::clone(known);
        }
        if self.names.len() >= MAX_NAMES {
            self.names.clear();
        }
        let shared: Rc<str> = name.into();
        self.names.insert(name.to_owned(), Rc::clone(&shared));
        shared
    }
}

fn contradiction<Text: AsRef<str>>(
    act: &Act<Text>,
    decision: u128,
    scope: &Scope,
    decided: &Decided,
) -> Option<String> {
    if decided.outcome != Outcome::Allow {
        return Some(format!("{act} by decision {decision:032x}, which denied it"));
    }
    if scope.session.is_none() || *scope != decided.scope {
        let (made, used) = (in_words(&decided.scope), in_words(scope));
        return Some(format!("{act} by decision {decision:032x} for {used}; the decision was made for {made}"));
    }
    None
}

fn in_words(scope: &Scope) -> String {
    let session = scope.session.map_or("no session".to_owned(), |session| format!("session {session:032x}"));
    format!("{session}, {:?} to {:?}", scope.source, scope.destination)
}

/// A session's or decision's number: 32 lower-case hexadecimal digits.
fn number(text: &str) -> Option<u128> {
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (text.len() == 32 && digits).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
