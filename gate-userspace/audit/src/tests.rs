//! The parts that need no other process.

mod budget;
mod reconcile;
mod report;
mod writer;

use gate_record::{Event, Outcome, Report};

const SESSION: &str = "000102030405060708090a0b0c0d0e0f";

fn report(event: Event) -> Report {
    Report { time_ms: 1, version: 1, bundle: "ab".repeat(32), event }
}

fn decision(id: &str, outcome: Outcome) -> Event {
    Event::Decision {
        decision: id.into(),
        session: SESSION.into(),
        source: "web".into(),
        destination: "orders".into(),
        action: "orders.getOrder".into(),
        request: "GET /orders/1".into(),
        outcome,
        rules: Vec::new(),
        why: String::new(),
        grant_until_ms: None,
    }
}

fn enforcement(id: Option<&str>, session: Option<&str>, source: &str, destination: &str) -> Event {
    Event::Enforcement {
        request_id: "r1".into(),
        decision: id.map(str::to_owned),
        session: session.map(str::to_owned),
        source: source.into(),
        destination: destination.into(),
        request: "GET /orders/1".into(),
        status: 200,
        outcome: Outcome::Allow,
        why: String::new(),
    }
}

fn flow(source: &str, outcome: Outcome) -> Event {
    Event::Flow {
        outcome,
        hook: "connect".into(),
        why: String::new(),
        source: source.into(),
        destination: "ledger".into(),
        from: None,
        to: ([127, 0, 0, 1], 9000).into(),
        uid: None,
        rule: None,
    }
}

fn grant(id: &str, outcome: Outcome) -> Event {
    Event::Grant {
        session: SESSION.into(),
        decision: id.into(),
        source: "web".into(),
        destination: "orders".into(),
        until_ms: 1,
        outcome,
        why: String::new(),
    }
}
