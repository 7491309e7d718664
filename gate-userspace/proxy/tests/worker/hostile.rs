//! Requests with more than one meaning: answered, recorded, closed; nothing behind them is read.

use crate::world::World;
use crate::{GET, run};
use gate_record::Outcome;

#[test]
fn a_malformed_request_is_recorded_and_ends_its_connection() {
    run(async {
        let world = World::new().await;
        for (request, status) in [
            ("GET /orders/../admin HTTP/1.1\r\nHost: orders\r\n\r\n", 400),
            ("GET /orders/7 HTTP/1.1\r\nHost: orders\r\nHost: evil\r\n\r\n", 400),
            (
                "POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400,
            ),
            ("CONNECT orders:80 HTTP/1.1\r\nHost: orders:80\r\n\r\n", 501),
            ("GET /orders/7 HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 501),
        ] {
            let before = world.enforced().len();
            let mut client = world.client().await;
            client.send(format!("{request}{GET}")).await;
            let answer = client.answer(false).await.unwrap();
            assert_eq!((answer.status, answer.field("connection")), (status, Some("close")), "{request}");
            assert!(client.is_closed().await);
            let enforced = world.enforced();
            assert_eq!(enforced.len(), before + 1, "nothing behind it was read: {request}");
            let last = enforced.last().unwrap();
            assert_eq!((last.status, last.outcome, last.source.as_str()), (status, Outcome::Deny, "web"));
            assert!(request.starts_with(&last.request) && !last.why.is_empty(), "{last:?}");
        }
        assert_eq!((world.roles.asked(), world.backend.seen().len()), (0, 0));
    });
}

#[test]
fn a_good_request_before_a_bad_one_is_served() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.send(format!("{GET}GET /a//b HTTP/1.1\r\nHost: orders\r\n\r\n{GET}")).await;
        assert_eq!(client.answer(false).await.unwrap().status, 200);
        assert_eq!(client.answer(false).await.unwrap().status, 400);
        assert!(client.is_closed().await);
        assert_eq!(world.backend.seen().len(), 1);
    });
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.cancelOrder");
        let mut client = world.client().await;
        client.send([GET, crate::DELETE, GET].concat()).await;
        for status in [200, 403, 200] {
            assert_eq!(client.answer(false).await.unwrap().status, status);
        }
    });
}

#[test]
fn a_body_that_breaks_its_framing_never_ends_at_the_backend() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        let head = "POST /orders HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}3;ext\r\nabc\r\n0\r\n\r\n{GET}")).await;
        let answer = client.answer(false).await.unwrap();
        assert_eq!(answer.status, 400);
        assert!(client.is_closed().await);
        let enforced = world.enforced();
        assert_eq!(enforced.len(), 1);
        assert!(enforced[0].why.contains("chunk size"), "{}", enforced[0].why);
    });
}

#[test]
fn more_connections_than_a_source_may_have_are_closed() {
    run(async {
        let world = World::new().await;
        let place = |_| world.worker.place(gate_tables::ServiceId(1));
        let places: Vec<_> = (0..=gate_proxy::limits::CONNECTIONS_PER_SOURCE).map_while(place).collect();
        assert_eq!(places.len(), gate_proxy::limits::CONNECTIONS_PER_SOURCE);
        let mut client = world.client().await;
        client.send(GET).await;
        assert!(client.answer(false).await.is_none());
        world.roles.source.set(2);
        assert_eq!(world.client().await.ask(GET).await.status, 200, "another source is not affected");
        world.roles.source.set(1);
        drop(places);
        assert_eq!(world.client().await.ask(GET).await.status, 200);
    });
}
