use super::*;

const PAIR: Pair = (ServiceId(1), ServiceId(2));

fn claim(grants: &Rc<Grants>, now_ms: u64) -> Claim {
    match grants.state(PAIR, now_ms) {
        State::Yours(claim) => claim,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_request_gets_it_and_the_others_wait() {
    let grants = Rc::new(Grants::default());
    let first = claim(&grants, 0);
    assert!(matches!(grants.state(PAIR, 0), State::Wait(_)));
    assert!(matches!(grants.state((ServiceId(1), ServiceId(3)), 0), State::Yours(_)), "another pair is another grant");
    first.granted(10_000);
    assert!(matches!(grants.state(PAIR, 6_999), State::Live));
    assert_eq!(grants.live(9_999), 1);
}

#[test]
fn it_is_renewed_before_it_ends_and_used_meanwhile() {
    let grants = Rc::new(Grants::default());
    claim(&grants, 0).granted(10_000);
    let renewal = claim(&grants, 7_000);
    assert!(matches!(grants.state(PAIR, 9_999), State::Live), "the others go on");
    assert!(matches!(grants.state(PAIR, 10_000), State::Wait(_)), "it ended");
    drop(renewal);
    claim(&grants, 10_000);
}

#[test]
fn who_fails_lets_another_try() {
    let grants = Rc::new(Grants::default());
    drop(claim(&grants, 0));
    claim(&grants, 0).granted(10_000);
    grants.forget(PAIR);
    assert!(!grants.is_live(PAIR, 1));
    claim(&grants, 1);
}

#[test]
fn a_new_bundle_begins_with_none_and_who_waits_still_learns() {
    let grants = Rc::new(Grants::default());
    let first = claim(&grants, 0);
    let State::Wait(notify) = grants.state(PAIR, 0) else { panic!("nobody waits") };
    let mut waiting = Box::pin(notify.notified());
    waiting.as_mut().enable();
    grants.clear();
    drop(first);
    let woken =
        std::future::Future::poll(waiting.as_mut(), &mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(woken.is_ready());
}
