//! When gate-authz is asked.

use crate::world::World;
use crate::{DELETE, GET, run};
use gate_record::Outcome;

#[test]
fn an_answer_is_used_again_for_the_same_session_and_action() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        for id in 0..5 {
            client.ask(&format!("GET /orders/{id} HTTP/1.1\r\nHost: orders\r\n\r\n")).await;
        }
        assert_eq!(world.roles.asked(), 1);
        let decisions: Vec<_> = world.enforced().into_iter().map(|e| e.decision.unwrap()).collect();
        assert!(decisions.windows(2).all(|pair| pair[0] == pair[1]), "one decision covers them: {decisions:?}");
        client.ask(DELETE).await;
        assert_eq!(world.roles.asked(), 2, "another action");
        world.client().await.ask(GET).await;
        assert_eq!(world.roles.asked(), 3, "another session");
        assert_eq!(world.worker.counters().cached.value(), 4);
    });
}

#[test]
fn an_answer_that_depends_on_more_is_asked_for_each_time() {
    run(async {
        let world = World::new().await;
        world.roles.cacheable.set(false);
        let mut client = world.client().await;
        for _ in 0..3 {
            client.ask(GET).await;
        }
        assert_eq!(world.roles.asked(), 3);
    });
}

#[test]
fn without_authz_what_was_decided_holds_until_it_expires() {
    run(async {
        let mut world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.authz.take().unwrap().stop().await;
        world.roles.advance_ms(4_999);
        assert_eq!(client.ask(GET).await.status, 200);
        assert_eq!(client.ask(DELETE).await.status, 503, "never decided");
        world.roles.advance_ms(1);
        assert_eq!(client.ask(GET).await.status, 503, "expired");
        let last = world.enforced().pop().unwrap();
        assert_eq!((last.outcome, last.status), (Outcome::Deny, 503));
        assert!(last.why.contains("gate-authz cannot be asked"), "{}", last.why);
        world.start_roles();
        assert_eq!(client.ask(GET).await.status, 200, "it recovers");
    });
}

#[test]
fn a_denial_is_used_again_too() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.getOrder");
        let mut client = world.client().await;
        for _ in 0..3 {
            assert_eq!(client.ask(GET).await.status, 403);
        }
        assert_eq!(world.roles.asked(), 1);
    });
}

#[test]
fn questions_that_come_up_together_travel_together() {
    run(async {
        let world = World::new().await;
        world.roles.cacheable.set(false);
        let mut clients = Vec::new();
        for _ in 0..60 {
            let mut client = world.client().await;
            client.ask(GET).await;
            clients.push(client);
        }
        let (asked, frames) = (world.roles.asked(), world.roles.frames.borrow().len());
        for client in &mut clients {
            client.send(GET).await;
        }
        for client in &mut clients {
            assert_eq!(client.answer(false).await.unwrap().status, 200);
        }
        let (asked, frames) = (world.roles.asked() - asked, world.roles.frames.borrow().len() - frames);
        assert_eq!(asked, 60);
        assert!(frames < 40, "60 questions in {frames} frames");
    });
}
