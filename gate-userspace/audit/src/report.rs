//! What a role may report.

use gate_host::Role;
use gate_record::{Event, Report};

/// Why a report does not become an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// Reads one report of this role. Nothing in it says whose it is; what another role alone can know is refused, so that
/// a role that was taken over cannot speak for others.
///
/// # Errors
/// [`Refused`] says what was found.
pub fn accept(role: Role, bytes: &[u8]) -> Result<Report, Refused> {
    let report: Report =
        serde_json::from_slice(bytes).map_err(|error| Refused(format!("a report that is none: {error}")))?;
    let (kind, reporters) = reporters(&report.event);
    if !reporters.is_empty() && !reporters.contains(&role) {
        return Err(Refused(format!("gate-{role} reported a {kind}, which is not its to report")));
    }
    let digest = report.bundle.as_str();
    let named = digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !digest.is_empty() && !named {
        return Err(Refused(format!("a report under bundle {digest:.80?}, which is no digest")));
    }
    Ok(report)
}

/// The event's name, and who may report it; empty: everybody.
fn reporters(event: &Event) -> (&'static str, &'static [Role]) {
    match event {
        Event::Start { .. } => ("start", &[]),
        Event::Stop {} => ("stop", &[]),
        Event::Heartbeat {} => ("heartbeat", &[]),
        Event::Bundle { .. } => ("bundle", &[]),
        Event::Administration { .. } => ("administration", &[]),
        Event::Rejected { .. } => ("rejection", &[]),
        Event::Loss { .. } => ("loss", &[]),
        Event::Flow { .. } => ("flow", &[Role::Net]),
        Event::Grant { .. } => ("grant", &[Role::Net]),
        Event::Closed { .. } => ("closing", &[Role::Net]),
        Event::Session { .. } => ("session", &[Role::Authn]),
        Event::Decision { .. } => ("decision", &[Role::Authz]),
        Event::Enforcement { .. } => ("enforcement", &[Role::Proxy]),
        Event::Mismatch { .. } => ("mismatch", &[Role::Audit]),
    }
}
