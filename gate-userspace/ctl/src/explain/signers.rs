//! Who signed the bundle in force: gate-audit's record of its activation says so.

use super::DEADLINE;
use crate::audit::Records;
use crate::host::Admin;
use gate_host::{HostConfig, Role};
use gate_ipc::messages::AdminRequest;
use gate_record::Event;
use serde_json::{Value, json};

/// How far back is looked, in records.
const FAR: u64 = 8_192;

/// The last record of an activation of the bundle that gate-authz has in force.
pub(crate) async fn find(config: &HostConfig) -> Result<Value, String> {
    let in_words = |why: crate::host::NoAnswer| why.reasons().join("; ");
    let status = Admin::new(config, Role::Authz, DEADLINE).json(&AdminRequest::Status).await.map_err(in_words)?;
    let Some(bundle) = status.get("bundle").and_then(Value::as_str) else {
        return Err("no bundle is in force".into());
    };
    let records = Records::new(Admin::new(config, Role::Audit, DEADLINE));
    let size = records.size().await.map_err(in_words)?;
    let mut end = size;
    while end > size.saturating_sub(FAR) {
        let from = end.saturating_sub(256);
        let entries = records.read(from, end).await.map_err(in_words)?;
        let found = entries.iter().rev().find_map(|(index, entry)| {
            let entry = gate_record::decode(entry).ok()?;
            match entry.report.event {
                Event::Bundle { step, candidate, candidate_version, quorum, author, approvers, .. }
                    if candidate == bundle && (step == "activated" || step == "restored") =>
                {
                    Some(json!({
                        "entry": index, "version": candidate_version, "quorum": quorum, "author": author,
                        "approvers": approvers,
                    }))
                }
                _ => None,
            }
        });
        if let Some(found) = found {
            return Ok(found);
        }
        end = from;
    }
    Err(format!("its activation is not in the last {FAR} records"))
}
