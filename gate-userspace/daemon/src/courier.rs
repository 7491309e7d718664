//! Carries reports to gate-audit, in order, several batches at a time. While it is away they wait; a batch whose answer
//! was lost is sent again, so that a report may be recorded twice, and none is skipped.
//!
//! gate-audit answers when a batch is on disk, which takes as long as it gathers for one commit. Were one batch on its way
//! at a time, that would bound what a role can report.

use crate::in_order::InOrder;
use crate::queue::{Batch, Reports};
use gate_host::{HostConfig, Role};
use gate_ipc::Client;
use gate_ipc::messages::{AuditReply, AuditRequest};
use std::time::Duration;

/// How long gate-audit may take for one batch, an `fsync` included.
const DEADLINE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Batches of one role that are on their way to the disk at the same time: gate-audit reads no further ahead. At some 200
/// reports each and a commit in 100 ms they carry 30,000 reports in a second.
pub const AHEAD: usize = 16;

/// gate-audit, as couriers call it.
pub(crate) type Audit = Client<AuditRequest, AuditReply>;

/// gate-audit of this host.
pub(crate) fn audit_of(config: &HostConfig) -> Audit {
    Client::to_role(config, Role::Audit, DEADLINE)
}

/// A batch that was sent, and why it is not recorded.
struct Sent {
    batch: Batch,
    request: AuditRequest,
    answer: Result<(), String>,
}

/// Runs as long as the daemon.
pub(crate) async fn carry(mut reports: Reports, audit: Audit) {
    let mut under_way = InOrder::new();
    loop {
        tokio::select! {
            batch = reports.next(), if under_way.len() < AHEAD => under_way.begin(send(&audit, batch)).await,
            sent = under_way.next() => match sent.answer {
                Ok(()) => sent.batch.recorded(),
                Err(_) => insist(&audit, sent, &mut under_way).await,
            },
        }
    }
}

async fn send(audit: &Audit, mut batch: Batch) -> Sent {
    let request = AuditRequest { durable: batch.is_durable(), reports: batch.take_reports() };
    let answer = ask(audit, &request).await;
    Sent { batch, request, answer }
}

async fn ask(audit: &Audit, request: &AuditRequest) -> Result<(), String> {
    match audit.call(request, &[]).await {
        Ok(AuditReply::Recorded { .. }) => Ok(()),
        Ok(AuditReply::Refused(refused)) => Err(refused.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Sends one batch again, until it is recorded, and then each that was under way behind it and was not recorded either.
async fn insist(audit: &Audit, first: Sent, under_way: &mut InOrder<'_, Sent>) {
    let mut again = vec![first];
    while under_way.len() > 0 {
        let sent = under_way.next().await;
        match sent.answer {
            Ok(()) => sent.batch.recorded(),
            Err(_) => again.push(sent),
        }
    }
    for Sent { batch, answer, .. } in &mut again {
        batch.postponed(answer.as_ref().err().map_or("", String::as_str));
    }
    for Sent { mut batch, request, .. } in again {
        let mut pause = FIRST_PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            match ask(audit, &request).await {
                Ok(()) => break batch.recorded(),
                Err(why) => batch.postponed(&why),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
