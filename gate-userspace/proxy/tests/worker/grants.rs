//! Grants: none, no connection.

use crate::roles::GRANT_MS;
use crate::world::World;
use crate::{DELETE, GET, run};
use gate_proxy::limits;
use gate_record::Outcome;

#[test]
fn one_grant_serves_a_pair_until_it_nears_its_end() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        client.ask(DELETE).await;
        world.client().await.ask(GET).await;
        assert_eq!(world.roles.presented.get(), 1);
        world.roles.advance_ms(GRANT_MS - limits::GRANT_MARGIN_MS);
        assert_eq!(client.ask(GET).await.status, 200);
        assert_eq!(world.roles.presented.get(), 2);
    });
}

#[test]
fn what_gate_net_refuses_is_not_tried() {
    run(async {
        let world = World::new().await;
        world.roles.refuses_grants.set(true);
        let mut client = world.client().await;
        assert_eq!(client.ask(GET).await.status, 503);
        assert!(world.kernel.dialed.borrow().is_empty());
        let enforced = world.enforced();
        assert_eq!(enforced[0].outcome, Outcome::Deny);
        assert!(enforced[0].why.contains("gate-net: no rule"), "{}", enforced[0].why);
        world.roles.refuses_grants.set(false);
        assert_eq!(client.ask(GET).await.status, 200);
    });
}

#[test]
fn without_net_a_grant_is_used_until_it_ends() {
    run(async {
        let mut world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.net.take().unwrap().stop().await;
        world.roles.advance_ms(GRANT_MS - 1);
        assert_eq!(client.ask(GET).await.status, 200);
        world.roles.advance_ms(1);
        assert_eq!(client.ask(GET).await.status, 503);
        world.start_roles();
        assert_eq!(client.ask(GET).await.status, 200, "it recovers");
    });
}

#[test]
fn a_kernel_that_refuses_is_obeyed_and_recorded() {
    run(async {
        let world = World::new().await;
        world.kernel.refuses.set(true);
        let mut client = world.client().await;
        assert_eq!(client.ask(GET).await.status, 503);
        let enforced = world.enforced();
        assert_eq!(enforced[0].outcome, Outcome::Deny);
        assert!(enforced[0].why.contains("the kernel refused"), "{}", enforced[0].why);
        world.kernel.refuses.set(false);
        assert_eq!(client.ask(GET).await.status, 200);
        assert_eq!(world.roles.presented.get(), 2, "the grant that the kernel did not honour is not relied on");
    });
}

#[test]
fn a_denied_neighbour_does_not_take_the_grant_from_others() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.cancelOrder");
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(world.client().await);
        }
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(if index % 2 == 0 { DELETE } else { GET }).await;
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let expected = if index % 2 == 0 { 403 } else { 200 };
            assert_eq!(client.answer(false).await.unwrap().status, expected, "client {index}");
        }
        assert_eq!(world.roles.presented.get(), 1);
    });
}
