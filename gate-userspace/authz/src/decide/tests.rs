use super::*;
use crate::testing::{NOW, assertion, authn_key, authz_key, id, in_force, signed};
use gate_statements::SessionId;
use gate_tables::Value;

fn authz() -> Authz {
    let mut authz = Authz::new(authz_key(), authn_key().verifying_key(), "demo".into());
    authz.activate(in_force(4));
    authz
}

fn question(assertion: &Assertion, method: &str, order: Option<i64>) -> Question {
    let action = match method {
        "GET" => "orders.getOrder",
        "DELETE" => "orders.cancelOrder",
        _ => "orders.createOrder",
    };
    Question {
        assertion: signed(assertion),
        destination: id("orders"),
        action: action.into(),
        method: method.into(),
        path: order.map_or_else(|| "/orders".into(), |order| format!("/orders/{order}")),
        parameters: order.map(|order| ("id".into(), Value::Int(order))).into_iter().collect(),
        host: "orders".into(),
        headers: vec![],
        query: vec![],
        want_grant: false,
    }
}

fn ask_at(authz: &mut Authz, now_ms: u64, questions: Vec<Question>) -> (AuthzReply, Vec<Event>) {
    let mut events = Vec::new();
    let mut next = 0;
    let mut random = || {
        next += 1;
        Some([next; 16])
    };
    let mut record = |event| events.push(event);
    let world = Surroundings { now_ms, recording: true, random: &mut random, record: &mut record };
    let reply = authz.answer(AuthzRequest { version: 4, questions }, world);
    (reply, events)
}

fn one(authz: &mut Authz, question: Question) -> (Answer, Event) {
    let (reply, mut events) = ask_at(authz, NOW, vec![question]);
    let AuthzReply::Decided(mut answers) = reply else { panic!("{reply:?}") };
    assert_eq!((answers.len(), events.len()), (1, 1));
    (answers.remove(0), events.remove(0))
}

fn denied(authz: &mut Authz, question: Question) -> String {
    let (answer, event) = one(authz, question);
    assert_eq!(answer.outcome, Outcome::Deny);
    assert_eq!(answer.grant, None);
    let Event::Decision { outcome, why, grant_until_ms, .. } = event else { panic!("{event:?}") };
    assert_eq!((outcome, why.as_str(), grant_until_ms), (Outcome::Deny, answer.why.as_str(), None));
    answer.why
}

#[test]
fn a_permitted_request_is_allowed_recorded_and_may_be_cached() {
    let (answer, event) = one(&mut authz(), question(&assertion("web"), "GET", Some(1)));
    let expected = Answer {
        decision: DecisionId([1; 16]),
        outcome: Outcome::Allow,
        why: String::new(),
        cacheable: true,
        expires_ms: NOW + CACHED_MS,
        grant: None,
    };
    assert_eq!(answer, expected);
    let expected = Event::Decision {
        decision: "01".repeat(16),
        session: "05".repeat(16),
        source: "web".into(),
        destination: "orders".into(),
        action: "orders.getOrder".into(),
        request: "GET /orders/1".into(),
        outcome: Outcome::Allow,
        rules: vec!["web-reads-orders".into()],
        why: String::new(),
        grant_until_ms: None,
    };
    assert_eq!(event, expected);
}

#[test]
fn what_no_rule_permits_or_one_forbids_is_denied() {
    let mut authz = authz();
    assert_eq!(denied(&mut authz, question(&assertion("web"), "DELETE", Some(1))), "forbidden by nobody-cancels");
    assert_eq!(
        denied(&mut authz, question(&assertion(""), "GET", Some(1))),
        "no rule permits host the action orders.getOrder on orders"
    );
    assert_eq!(
        denied(&mut authz, question(&assertion("batch"), "DELETE", Some(1))),
        "no rule permits batch the action orders.cancelOrder on orders"
    );
}

#[test]
fn conditions_read_what_was_attested_and_what_was_asked() {
    let mut authz = authz();
    let web = assertion("web");
    let (answer, _) = one(&mut authz, question(&web, "POST", None));
    assert_eq!((answer.outcome, answer.cacheable), (Outcome::Allow, true));
    let root = Assertion { uid: 0, ..web };
    assert!(denied(&mut authz, question(&root, "POST", None)).contains("no rule permits web"));

    let (answer, _) = one(&mut authz, question(&assertion("batch"), "GET", Some(9)));
    assert_eq!((answer.outcome, answer.cacheable, answer.expires_ms), (Outcome::Allow, false, NOW));
    denied(&mut authz, question(&assertion("batch"), "GET", Some(10)));
}

/// Of one session: what the proxy was told about an earlier request must not answer for the next.
#[test]
fn a_forbid_that_reads_host_headers_or_query_holds_for_the_next_request_of_a_session() {
    let mut authz = authz();
    let plain = || Question {
        action: "orders.search".into(),
        path: "/search".into(),
        parameters: vec![],
        ..question(&assertion("web"), "GET", None)
    };
    let limit = |value| vec![("limit".to_owned(), Value::Int(value))];
    let tenant = vec![("x-tenant".to_owned(), Value::Text("a".into()))];
    for (forbidden, rule) in [
        (Question { headers: tenant, ..plain() }, "not-for-tenants"),
        (Question { query: limit(101), ..plain() }, "few-at-once"),
        (Question { host: "old.shop.example".into(), ..plain() }, "not-the-old-name"),
    ] {
        let (answer, _) = one(&mut authz, Question { query: limit(100), ..plain() });
        assert_eq!(
            (answer.outcome, answer.cacheable, answer.expires_ms),
            (Outcome::Allow, false, NOW),
            "{}",
            answer.why
        );
        assert_eq!(denied(&mut authz, forbidden), format!("forbidden by {rule}"));
    }
}

#[test]
fn a_grant_is_signed_with_an_allow_that_asks_for_it() {
    let mut authz = authz();
    let asked = |method, order| Question { want_grant: true, ..question(&assertion("web"), method, order) };
    let (answer, event) = one(&mut authz, asked("GET", Some(1)));
    let grant = answer.grant.unwrap().verify(&authz_key().verifying_key()).unwrap();
    let expected = Grant {
        session: SessionId([5; 16]),
        decision: DecisionId([1; 16]),
        source: id("web"),
        destination: id("orders"),
        environment: "demo".into(),
        version: 4,
        issued_ms: NOW,
        until_ms: NOW + GRANT_MS,
    };
    assert_eq!(grant, expected);
    assert_eq!(grant.check_time(NOW), Ok(()));
    let Event::Decision { grant_until_ms, .. } = event else { panic!() };
    assert_eq!(grant_until_ms, Some(NOW + GRANT_MS));
    denied(&mut authz, asked("DELETE", Some(1)));
    assert_eq!(authz.counts(), Counts { allowed: 1, denied: 1, grants: 1 });
}

#[test]
fn nothing_outlives_the_assertion() {
    let short = Assertion { expires_ms: NOW + 2_000, ..assertion("web") };
    let asked = Question { want_grant: true, ..question(&short, "GET", Some(1)) };
    let (answer, _) = one(&mut authz(), asked);
    assert_eq!(answer.expires_ms, NOW + 2_000);
    let grant = answer.grant.unwrap().verify(&authz_key().verifying_key()).unwrap();
    assert_eq!(grant.until_ms, NOW + 2_000);
}

#[test]
fn a_forged_assertion_is_denied_with_its_reason_and_names_nobody_in_the_record() {
    let web = assertion("web");
    let by = |key| Signed::sign(&web, key).unwrap();
    let wrong: Vec<(Signed<Assertion>, &str)> = vec![
        (by(&authz_key()), "not by the enrolled key"),
        (by(&SigningKey::from_bytes(&[9; 32])), "not by the enrolled key"),
        (signed(&Assertion { expires_ms: NOW, ..web.clone() }), "it has expired"),
        (signed(&Assertion { issued_ms: NOW + 60_000, ..web.clone() }), "in the future"),
        (signed(&Assertion { expires_ms: NOW + 900_000, ..web.clone() }), "longer life"),
        (signed(&Assertion { environment: "prod".into(), ..web.clone() }), "is for environment \"prod\""),
        (signed(&Assertion { version: 3, ..web.clone() }), "made under bundle version 3, version 4 is active"),
        (signed(&Assertion { version: 5, ..web.clone() }), "made under bundle version 5, version 4 is active"),
    ];
    for (assertion, expected) in wrong {
        let asked = Question { assertion, want_grant: true, ..question(&web, "GET", Some(1)) };
        let (answer, event) = one(&mut authz(), asked);
        assert_eq!((answer.outcome, answer.cacheable, answer.expires_ms), (Outcome::Deny, false, NOW));
        assert!(answer.why.contains(expected) && answer.grant.is_none(), "{}", answer.why);
        let Event::Decision { session, source, .. } = event else { panic!() };
        assert_eq!((session.as_str(), source.as_str()), ("", ""), "{expected}");
    }
}

#[test]
fn a_question_about_anything_but_the_attested_port_is_denied() {
    let web = assertion("web");
    let elsewhere = Assertion { destination: ([127, 0, 0, 1], 9000).into(), ..web.clone() };
    assert!(denied(&mut authz(), question(&elsewhere, "GET", Some(1))).contains("port 9000, which is no L7 port"));
    let other = Question { destination: id("ledger"), ..question(&web, "GET", Some(1)) };
    assert!(denied(&mut authz(), other).contains("no L7 port of service"));
    let unknown = Question { action: "orders.steal".into(), ..question(&web, "GET", Some(1)) };
    assert_eq!(denied(&mut authz(), unknown), "port 8080 has no route \"orders.steal\"");
    let disguised = Question { action: "orders.getOrder".into(), ..question(&web, "DELETE", Some(1)) };
    assert!(denied(&mut authz(), disguised).contains("is not one of route \"orders.getOrder\""));
}

#[test]
fn without_a_record_there_is_no_decision() {
    let mut authz = authz();
    let questions = vec![question(&assertion("web"), "GET", Some(1))];
    let mut record = |event| panic!("recorded {event:?}");
    let mut random = || Some([1; 16]);
    let world = Surroundings { now_ms: NOW, recording: false, random: &mut random, record: &mut record };
    let AuthzReply::Decided(answers) = authz.answer(AuthzRequest { version: 4, questions }, world) else { panic!() };
    assert_eq!(answers[0].outcome, Outcome::Deny);
    assert!(answers[0].why.contains("no decision without a record"));
}

#[test]
fn another_version_and_a_bad_batch_are_refused_whole() {
    let asked = || question(&assertion("web"), "GET", Some(1));
    let refused = |authz: &mut Authz, version, questions| {
        let world = Surroundings { now_ms: NOW, recording: true, random: &mut || Some([1; 16]), record: &mut |_| () };
        match authz.answer(AuthzRequest { version, questions }, world) {
            AuthzReply::Refused(refused) => refused.to_string(),
            AuthzReply::Decided(answers) => panic!("{answers:?}"),
        }
    };
    for version in [0, 3, 5] {
        let found = refused(&mut authz(), version, vec![asked()]);
        assert_eq!(found, format!("gate-authz: version {version} is active in gate-proxy, version 4 in gate-authz"));
    }
    assert!(refused(&mut authz(), 4, vec![]).contains("0 questions"));
    assert!(refused(&mut authz(), 4, vec![asked(); MAX_BATCH + 1]).contains("257 questions"));
    let mut empty = Authz::new(authz_key(), authn_key().verifying_key(), "demo".into());
    assert!(refused(&mut empty, 4, vec![asked()]).contains("no bundle is active"));
}

#[test]
fn a_batch_is_answered_in_order() {
    let (good, bad) = (question(&assertion("web"), "GET", Some(1)), question(&assertion("web"), "DELETE", Some(1)));
    let (reply, events) = ask_at(&mut authz(), NOW, vec![good.clone(), bad, good]);
    let AuthzReply::Decided(answers) = reply else { panic!() };
    let outcomes: Vec<Outcome> = answers.iter().map(|answer| answer.outcome).collect();
    assert_eq!(outcomes, [Outcome::Allow, Outcome::Deny, Outcome::Allow]);
    assert_eq!(events.len(), 3);
}

#[test]
fn the_largest_answer_of_a_full_batch_fits_into_a_frame() {
    let long = "x".repeat(60_000);
    let asked = Question { action: long.clone(), path: long, ..question(&assertion("web"), "GET", Some(1)) };
    let (answer, event) = one(&mut authz(), asked);
    let with_grant = Question { want_grant: true, ..question(&assertion("web"), "GET", Some(1)) };
    let (granted, _) = one(&mut authz(), with_grant);
    let largest = Answer { why: answer.why, grant: granted.grant, ..answer };
    let reply = AuthzReply::Decided(vec![largest; MAX_BATCH]);
    assert!(postcard::to_allocvec(&reply).unwrap().len() <= gate_ipc::MAX_FRAME);
    assert!(serde_json::to_vec(&event).unwrap().len() < gate_record::MAX_ENTRY / 2);
}
