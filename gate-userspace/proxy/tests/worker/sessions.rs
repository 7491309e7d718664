//! Who is at the other end.

use crate::roles::ASSERTION_MS;
use crate::world::World;
use crate::{GET, run};
use gate_proxy::limits;

#[test]
fn a_connection_that_is_not_attested_is_closed_and_recorded() {
    run(async {
        let world = World::new().await;
        world.roles.attests_nobody.set(true);
        let mut client = world.client().await;
        client.send(GET).await;
        assert!(client.answer(false).await.is_none(), "not a byte");
        assert!(world.rejected()[0].contains("attests no peer"), "{:?}", world.rejected());
        assert_eq!((world.roles.asked(), world.kernel.dialed.borrow().len()), (0, 0));
    });
}

#[test]
fn without_authn_there_are_no_new_sessions_and_the_others_go_on() {
    run(async {
        let mut world = World::new().await;
        let mut old = world.client().await;
        assert_eq!(old.ask(GET).await.status, 200);
        world.authn.take().unwrap().stop().await;
        let mut new = world.client().await;
        new.send(GET).await;
        assert!(new.answer(false).await.is_none());
        assert_eq!(old.ask(GET).await.status, 200);
        world.start_roles();
        assert_eq!(world.client().await.ask(GET).await.status, 200, "it recovers");
    });
}

#[test]
fn an_assertion_is_renewed_before_it_ends() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.roles.advance_ms(ASSERTION_MS - limits::ASSERTION_MARGIN_MS - 1);
        client.ask(GET).await;
        assert_eq!(world.roles.renewed.get(), 0);
        world.roles.advance_ms(1);
        assert_eq!(client.ask(GET).await.status, 200);
        assert_eq!((world.roles.renewed.get(), world.roles.attested.get()), (1, 1));
    });
}

#[test]
fn nothing_is_served_on_an_assertion_that_has_ended() {
    run(async {
        let mut world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.authn.take().unwrap().stop().await;
        world.roles.advance_ms(ASSERTION_MS - 1);
        assert_eq!(client.ask(GET).await.status, 200, "it still holds");
        world.roles.advance_ms(1);
        let answer = client.ask(GET).await;
        assert_eq!((answer.status, answer.field("connection")), (503, Some("close")));
        assert!(client.is_closed().await);
        assert_eq!(world.backend.seen().len(), 2);
    });
}

#[test]
fn an_idle_connection_is_attested_anew() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.roles.advance_ms(10 * ASSERTION_MS);
        assert_eq!(client.ask(GET).await.status, 200);
        assert_eq!((world.roles.attested.get(), world.roles.renewed.get()), (2, 0));
    });
}

#[test]
fn an_attestation_of_another_connection_is_not_believed() {
    run(async {
        let world = World::new().await;
        world.roles.attests_address.set(Some("127.0.0.1:1".parse().unwrap()));
        let mut client = world.client().await;
        client.send(GET).await;
        assert!(client.answer(false).await.is_none());
        assert!(world.rejected()[0].contains("127.0.0.1:1"), "{:?}", world.rejected());
    });
}

#[test]
fn a_connection_keeps_its_source_for_life() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        world.roles.source.set(2);
        world.roles.advance_ms(2 * ASSERTION_MS);
        assert_eq!(client.ask(GET).await.status, 503);
        assert!(client.is_closed().await);
        assert!(world.enforced()[1].why.contains("source 2"), "{:?}", world.enforced());
    });
}

#[test]
fn sources_never_share_a_connection_to_a_backend() {
    run(async {
        let world = World::new().await;
        let mut web = world.client().await;
        web.ask(GET).await;
        world.roles.source.set(2);
        let mut batch = world.client().await;
        batch.ask(GET).await;
        world.roles.source.set(1);
        web.ask(GET).await;
        world.client().await.ask(GET).await;
        let connections: Vec<usize> = world.backend.seen().iter().map(|seen| seen.connection).collect();
        assert_eq!(connections, [1, 2, 1, 1]);
        let sources: Vec<u32> = world.kernel.dialed.borrow().iter().map(|(source, _)| source.0).collect();
        assert_eq!(sources, [1, 2]);
    });
}

#[test]
fn a_port_of_no_service_is_closed() {
    run(async {
        let world = World::new().await;
        world.switch(2, &[]);
        assert_eq!(world.client().await.ask(GET).await.status, 403, "a port without routes is still a port");
        let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = other.local_addr().unwrap();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        let serving = tokio::task::spawn_local(gate_proxy::serve::serve(world.worker.clone(), other, stopped));
        let mut client = crate::client::Client::connect(address).await;
        client.send(GET).await;
        assert!(client.answer(false).await.is_none());
        assert!(world.rejected()[0].contains("no L7 port"), "{:?}", world.rejected());
        serving.abort();
    });
}
