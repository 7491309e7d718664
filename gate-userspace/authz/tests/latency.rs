//! How long one question takes, asked of the real gate-authz over its socket. A measurement, not a test: run it with
//! `cargo test --release -p gate-authz --test latency -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests fail by panicking")]

mod harness;

use gate_host::Role;
use gate_ipc::messages::{AuthzReply, AuthzRequest, Question};
use gate_record::Outcome;
use gate_statements::{Assertion, SessionId, Signed};
use gate_tables::Value;
use harness::{Host, shop};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const WARM_UP: usize = 2_000;
const ASKED: usize = 20_000;

#[test]
#[ignore = "a measurement; prints microseconds"]
fn one_question_at_a_time() {
    let host = Host::new();
    let _recorder = host.record();
    let _daemon = host.start(Role::Authz, env!("CARGO_BIN_EXE_gate-authz"));
    let bundle = host.people.bundle(&shop(), None, |_| ());
    host.load(Role::Authz, &bundle, None);
    let wire = host.connect(Role::Authz);
    let id = |name: &str| bundle.tables().service_named(name).unwrap().id;
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let assertion = Assertion {
        session: SessionId([7; 16]),
        connection: 1,
        token: [0; 32],
        source: id("web"),
        source_name: "web".into(),
        uid: 1000,
        destination: ([127, 0, 0, 1], 8080).into(),
        environment: "demo".into(),
        version: 1,
        issued_ms: now_ms,
        expires_ms: now_ms + 300_000,
    };
    let question = Question {
        assertion: Signed::sign(&assertion, &Host::key(Role::Authn)).unwrap(),
        destination: id("orders"),
        action: "orders.getOrder".into(),
        method: "GET".into(),
        path: "/orders/1".into(),
        parameters: vec![("id".into(), Value::Int(1))],
        host: "orders".into(),
        headers: vec![],
        query: vec![],
        want_grant: false,
    };
    measure(&wire, "one question", &question, 1);
    measure(&wire, "with a grant", &Question { want_grant: true, ..question.clone() }, 1);
    measure(&wire, "a batch of 32", &question, 32);
}

fn measure(wire: &harness::Wire, name: &str, question: &Question, batch: usize) {
    let request = AuthzRequest { version: 1, questions: vec![question.clone(); batch] };
    let rounds = (WARM_UP + ASKED) / batch;
    let mut times: Vec<Duration> = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let begin = Instant::now();
        let reply: AuthzReply = wire.call(&request, &[]);
        times.push(begin.elapsed());
        let AuthzReply::Decided(answers) = reply else { panic!("{reply:?}") };
        assert!(answers.len() == batch && answers.iter().all(|answer| answer.outcome == Outcome::Allow));
    }
    let mut times = times.split_off(WARM_UP / batch);
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1e6;
    println!("{name}: p50 {:.1} µs, p90 {:.1} µs, p99 {:.1} µs", at(50), at(90), at(99));
}
