//! Carries reports to gate-audit, in order. While it is away they wait; a batch whose answer was lost is sent again,
//! so that a report may be recorded twice, and none is skipped.

use crate::queue::Reports;
use gate_host::{HostConfig, Role};
use gate_ipc::Client;
use gate_ipc::messages::{AuditReply, AuditRequest};
use std::time::Duration;

/// How long gate-audit may take for one batch, an `fsync` included.
const DEADLINE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// gate-audit, as couriers call it.
pub(crate) type Audit = Client<AuditRequest, AuditReply>;

/// gate-audit of this host.
pub(crate) fn audit_of(config: &HostConfig) -> Audit {
    Client::to_role(config, Role::Audit, DEADLINE)
}

/// Runs as long as the daemon.
pub(crate) async fn carry(mut reports: Reports, audit: Audit) {
    loop {
        let mut batch = reports.next().await;
        let request = AuditRequest { reports: batch.reports().to_vec(), durable: batch.is_durable() };
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match audit.call(&request, &[]).await {
                Ok(AuditReply::Recorded { .. }) => break,
                Ok(AuditReply::Refused(refused)) => refused.to_string(),
                Err(error) => error.to_string(),
            };
            batch.postponed(&why);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        batch.recorded();
    }
}
