//! Exchanges that last: they are judged again while they run, and ended when they stand still or lose their permission.

use crate::authorize::{Findings, Freshness, authorize};
use crate::exchange::Exchange;
use crate::limits;
use crate::record::{Entry, describe};
use crate::worker::Worker;
use hyper::StatusCode;
use std::rc::Rc;

/// One tick of a worker.
pub async fn look_after(worker: &Worker) {
    let now_ms = worker.now_ms();
    for exchange in worker.exchanges().running() {
        if u64::from(exchange.tick()) * limits::TICK.as_secs() >= limits::STALL.as_secs() {
            exchange.end("nothing came for too long");
        } else if exchange.is_due(now_ms, limits::REJUDGE_MS) {
            judge_again(worker, &exchange).await;
        }
    }
}

/// Asks about a running exchange as if it began now; with the answer comes the grant that lets it go on. Where nobody
/// can be asked it goes on as well, until the kernel ends it with the grant that it has.
async fn judge_again(worker: &Worker, exchange: &Rc<Exchange>) {
    let mut findings = Findings::default();
    let judged = authorize(worker, &exchange.session, &exchange.head, Freshness::Asked, &mut findings).await;
    let Err(refusal) = judged else { return };
    if refusal.status != StatusCode::FORBIDDEN {
        return;
    }
    exchange.end("it is no longer permitted");
    let request = describe(&exchange.head.method, exchange.head.target.path());
    let mut entry = Entry::new(Rc::clone(worker.record()), Rc::clone(&exchange.request_id), request);
    entry.fill(&findings);
    entry.refused(refusal.status, &format!("ended while it ran: {refusal}"));
}
