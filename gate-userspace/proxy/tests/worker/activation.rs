//! Another bundle comes into force while requests run.

use crate::backend::Do;
use crate::world::{ROUTES, World};
use crate::{DELETE, GET, run};
use std::time::Duration;

#[test]
fn nothing_of_the_old_bundle_is_used_under_the_new_one() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.switch(2, ROUTES);
        world.roles.denied.borrow_mut().push("orders.getOrder");
        assert_eq!(client.ask(GET).await.status, 403, "the cached decision is gone");
        assert_eq!(world.worker.decisions().len(), 1, "all of them");
        assert_eq!(world.roles.attested.get(), 2, "the assertion of the old version, too");
        assert_eq!(client.ask(DELETE).await.status, 200);
        assert_eq!(world.roles.presented.get(), 2, "the grant, too");
        assert_eq!(world.backend.connections.get(), 2, "and the pooled connection");
    });
}

#[test]
fn a_route_that_is_gone_is_denied_at_once() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.switch(2, &[("orders.createOrder", "POST", "/orders")]);
        assert_eq!(client.ask(GET).await.status, 403);
    });
}

#[test]
fn a_request_between_two_switches_waits_for_its_own() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        // gate-authz is ahead; what was not decided before has to wait.
        world.roles.version.set(2);
        client.send(DELETE).await;
        let early = tokio::time::timeout(Duration::from_millis(100), client.answer(false)).await;
        assert!(early.is_err(), "{early:?}");
        world.switch(2, ROUTES);
        assert_eq!(client.answer(false).await.unwrap().status, 200);
    });
}

#[test]
fn a_laggard_denies() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.roles.version.set(2);
        assert_eq!(client.ask(DELETE).await.status, 503);
        assert!(world.enforced()[1].why.contains("another bundle version"), "{:?}", world.enforced()[1]);
        world.roles.version.set(1);
        let mut ahead = world.client().await;
        ahead.ask(GET).await;
        world.switch_proxy(2, ROUTES);
        assert_eq!(ahead.ask(GET).await.status, 503);
        assert!(ahead.is_closed().await);
    });
}

#[test]
fn an_answer_that_runs_is_finished_if_the_new_bundle_allows_it() {
    run(async {
        let world = World::new().await;
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".to_vec();
        *world.backend.does.borrow_mut() = Do::AnswerSlowly(first, b"def".to_vec());
        let mut client = world.client().await;
        client.send(GET).await;
        client.head().await.unwrap();
        assert_eq!(client.bytes(3).await.unwrap(), b"abc");
        world.switch(2, ROUTES);
        world.until("it was judged again", |world| world.roles.asked() == 2).await;
        world.backend.go_on.notify_one();
        assert_eq!(client.bytes(3).await.unwrap(), b"def");
    });
}

#[test]
fn an_answer_that_runs_is_broken_off_if_the_new_bundle_denies_it() {
    run(async {
        let world = World::new().await;
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".to_vec();
        *world.backend.does.borrow_mut() = Do::AnswerSlowly(first, b"def".to_vec());
        let mut client = world.client().await;
        client.send(GET).await;
        client.head().await.unwrap();
        client.bytes(3).await.unwrap();
        world.roles.denied.borrow_mut().push("orders.getOrder");
        world.switch(2, ROUTES);
        assert!(client.is_closed().await);
        let last = world.enforced().pop().unwrap();
        assert_eq!(last.status, 403);
        assert!(last.why.contains("ended while it ran"), "{}", last.why);
    });
}

#[test]
fn stopping_waits_for_what_runs_and_takes_nothing_new() {
    run(async {
        let world = World::new().await;
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".to_vec();
        *world.backend.does.borrow_mut() = Do::AnswerSlowly(first, b"def".to_vec());
        let mut running = world.client().await;
        let mut idle = world.client().await;
        running.send(GET).await;
        running.head().await.unwrap();
        world.until("both are attested", |world| world.roles.attested.get() == 2).await;
        world.tell_to_stop();
        assert!(idle.is_closed().await, "an idle connection is closed at once");
        world.until("the listener is closed", |world| std::net::TcpStream::connect(world.address).is_err()).await;
        world.backend.go_on.notify_one();
        assert_eq!(running.bytes(6).await.unwrap(), b"abcdef");
        world.stop().await;
    });
}
