//! A permitted request on its way to the backend and the head of the response on its way back.

use crate::authorize::Permit;
use crate::body::{BodyError, RequestBody};
use crate::exchange::Exchange;
use crate::headers;
use crate::refusal::Refusal;
use crate::upstream::{Key, Lease};
use crate::worker::Worker;
use hyper::body::{Body, Incoming};
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// Why there is no response.
#[derive(Debug)]
pub enum Upset {
    /// The kernel does not let the connection through: nothing was sent.
    Kernel(Refusal),
    /// The backend failed, or took too long.
    Backend(Refusal),
}

/// What came of one attempt.
enum Sent {
    /// A response.
    Response(Response<Incoming>),
    /// The connection was closed; the request can be sent on another.
    Again(Request<RequestBody>),
    /// It failed, and nobody knows how far it came.
    Failed(String),
    /// The exchange was ended.
    Ended(&'static str),
}

/// Sends a request to the address that the client asked for, and waits for the head of the response. A request that
/// met a connection which the backend had just closed is sent once more, if that can do no harm.
///
/// # Errors
/// [`Upset`].
pub async fn forward(
    worker: &Worker,
    permit: &Permit,
    exchange: &Rc<Exchange>,
    request: Request<Incoming>,
    request_id: &HeaderValue,
) -> Result<(Response<Incoming>, Lease), Upset> {
    let mut request = prepare(permit, exchange, request, request_id)?;
    let key = Key { source: permit.source(), destination: exchange.session.destination() };
    let mut reuse = worker.upstreams().reuse(key);
    loop {
        let mut lease = match reuse.take() {
            Some(lease) => lease,
            None => worker.upstreams().open(key).await.map_err(|error| refused(worker, permit, &error))?,
        };
        let copy = lease.is_reused().then(|| copy(&request, exchange)).flatten();
        match send(&mut lease, request, exchange).await {
            Sent::Response(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                let why = "the backend switched protocols without being asked";
                return Err(Upset::Backend(Refusal::new(StatusCode::BAD_GATEWAY, why)));
            }
            Sent::Response(response) => return Ok((response, lease)),
            Sent::Again(again) if lease.is_reused() => request = again,
            Sent::Again(_) => return Err(bad_gateway("the backend closed the connection".into())),
            Sent::Failed(why) => request = copy.ok_or_else(|| bad_gateway(why))?,
            Sent::Ended(why) => return Err(Upset::Backend(Refusal::new(StatusCode::GATEWAY_TIMEOUT, why))),
        }
    }
}

fn prepare(
    permit: &Permit,
    exchange: &Rc<Exchange>,
    request: Request<Incoming>,
    request_id: &HeaderValue,
) -> Result<Request<RequestBody>, Upset> {
    let (parts, incoming) = request.into_parts();
    let mut request = Request::new(RequestBody::new(incoming, Rc::clone(exchange)));
    *request.method_mut() = exchange.head.method.clone();
    *request.uri_mut() = Uri::try_from(exchange.head.target.as_str())
        .map_err(|error| bad_gateway(format!("the target cannot be forwarded: {error}")))?;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = parts.headers;
    headers::prepare_request(request.headers_mut(), &permit.attested().fields, request_id);
    Ok(request)
}

/// The same request again, where sending it twice does no harm.
fn copy(request: &Request<RequestBody>, exchange: &Rc<Exchange>) -> Option<Request<RequestBody>> {
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !harmless || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty(Rc::clone(exchange)));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

async fn send(lease: &mut Lease, request: Request<RequestBody>, exchange: &Exchange) -> Sent {
    let Some(sender) = lease.sender() else { return Sent::Again(request) };
    let mut sending = std::pin::pin!(sender.try_send_request(request));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(result) = sending.as_mut().poll(cx) {
            return Poll::Ready(match result {
                Ok(response) => Sent::Response(response),
                Err(mut error) => match error.take_message() {
                    Some(request) => Sent::Again(request),
                    None => Sent::Failed(words(&error.into_error())),
                },
            });
        }
        exchange.poll_ended(cx).map_or(Poll::Pending, |why| Poll::Ready(Sent::Ended(why)))
    })
    .await
}

/// hyper's error with its causes, except the client's own (which the guard knows better).
fn words(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause.filter(|error| !error.is::<BodyError>()) {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// `EPERM` at `connect()` is the kernel's verdict. It knows better than this worker whether there is a grant.
fn refused(worker: &Worker, permit: &Permit, error: &io::Error) -> Upset {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            worker.grants().forget(permit.pair());
            Upset::Kernel(Refusal::unavailable("the kernel refused the connection to the backend (EPERM)"))
        }
        io::ErrorKind::TimedOut => {
            Upset::Backend(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "the backend did not accept in time"))
        }
        _ => bad_gateway(format!("connecting to the backend: {error}")),
    }
}

fn bad_gateway(why: String) -> Upset {
    Upset::Backend(Refusal::new(StatusCode::BAD_GATEWAY, why))
}
