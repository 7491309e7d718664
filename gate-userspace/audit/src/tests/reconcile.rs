use super::{SESSION, decision, enforcement, grant, report};
use crate::Reconciler;
use gate_record::{Event, Outcome};

const ONE: &str = "11111111111111111111111111111111";
const OTHER: &str = "22222222222222222222222222222222";

/// What is raised when these events arrive at these times, and after everything has had its time.
fn raised(events: impl IntoIterator<Item = (u64, Event)>) -> Vec<String> {
    let mut reconciler = Reconciler::default();
    let mut found = Vec::new();
    for (now, event) in events {
        found.extend(reconciler.observe(&report(event), now));
    }
    found.extend(reconciler.expire(100_000).into_iter().map(|event| match event {
        Event::Mismatch { found } => found,
        other => format!("{other:?}"),
    }));
    found
}

fn let_through(id: &str) -> Event {
    enforcement(Some(id), Some(SESSION), "web", "orders")
}

#[test]
fn what_was_decided_is_in_order_whichever_report_comes_first() {
    let allow = || (5, decision(ONE, Outcome::Allow));
    assert!(
        raised([allow(), (6, let_through(ONE)), (7, let_through(ONE)), (8, grant(ONE, Outcome::Allow))]).is_empty()
    );
    assert!(raised([(1, let_through(ONE)), (2, grant(ONE, Outcome::Allow)), allow()]).is_empty());
    // A report that was sent twice.
    assert!(raised([allow(), allow(), (6, let_through(ONE))]).is_empty());
}

#[test]
fn what_nobody_decided_is_raised() {
    let found = raised([(1, decision(OTHER, Outcome::Allow)), (2, let_through(ONE)), (3, grant(ONE, Outcome::Allow))]);
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0],
        format!("gate-proxy let request r1 through by decision {ONE}, which gate-authz has not reported")
    );
    assert!(found[1].starts_with("gate-net put a grant into the kernel by decision"), "{found:?}");
    let none = raised([(1, enforcement(None, Some(SESSION), "web", "orders"))]);
    assert_eq!(none, ["gate-proxy let request r1 through and names no decision"]);
    let garbage = raised([(1, let_through("12"))]);
    assert!(garbage[0].contains("names \"12\", which is no decision's number"), "{garbage:?}");
}

#[test]
fn a_decision_that_comes_too_late_is_too_late() {
    let mut reconciler = Reconciler::default();
    assert_eq!(reconciler.observe(&report(let_through(ONE)), 1_000), None);
    assert!(reconciler.expire(11_000).is_empty(), "it still has time");
    assert_eq!(reconciler.expire(11_001).len(), 1);
    assert!(reconciler.expire(20_000).is_empty(), "once");
}

#[test]
fn a_denial_lets_nothing_through() {
    for outcome in [Outcome::Deny, Outcome::WouldDeny] {
        for events in [
            [(1, decision(ONE, outcome)), (2, let_through(ONE))],
            [(1, let_through(ONE)), (2, decision(ONE, outcome))],
            [(1, decision(ONE, outcome)), (2, grant(ONE, Outcome::Allow))],
        ] {
            let found = raised(events);
            assert!(found.len() == 1 && found[0].ends_with("which denied it"), "{found:?}");
        }
    }
}

#[test]
fn a_decision_is_for_its_session_source_and_destination() {
    for (session, source, destination) in [
        (Some(OTHER), "web", "orders"),
        (None, "web", "orders"),
        (Some("web"), "web", "orders"),
        (Some(SESSION), "batch", "orders"),
        (Some(SESSION), "", "orders"),
        (Some(SESSION), "web", "ledger"),
    ] {
        let used = || (2, enforcement(Some(ONE), session, source, destination));
        for events in [[(1, decision(ONE, Outcome::Allow)), used()], [used(), (3, decision(ONE, Outcome::Allow))]] {
            let found = raised(events);
            assert!(found.len() == 1 && found[0].contains("the decision was made for"), "{session:?}: {found:?}");
        }
    }
}

#[test]
fn refusals_need_no_decision() {
    let Event::Enforcement { request_id, request, status, source, destination, .. } = let_through(ONE) else {
        panic!()
    };
    let refused = Event::Enforcement {
        request_id,
        request,
        status,
        source,
        destination,
        decision: None,
        session: None,
        outcome: Outcome::Deny,
        why: "no such route".into(),
    };
    assert!(raised([(1, refused), (2, grant(ONE, Outcome::Deny))]).is_empty());
}

#[test]
fn one_number_is_one_decision() {
    let found = raised([(1, decision(ONE, Outcome::Deny)), (2, decision(ONE, Outcome::Allow)), (3, let_through(ONE))]);
    assert!(found[0].contains("twice, and differently"), "{found:?}");
    assert!(found[1].ends_with("which denied it"), "the first one counts: {found:?}");
    let found = raised([(1, decision("x", Outcome::Allow))]);
    assert!(found[0].contains("no decision's number"), "{found:?}");
}

#[test]
fn old_decisions_are_forgotten_and_memory_is_bounded() {
    let mut reconciler = Reconciler::default();
    for number in 0..300_000_u128 {
        reconciler.observe(&report(decision(&format!("{number:032x}"), Outcome::Allow)), 1_000);
        reconciler.observe(&report(let_through(&format!("{:032x}", number + (1 << 64)))), 1_000);
    }
    assert_eq!(reconciler.counts(), (262_144, 65_536));
    let events = reconciler.expire(1_001);
    assert!(matches!(events.as_slice(), [Event::Loss { count: 234_464, .. }]), "{events:?}");
    reconciler.expire(601_001);
    assert_eq!(reconciler.counts(), (0, 0));
}
