//! Exchanges that take longer than a grant.

use crate::GET;
use crate::backend::Do;
use crate::roles::GRANT_MS;
use crate::run;
use crate::world::World;
use gate_proxy::limits;

#[test]
fn a_grant_is_renewed_while_an_answer_runs() {
    run(async {
        let world = World::new().await;
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".to_vec();
        *world.backend.does.borrow_mut() = Do::AnswerSlowly(first, b"def".to_vec());
        let mut client = world.client().await;
        client.send(GET).await;
        client.head().await.unwrap();
        client.bytes(3).await.unwrap();
        for round in 1..=2 {
            world.roles.advance_ms(7_001);
            world.until("the grant is renewed", |world| world.roles.presented.get() == 1 + round).await;
        }
        world.backend.go_on.notify_one();
        assert_eq!(client.bytes(3).await.unwrap(), b"def");
    });
}

#[test]
fn a_grant_that_ends_is_renewed_for_an_answer_that_has_just_begun() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        // Long enough for a request, not for the time between two judgements.
        world.roles.advance_ms(GRANT_MS - limits::GRANT_MARGIN_MS - 1);
        *world.backend.does.borrow_mut() = Do::Hang;
        client.send(GET).await;
        world.until("the backend has the request", |world| world.backend.seen().len() == 2).await;
        assert_eq!(world.roles.presented.get(), 1);
        world.roles.advance_ms(1);
        world.until("the grant is renewed", |world| world.roles.presented.get() == 2).await;
    });
}

#[test]
fn an_answer_that_lost_its_permission_is_broken_off() {
    run(async {
        let world = World::new().await;
        *world.backend.does.borrow_mut() = Do::Hang;
        let mut client = world.client().await;
        client.send(GET).await;
        world.until("the backend has the request", |world| world.backend.seen().len() == 1).await;
        world.roles.denied.borrow_mut().push("orders.getOrder");
        world.roles.advance_ms(limits::REJUDGE_MS);
        assert_eq!(client.answer(false).await.unwrap().status, 504);
        let enforced = world.enforced();
        assert_eq!(enforced[0].status, 403);
        assert!(enforced[0].why.contains("ended while it ran"));
    });
}

#[test]
fn it_goes_on_while_nobody_can_be_asked() {
    run(async {
        let mut world = World::new().await;
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc".to_vec();
        *world.backend.does.borrow_mut() = Do::AnswerSlowly(first, b"def".to_vec());
        let mut client = world.client().await;
        client.send(GET).await;
        client.head().await.unwrap();
        world.authz.take().unwrap().stop().await;
        world.roles.advance_ms(limits::REJUDGE_MS);
        tokio::time::sleep(2 * limits::TICK).await;
        world.backend.go_on.notify_one();
        assert_eq!(client.bytes(6).await.unwrap(), b"abcdef");
    });
}
