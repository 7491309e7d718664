use super::*;
use hyper::rt::{Read, ReadBuf};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

const HEAD: &[u8] = b"POST /a HTTP/1.1\r\nHost: o\r\nContent-Length: 3\r\n\r\n";

fn guard() -> (Guard<DuplexStream>, Rc<Gate>, DuplexStream) {
    let (client, server) = tokio::io::duplex(1 << 20);
    let gate: Rc<Gate> = Rc::default();
    (Guard::new(server, Rc::clone(&gate)), gate, client)
}

/// What hyper would read next; empty at the end.
async fn read(guard: &mut Guard<DuplexStream>) -> io::Result<Vec<u8>> {
    std::future::poll_fn(|cx| {
        let mut room = [0; 4_096];
        let mut buffer = ReadBuf::new(&mut room);
        ready!(Pin::new(&mut *guard).poll_read(cx, buffer.unfilled()))?;
        Poll::Ready(Ok(buffer.filled().to_vec()))
    })
    .await
}

fn refused(gate: &Gate) -> u16 {
    match gate.take() {
        Some(Arrived::Refused { refusal, .. }) => refusal.status.as_u16(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_ends() {
    let (mut guard, _, _client) = guard();
    let start = Instant::now();
    assert_eq!(read(&mut guard).await.unwrap(), b"");
    assert_eq!(start.elapsed().as_secs(), limits::IDLE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_is_given_ten_seconds_in_all() {
    let (mut guard, gate, mut client) = guard();
    let start = Instant::now();
    let dribble = async {
        loop {
            client.write_all(b"a").await.unwrap();
            sleep(Duration::from_millis(700)).await;
        }
    };
    tokio::select! {
        replaced = read(&mut guard) => assert_eq!(replaced.unwrap(), REPLACEMENT),
        () = dribble => {}
    }
    assert_eq!(start.elapsed().as_secs(), limits::HEAD_TIME.as_secs());
    assert_eq!(refused(&gate), 408);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stands_still_is_broken_off() {
    let (mut guard, gate, mut client) = guard();
    client.write_all(HEAD).await.unwrap();
    assert_eq!(read(&mut guard).await.unwrap(), HEAD);
    client.write_all(b"a").await.unwrap();
    assert_eq!(read(&mut guard).await.unwrap(), b"a");
    let start = Instant::now();
    assert_eq!(read(&mut guard).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), limits::STALL.as_secs());
    assert_eq!(gate.broken().unwrap().status.as_u16(), 408);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_dropped() {
    let (client, server) = tokio::io::duplex(16);
    let mut guard = Guard::new(server, Rc::default());
    let write = |guard: &mut Guard<DuplexStream>, cx: &mut Context<'_>| {
        hyper::rt::Write::poll_write(Pin::new(guard), cx, &[0; 16])
    };
    std::future::poll_fn(|cx| write(&mut guard, cx)).await.unwrap();
    let start = Instant::now();
    let error = std::future::poll_fn(|cx| write(&mut guard, cx)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), limits::STALL.as_secs());
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn the_next_head_waits_for_the_answer() {
    let (mut guard, gate, mut client) = guard();
    let get = b"GET /a HTTP/1.1\r\nHost: o\r\n\r\n";
    client.write_all(&get.repeat(2)).await.unwrap();
    assert_eq!(read(&mut guard).await.unwrap(), get);
    assert!(matches!(gate.take(), Some(Arrived::Request(_))));
    let early = tokio::time::timeout(Duration::from_secs(3_600), read(&mut guard)).await;
    assert!(early.is_err() && gate.take().is_none(), "an answer may take longer than any timeout of the guard");
    gate.answered();
    assert_eq!(read(&mut guard).await.unwrap(), get);
    assert!(matches!(gate.take(), Some(Arrived::Request(_))));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_meanwhile_is_noticed() {
    let (mut guard, _, mut client) = guard();
    client.write_all(b"GET /a HTTP/1.1\r\nHost: o\r\n\r\n").await.unwrap();
    read(&mut guard).await.unwrap();
    let (left, ()) = tokio::join!(read(&mut guard), async { drop(client) });
    assert_eq!(left.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_no_head() {
    let (mut guard, gate, mut client) = guard();
    client.write_all(b"GET /a HTTP/1.1\r\nHos").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read(&mut guard).await.unwrap(), REPLACEMENT);
    assert_eq!(refused(&gate), 400);
}

#[tokio::test(start_paused = true)]
async fn half_a_body_is_no_body() {
    let (mut guard, gate, mut client) = guard();
    client.write_all(HEAD).await.unwrap();
    client.shutdown().await.unwrap();
    read(&mut guard).await.unwrap();
    assert!(read(&mut guard).await.is_err());
    assert_eq!(gate.broken().unwrap().status.as_u16(), 400);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_ahead_is_bounded() {
    let (client, server) = tokio::io::duplex(1 << 20);
    let gate: Rc<Gate> = Rc::default();
    let mut guard = Guard::new(server, Rc::clone(&gate));
    let (_reading, mut writing) = tokio::io::split(client);
    writing.write_all(b"GET /a HTTP/1.1\r\nHost: o\r\n\r\n").await.unwrap();
    read(&mut guard).await.unwrap();
    writing.write_all(&[b'a'; 1 << 19]).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_secs(1), read(&mut guard)).await;
    assert!(waiting.is_err());
    assert!(guard.buffer.bytes().len() <= 2 * limits::READ_AHEAD, "{}", guard.buffer.bytes().len());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_refused_early_is_not_reset() {
    let (mut client, server) = tokio::io::duplex(64);
    let mut guard = Guard::new(server, Rc::default());
    let answering = async {
        read(&mut guard).await.unwrap();
        std::future::poll_fn(|cx| hyper::rt::Write::poll_shutdown(Pin::new(&mut guard), cx)).await.unwrap();
        drop(guard);
    };
    let sending = async {
        client.write_all(HEAD).await.unwrap();
        let sent = client.write_all(&[b'a'; 10_000]).await;
        client.shutdown().await.unwrap();
        sent
    };
    let (sent, ()) = tokio::join!(sending, answering);
    sent.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_is_listened_to_for_long_after_a_refusal() {
    let (client, server) = tokio::io::duplex(64);
    let mut guard = Guard::new(server, Rc::default());
    let (_reading, mut writing) = tokio::io::split(client);
    writing.write_all(HEAD).await.unwrap();
    read(&mut guard).await.unwrap();
    let start = Instant::now();
    std::future::poll_fn(|cx| hyper::rt::Write::poll_shutdown(Pin::new(&mut guard), cx)).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), limits::LINGER.as_secs());
}
