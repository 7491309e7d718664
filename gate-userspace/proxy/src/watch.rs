//! Exchanges that last: they are judged again while they run, and ended when they stand still or lose their permission.

use crate::authorize::{Findings, Freshness, authorize};
use crate::exchange::{Exchange, Phase};
use crate::limits;
use crate::record::{Entry, describe};
use crate::worker::Worker;
use hyper::StatusCode;
use std::rc::Rc;

/// One tick of a worker. Inside a `LocalSet` only.
pub fn look_after(worker: &Rc<Worker>) {
    let (now_ms, version) = (worker.now_ms(), worker.policy().version());
    for exchange in worker.exchanges().running() {
        if u64::from(exchange.tick()) * limits::TICK.as_secs() >= limits::STALL.as_secs() {
            exchange.end(match exchange.phase() {
                Phase::Uploading => "the client sent nothing for too long",
                Phase::Waiting => "the backend did not answer in time",
                Phase::Streaming => "nothing of the response could be passed on for too long",
            });
        } else if exchange.is_due(now_ms, version, worker.grants()) {
            // Side by side, so that they travel in one frame and none waits for another's answer.
            tokio::task::spawn_local(judge_again(Rc::clone(worker), exchange));
        }
    }
}

/// Asks about a running exchange as if it began now; with the answer comes the grant that lets it go on. Where nobody
/// can be asked it goes on as well, until the kernel ends it with the grant that it has.
async fn judge_again(worker: Rc<Worker>, exchange: Rc<Exchange>) {
    let mut findings = Findings::default();
    let judged = authorize(&worker, &exchange.session, &exchange.head, Freshness::Asked, &mut findings).await;
    let Err(refusal) = judged else { return };
    // Denied, or malformed by what a new bundle declares for its route.
    if !matches!(refusal.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST) {
        return;
    }
    exchange.end("it is no longer permitted");
    let request = describe(&exchange.head.method, exchange.head.target.path());
    let mut entry = Entry::new(Rc::clone(worker.record()), Rc::clone(&exchange.request_id), request);
    entry.fill(&findings);
    entry.refused(refusal.status, &format!("ended while it ran: {refusal}"));
}
