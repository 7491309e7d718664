use super::*;

fn answer(number: u8, cacheable: bool, expires_ms: u64) -> Answer {
    Answer {
        decision: DecisionId([number; 16]),
        outcome: Outcome::Allow,
        why: String::new(),
        cacheable,
        expires_ms,
        grant: None,
    }
}

const SESSION: SessionId = SessionId([1; 16]);

#[test]
fn an_answer_is_used_until_it_expires_and_for_nothing_else() {
    let mut cache = Decisions::new(8);
    cache.remember(SESSION, 1, &answer(9, true, 100), 0);
    assert_eq!(cache.find(SESSION, 1, 99).unwrap().id, DecisionId([9; 16]));
    assert_eq!(cache.find(SESSION, 2, 99), None, "another action");
    assert_eq!(cache.find(SessionId([2; 16]), 1, 99), None, "another session");
    assert_eq!(cache.find(SESSION, 1, 100), None, "expired");
    assert!(cache.is_empty());
}

#[test]
fn what_depends_on_more_is_asked_each_time() {
    let mut cache = Decisions::new(8);
    cache.remember(SESSION, 1, &answer(9, false, 100), 0);
    cache.remember(SESSION, 2, &answer(9, true, 50), 50);
    assert!(cache.is_empty());
}

#[test]
fn it_is_bounded_and_keeps_what_is_used() {
    let mut cache = Decisions::new(8);
    cache.remember(SESSION, 0, &answer(0, true, 100), 0);
    for action in 1..1_000 {
        cache.remember(SESSION, action, &answer(1, true, 100), 0);
        assert!(cache.find(SESSION, 0, 1).is_some(), "{action}");
        assert!(cache.len() <= 8, "{}", cache.len());
    }
    assert_eq!(cache.find(SESSION, 1, 1), None);
}

#[test]
fn a_new_bundle_begins_with_nothing() {
    let mut cache = Decisions::new(8);
    cache.remember(SESSION, 1, &answer(9, true, 100), 0);
    cache.clear();
    assert_eq!(cache.find(SESSION, 1, 1), None);
}

#[test]
fn an_observed_service_is_passed() {
    let would_deny = Answer { outcome: Outcome::WouldDeny, ..answer(1, true, 1) };
    assert!(Decision::from(&would_deny).allowed);
    let deny = Answer { outcome: Outcome::Deny, ..answer(1, true, 1) };
    assert!(!Decision::from(&deny).allowed);
}
