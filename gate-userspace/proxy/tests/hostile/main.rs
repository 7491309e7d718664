//! What the guard and hyper together make of hostile requests (pitfalls p40, p41, p42, p44): each row of the corpus has
//! one defined answer. Behind each row stands `GET /next`: where the row passes, it must be read as a request of its
//! own; where the row is refused, nothing behind it may be read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod corpus;

use corpus::{CORPUS, Row};
use gate_proxy::guard::{Arrived, Gate, Guard};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Request, Response};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n";

/// Says what it understood, and opens the gate when it is gone.
struct Said(Option<Bytes>, Rc<Gate>);

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text))))
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        self.1.answered();
    }
}

async fn read_body(mut body: Incoming) -> Result<usize, hyper::Error> {
    let mut size = 0;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        size += frame?.into_data().map_or(0, |data| data.len());
    }
    Ok(size)
}

async fn answer(gate: Rc<Gate>, request: Request<Incoming>) -> Result<Response<Said>, Infallible> {
    let arrived = gate.take();
    let body = read_body(request.into_body()).await;
    let said = match (arrived, body) {
        (Some(Arrived::Request(head)), Ok(size)) => format!("{} {} {size};", head.method, head.target.as_str()),
        (Some(Arrived::Request(_)), Err(_)) => format!("{};", gate.broken().unwrap().status.as_u16()),
        (Some(Arrived::Refused { refusal, .. }), _) => format!("{};", refusal.status.as_u16()),
        (None, _) => "hyper read a request that the guard did not let through;".into(),
    };
    Ok(Response::new(Said(Some(said.into()), gate)))
}

/// Sends the bytes in pieces; what was answered, in order.
async fn talk(bytes: &[u8], piece: usize) -> String {
    let (client, server) = tokio::io::duplex(64);
    let gate: Rc<Gate> = Rc::default();
    let guard = Guard::new(server, Rc::clone(&gate));
    let service = hyper::service::service_fn(move |request| answer(Rc::clone(&gate), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .max_headers(100)
        .header_read_timeout(None)
        .serve_connection(guard, service);
    let (mut reading, mut writing) = tokio::io::split(client);
    let send = async {
        for part in bytes.chunks(piece) {
            // A refused connection no longer reads.
            if writing.write_all(part).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    let receive = async {
        let mut answers = Vec::new();
        let _ = reading.read_to_end(&mut answers).await;
        answers
    };
    let (_, (), answers) = tokio::join!(async { drop(connection.await) }, send, receive);
    let text = String::from_utf8(answers).unwrap();
    let bodies = text.split("HTTP/1.1 ").skip(1).map(|answer| match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains("chunked") => body.lines().nth(1).unwrap_or("an empty answer").to_owned(),
        Some((head, "")) => format!("hyper itself: {head}"),
        Some((_, body)) => body.to_owned(),
        None => format!("half an answer: {answer}"),
    });
    bodies.collect()
}

fn check(row: &Row, piece: usize) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let bytes = [row.request, NEXT].concat();
    let expected = match row.expected {
        Ok(first) => format!("{first};GET /next 0;"),
        Err(status) => format!("{status};"),
    };
    let mut found = String::new();
    runtime.block_on(async { found = pin!(talk(&bytes, piece)).await });
    if found == expected { Ok(()) } else { Err(format!("{}: expected {expected:?}, found {found:?}", row.name)) }
}

#[test]
fn every_row_has_its_answer() {
    assert!(CORPUS.len() >= 80, "the corpus has {} rows", CORPUS.len());
    let wrong: Vec<String> =
        CORPUS.iter().flat_map(|row| [1, 7, 4_096].into_iter().filter_map(|piece| check(row, piece).err())).collect();
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}
