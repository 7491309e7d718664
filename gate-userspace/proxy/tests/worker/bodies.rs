//! Bodies in both directions, and connections to backends that were closed meanwhile.

use crate::backend::{Do, ok};
use crate::world::World;
use crate::{DELETE, GET, run};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const BIG: usize = 8 << 20;

#[test]
fn bodies_of_any_size_pass_in_both_directions() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n{}", "b".repeat(BIG));
        *world.backend.does.borrow_mut() = Do::Answer(response.into_bytes());
        let head = format!("POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: {BIG}\r\n\r\n");
        client.send([head.as_bytes(), &vec![b'a'; BIG]].concat()).await;
        let answer = client.answer(false).await.unwrap();
        assert!(answer.body.len() == BIG && answer.body.iter().all(|byte| *byte == b'b'));
        assert_eq!(world.backend.seen()[0].body, BIG);
    });
}

#[test]
fn chunks_pass_in_both_directions() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        *world.backend.does.borrow_mut() =
            Do::Answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec());
        let request = "POST /orders HTTP/1.1\r\nHost: orders\r\nTransfer-Encoding: chunked\r\n\r\n";
        for _ in 0..2 {
            client.send(format!("{request}5\r\nhello\r\n2\r\n!!\r\n0\r\n\r\n")).await;
            let answer = client.answer(false).await.unwrap();
            assert_eq!((answer.status, answer.text()), (200, "abc"));
        }
        assert_eq!(world.backend.seen().iter().map(|seen| seen.body).collect::<Vec<_>>(), [7, 7]);
        assert_eq!(world.backend.connections.get(), 1);
    });
}

#[test]
fn a_backend_that_does_not_read_holds_the_client_back() {
    run(async {
        let world = World::new().await;
        let lazy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        world.kernel.backend.set(lazy.local_addr().unwrap());
        let client = world.client().await;
        let head = "POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: 1000000000\r\n\r\n";
        client.stream().writable().await.unwrap();
        assert_eq!(client.stream().try_write(head.as_bytes()).unwrap(), head.len());
        let (mut backend, _) = lazy.accept().await.unwrap();
        let mut sent = 0;
        loop {
            let writable = tokio::time::timeout(Duration::from_millis(500), client.stream().writable()).await;
            if writable.is_err() {
                break;
            }
            sent += client.stream().try_write(&[b'a'; 65_536]).unwrap_or(0);
            assert!(sent < 100 << 20, "nothing holds the client back");
        }
        // When the backend reads, the client may send again.
        let reading = async {
            let mut room = vec![0; 1 << 20];
            while backend.read(&mut room).await.unwrap() > 0 {}
        };
        tokio::select! {
            writable = client.stream().writable() => writable.unwrap(),
            () = reading => panic!("the proxy closed the connection"),
        }
    });
}

#[test]
fn an_early_answer_reaches_the_client() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.createOrder");
        let mut client = world.client().await;
        let head = format!("POST /orders HTTP/1.1\r\nHost: orders\r\nContent-Length: {BIG}\r\n\r\n");
        client.send(head).await;
        client.send(vec![b'a'; 100_000]).await;
        assert_eq!(client.answer(false).await.unwrap().status, 403);
    });
}

#[test]
fn an_interim_answer_invites_the_body() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        let head = "POST /orders HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        client.send(head).await;
        assert!(client.head().await.unwrap().starts_with("HTTP/1.1 100 "));
        client.send("abc").await;
        assert_eq!(client.answer(false).await.unwrap().status, 200);
        assert!(!world.backend.seen()[0].head.contains("expect"));
    });
}

#[test]
fn a_denied_client_is_not_invited() {
    run(async {
        let world = World::new().await;
        world.roles.denied.borrow_mut().push("orders.createOrder");
        let mut client = world.client().await;
        let head = "POST /orders HTTP/1.1\r\nHost: orders\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
        client.send(head).await;
        assert_eq!(client.answer(false).await.unwrap().status, 403);
    });
}

#[test]
fn a_backend_that_closed_meanwhile_costs_a_harmless_request_nothing() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        world.backend.closes_silently.set(true);
        for _ in 0..20 {
            assert_eq!(client.ask(GET).await.status, 200);
        }
        assert_eq!(world.backend.seen().len(), 20);
    });
}

#[test]
fn a_request_that_may_have_had_an_effect_is_not_sent_twice() {
    run(async {
        let world = World::new().await;
        let mut client = world.client().await;
        client.ask(GET).await;
        *world.backend.does.borrow_mut() = Do::Close;
        assert_eq!(client.ask(DELETE).await.status, 502);
        assert_eq!(world.backend.seen().len(), 2, "the DELETE came once");
        *world.backend.does.borrow_mut() = ok("hello");
        client.ask(GET).await;
        *world.backend.does.borrow_mut() = Do::Close;
        assert_eq!(client.ask(GET).await.status, 502);
        assert_eq!(world.backend.seen().len(), 5, "the GET came twice: on the pooled connection and on a new one");
    });
}

#[test]
fn an_answer_that_ends_early_ends_the_connection() {
    run(async {
        let world = World::new().await;
        *world.backend.does.borrow_mut() =
            Do::AnswerAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec());
        let mut client = world.client().await;
        client.send(GET).await;
        assert!(client.answer(false).await.is_none());
    });
}
