//! What becomes of requests.

use crate::backend::{Do, ok};
use crate::world::{ORDERS, World};
use crate::{DELETE, GET, run};
use gate_record::Outcome;
use gate_tables::{ServiceId, Value};

#[test]
fn an_allowed_request_reaches_the_backend_and_the_record() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        let answer = client.ask("GET /orders/%37?a=b HTTP/1.1\r\nHost: orders:8080\r\nAccept: */*\r\n\r\n").await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));

        let seen = world.backend.seen();
        assert_eq!(seen.len(), 1);
        assert!(seen[0].head.starts_with("GET /orders/7?a=b HTTP/1.1\r\n"), "{}", seen[0].head);
        assert!(seen[0].head.contains("\r\nhost: orders:8080\r\n"));
        assert_eq!(
            *world.kernel.dialed.borrow(),
            [(ServiceId(1), world.address)],
            "the address that the client asked for"
        );

        let question = world.roles.frames.borrow()[0][0].clone();
        assert_eq!((question.action.as_str(), question.path.as_str()), ("orders.getOrder", "/orders/7"));
        assert_eq!(question.parameters, [("id".to_owned(), Value::Int(7))]);
        assert_eq!((question.destination, question.want_grant), (ORDERS, true));

        let enforced = world.enforced();
        assert_eq!(enforced.len(), 1);
        assert_eq!((enforced[0].status, enforced[0].outcome), (200, Outcome::Allow));
        assert_eq!((enforced[0].source.as_str(), enforced[0].request.as_str()), ("web", "GET /orders/7"));
        assert!(enforced[0].decision.is_some());
        assert_eq!(answer.field("x-request-id"), Some(enforced[0].request_id.as_str()));
    });
}

#[test]
fn a_denied_request_is_told_nothing_but_its_number() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.cancelOrder");
        let mut client = world.client().await;
        let answer = client.ask(DELETE).await;
        let enforced = world.enforced();
        assert_eq!(answer.status, 403);
        assert_eq!(answer.text(), format!("{{\"request_id\":\"{}\",\"error\":\"denied\"}}\n", enforced[0].request_id));
        assert_eq!((enforced[0].outcome, enforced[0].why.as_str()), (Outcome::Deny, "no rule allows it"));
        assert!(enforced[0].decision.is_some(), "a denial is a decision");
        assert!(world.kernel.dialed.borrow().is_empty());
        assert_eq!(client.ask(GET).await.status, 200, "the connection goes on");
    });
}

#[test]
fn what_is_no_declared_route_is_denied_without_a_question() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        for request in ["GET /admin", "PUT /orders/7", "GET /orders/seven", "GET /orders/7/items", "OPTIONS /orders/7"]
        {
            let answer = client.ask(&format!("{request} HTTP/1.1\r\nHost: orders\r\n\r\n")).await;
            assert_eq!(answer.status, 403, "{request}");
        }
        assert_eq!(world.roles.asked(), 0);
        assert!(world.enforced().iter().all(|e| e.decision.is_none() && e.why.contains("no declared route")));
    });
}

#[test]
fn a_client_cannot_say_who_it_is_and_the_proxy_does() {
    run(async {
        let world = World::new().await;
        let forged = "X-Gate-Source: root\r\nX-Forwarded-For: 10.0.0.1\r\nForwarded: for=x\r\nX-Request-Id: mine\r\n\
                      Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: secret\r\nTE: trailers\r\n";
        world.client().await.ask(&format!("GET /orders/7 HTTP/1.1\r\nHost: orders\r\n{forged}\r\n")).await;
        let head = world.backend.seen()[0].head.clone();
        for gone in ["root", "10.0.0.1", "for=x", "mine", "x-hop", "secret", "trailers", "connection"] {
            assert!(!head.contains(gone), "{gone} in {head}");
        }
        assert!(head.contains("x-gate-source: web\r\n"));
        assert!(head.contains("forwarded: for=\"127.0.0.1:"));
        assert!(head.contains(&format!("x-request-id: {}\r\n", world.enforced()[0].request_id)));
    });
}

#[test]
fn a_parameter_is_asked_about_as_the_text_that_it_stands_for() {
    run(async {
        let world = World::new().await;
        world.client().await.ask("GET /search/caf%c3%a9 HTTP/1.1\r\nHost: orders\r\n\r\n").await;
        let question = world.roles.frames.borrow()[0][0].clone();
        assert_eq!(question.path, "/search/caf%C3%A9");
        assert_eq!(question.parameters, [("text".to_owned(), Value::Text("café".into()))]);
    });
}

#[test]
fn answers_without_a_body_keep_their_framing() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        *world.backend.does.borrow_mut() = Do::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec());
        let head = client.ask("HEAD /orders/7 HTTP/1.1\r\nHost: orders\r\n\r\n").await;
        assert_eq!((head.status, head.field("content-length")), (200, Some("9")));
        *world.backend.does.borrow_mut() = Do::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec());
        assert_eq!(client.ask(GET).await.status, 204);
        *world.backend.does.borrow_mut() = Do::Answer(b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_vec());
        assert_eq!(client.ask(GET).await.status, 304);
        *world.backend.does.borrow_mut() = ok("again");
        assert_eq!(client.ask(GET).await.text(), "again");
        assert_eq!(world.backend.connections.get(), 1);
    });
}

#[test]
fn a_backend_that_fails_is_a_bad_gateway() {
    run(async {
        let world = World::new().await;
        let switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n".to_vec();
        let both = b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_vec();
        for does in
            [Do::Close, Do::AnswerAndClose(b"not HTTP\r\n\r\n".to_vec()), Do::Answer(switching), Do::Answer(both)]
        {
            *world.backend.does.borrow_mut() = does;
            assert_eq!(world.client().await.ask(GET).await.status, 502);
        }
        let enforced = world.enforced();
        assert!(enforced.iter().all(|e| e.status == 502 && e.outcome == Outcome::Allow && e.decision.is_some()));
        assert_eq!(enforced.len(), 4);
    });
}

#[test]
fn a_backend_that_is_not_there_is_a_bad_gateway() {
    run(async {
        let world = World::new().await;
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        world.kernel.backend.set(gone);
        assert_eq!(world.client().await.ask(GET).await.status, 502);
    });
}

#[test]
fn without_a_record_nothing_is_served() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        assert_eq!(client.ask(GET).await.status, 200);
        world.log.full.set(true);
        assert_eq!(client.ask(GET).await.status, 503);
        assert_eq!(world.backend.seen().len(), 1);
        world.log.full.set(false);
        assert_eq!(client.ask(GET).await.status, 200);
    });
}

#[test]
fn a_client_that_leaves_is_in_the_record_and_lets_the_backend_go() {
    run(async {
        let world = World::new().await;
        *world.backend.does.borrow_mut() = Do::Hang;
        let mut client = world.client().await;
        client.send(GET).await;
        world.until("the backend has the request", |world| world.backend.seen().len() == 1).await;
        drop(client);
        world.until("it is recorded", |world| !world.enforced().is_empty()).await;
        let enforced = world.enforced();
        assert_eq!((enforced[0].status, enforced[0].outcome), (499, Outcome::Allow));
        assert!(enforced[0].decision.is_some());
        world.until("the connection is gone", |world| world.worker.counters().connections.value() == 0).await;
    });
}

#[test]
fn numbers_of_requests_differ() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        for _ in 0..3 {
            client.ask(GET).await;
        }
        let mut numbers: Vec<String> = world.enforced().into_iter().map(|e| e.request_id).collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
    });
}
