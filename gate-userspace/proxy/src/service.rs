//! One request of a client: from what the guard read to an answer, and exactly one record of it.

use crate::authorize::{Findings, Freshness, Permit, authorize};
use crate::body::Reply;
use crate::exchange::Exchange;
use crate::forward::{self, Upset};
use crate::guard::{Arrived, Gate};
use crate::head::Head;
use crate::headers;
use crate::record::{Entry, describe};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::worker::Worker;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::rc::Rc;

/// Answers the requests of one connection.
#[derive(Clone)]
pub struct Service {
    /// The worker.
    pub worker: Rc<Worker>,
    /// The connection.
    pub session: Rc<Session>,
    /// What the guard reads.
    pub gate: Rc<Gate>,
}

impl Service {
    /// Answers one request. hyper's own reading of it is used for its fields and its body, never for where it goes.
    pub async fn answer(self, request: Request<Incoming>) -> Response<Reply> {
        let _running = Running::new(&self.worker);
        let request_id = self.worker.request_id();
        let record = || Rc::clone(self.worker.record());
        let response = match self.gate.take() {
            Some(Arrived::Request(head)) => {
                let described = describe(&head.method, head.target.path());
                let entry = Entry::new(record(), Rc::clone(&request_id), described);
                self.serve(head, request, &request_id, entry).await
            }
            Some(Arrived::Refused { refusal, request }) => {
                let mut entry = Entry::new(record(), Rc::clone(&request_id), request);
                self.fill_known(&mut entry);
                self.session.close();
                self.refuse(entry, &refusal, &request_id)
            }
            None => {
                let entry = Entry::new(record(), Rc::clone(&request_id), String::new());
                self.session.close();
                self.refuse(entry, &Refusal::malformed("a request that the guard did not let through"), &request_id)
            }
        };
        self.worker.counters().answered(response.status().as_u16());
        response
    }

    async fn serve(
        &self,
        head: Head,
        request: Request<Incoming>,
        request_id: &Rc<str>,
        mut entry: Entry,
    ) -> Response<Reply> {
        let recorded = self.worker.record().accepts();
        if !recorded || self.session.is_closing() {
            let why = if recorded { "the connection is being closed" } else { "the record takes no reports" };
            self.fill_known(&mut entry);
            return self.refuse(entry, &Refusal::unavailable(why), request_id);
        }
        let mut findings = Findings::default();
        let judged = authorize(&self.worker, &self.session, &head, Freshness::Cached, &mut findings).await;
        if findings.attested.is_none() {
            self.fill_known(&mut entry);
        }
        entry.fill(&findings);
        match judged {
            Ok(permit) => self.forward(permit, head, request, request_id, entry).await,
            Err(refusal) => self.refuse(entry, &refusal, request_id),
        }
    }

    async fn forward(
        &self,
        permit: Permit,
        head: Head,
        request: Request<Incoming>,
        request_id: &Rc<str>,
        entry: Entry,
    ) -> Response<Reply> {
        let now_ms = self.worker.now_ms();
        let exchange = Exchange::new(head, Rc::clone(&self.session), Rc::clone(request_id), &permit, now_ms);
        self.worker.exchanges().add(&exchange);
        match forward::forward(&self.worker, &permit, &exchange, request, &id_value(request_id)).await {
            Ok((response, lease)) => {
                let (mut parts, incoming) = response.into_parts();
                headers::prepare_response(&mut parts.headers, &id_value(request_id));
                entry.forwarded(parts.status);
                self.close_if_asked(&mut parts.headers);
                let reply = Reply::relay(incoming, lease, exchange, Rc::clone(&self.gate));
                Response::from_parts(parts, reply)
            }
            Err(upset) => self.upset(entry, upset, request_id),
        }
    }

    fn upset(&self, entry: Entry, upset: Upset, request_id: &Rc<str>) -> Response<Reply> {
        // A body that broke its framing is the client's fault, whatever it caused upstream.
        if let Some(refusal) = self.gate.broken() {
            self.session.close();
            return self.refuse(entry, &refusal, request_id);
        }
        match upset {
            Upset::Kernel(refusal) => self.refuse(entry, &refusal, request_id),
            Upset::Backend(refusal) => {
                entry.failed(refusal.status, &refusal.why);
                self.say(&refusal, request_id)
            }
        }
    }

    fn refuse(&self, entry: Entry, refusal: &Refusal, request_id: &Rc<str>) -> Response<Reply> {
        entry.refused(refusal.status, &refusal.why);
        self.say(refusal, request_id)
    }

    /// The client learns the status and the number under which the record knows more.
    fn say(&self, refusal: &Refusal, request_id: &Rc<str>) -> Response<Reply> {
        let text = format!("{{\"request_id\":\"{request_id}\",\"error\":\"{}\"}}\n", refusal.public());
        let mut response = Response::new(Reply::text(text, Rc::clone(&self.gate)));
        *response.status_mut() = refusal.status;
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(headers::REQUEST_ID, id_value(request_id));
        if refusal.status == StatusCode::SERVICE_UNAVAILABLE {
            fields.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        self.close_if_asked(fields);
        response
    }

    fn close_if_asked(&self, fields: &mut hyper::HeaderMap) {
        if self.session.is_closing() {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }

    fn fill_known(&self, entry: &mut Entry) {
        let destination =
            self.worker.policy().port(self.session.destination().port()).map(|port| port.name().to_owned());
        entry.fill(&Findings {
            attested: self.session.known(),
            destination: destination.unwrap_or_default(),
            decision: None,
        });
    }
}

fn id_value(request_id: &str) -> HeaderValue {
    // Hexadecimal digits are always a legal value.
    HeaderValue::from_str(request_id).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// Counts a request while it is being answered.
struct Running<'a>(&'a Worker);

impl<'a> Running<'a> {
    fn new(worker: &'a Worker) -> Self {
        worker.counters().requests.up();
        Self(worker)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.counters().requests.down();
    }
}
