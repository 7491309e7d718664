//! One record on one line.

use crate::text::{plain, signers, time_ms};
use gate_record::{Entry, Event, Outcome};

/// `INDEX TIME ROLE vVERSION what happened`.
pub(crate) fn line(index: u64, entry: &[u8]) -> String {
    let Ok(Entry { role, report, solo, .. }) = gate_record::decode(entry) else {
        return format!("{index:>7} unreadable: {}\n", plain(&String::from_utf8_lossy(entry)));
    };
    let solo = if solo { " [solo]" } else { "" };
    format!(
        "{index:>7} {} {:<6} v{}{solo} {}\n",
        time_ms(report.time_ms),
        plain(&role),
        report.version,
        plain(&what(&report.event))
    )
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "ALLOW",
        Outcome::Deny => "DENY",
        Outcome::WouldDeny => "WOULD-DENY",
    }
}

fn name(service: &str) -> &str {
    if service.is_empty() { "(no service)" } else { service }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A reason after a colon, where there is one.
fn why(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn what(event: &Event) -> String {
    match event {
        Event::Start { binary, sandbox, object, labels } => {
            let object = object.as_ref().map(|object| format!(", object {}", short(object))).unwrap_or_default();
            let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!(", labels {}", labels.join(" ")) };
            format!("start binary {}{object}{labels}, sandbox {sandbox}", short(binary))
        }
        Event::Stop {} => "stop".into(),
        Event::Heartbeat {} => "heartbeat".into(),
        Event::Flow { .. } | Event::Session { .. } | Event::Grant { .. } => flow(event),
        Event::Decision { .. } | Event::Enforcement { .. } => request(event),
        Event::Bundle { step, candidate, candidate_version, quorum, author, approvers, reasons } => {
            let signed = author.is_some() || !approvers.is_empty();
            let by = signed.then(|| signers(quorum.as_deref(), author.as_deref(), approvers));
            let by = by.map(|by| format!(", {by}")).unwrap_or_default();
            format!("bundle {step} {} version {candidate_version}{by}{}", short(candidate), why(&reasons.join("; ")))
        }
        Event::Administration { uid, act } => format!("operator uid {uid}: {act}"),
        Event::Rejected { socket, peer, found } => format!("rejected at {socket}: {peer}: {found}"),
        Event::Loss { what, source, count } => {
            let of = if source.is_empty() { String::new() } else { format!(" of {source}") };
            format!("LOSS {count}{of}: {what}")
        }
        Event::Mismatch { found } => format!("MISMATCH {found}"),
        Event::Closed { count, why } => format!("closed {count} sockets: {why}"),
    }
}

fn flow(event: &Event) -> String {
    match event {
        Event::Flow { outcome: result, hook, why: reason, source, destination, to, uid, rule, .. } => {
            let uid = uid.map(|uid| format!(" uid {uid}")).unwrap_or_default();
            let rule = rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
            let (source, destination) = (name(source), name(destination));
            format!("{} flow {source}{uid} -> {destination} {to} at {hook}{rule}{}", outcome(*result), why(reason))
        }
        Event::Session { session, source, uid, to, attested_by } => {
            format!("session {} {} uid {uid} -> {to}, attested by {attested_by}", short(session), name(source))
        }
        Event::Grant { session, source, destination, until_ms, outcome: result, why: reason, .. } => format!(
            "{} grant {} -> {} until {}, session {}{}",
            outcome(*result),
            name(source),
            name(destination),
            time_ms(*until_ms),
            short(session),
            why(reason)
        ),
        _ => String::new(),
    }
}

fn request(event: &Event) -> String {
    match event {
        Event::Decision {
            decision, source, destination, action, request, outcome: result, rules, why: reason, ..
        } => {
            let by = if rules.is_empty() { String::new() } else { format!(" by {}", rules.join(", ")) };
            format!(
                "{} decision {} {} -> {} {action} ({request}){by}{}",
                outcome(*result),
                short(decision),
                name(source),
                name(destination),
                why(reason)
            )
        }
        Event::Enforcement {
            request_id, source, destination, request, status, outcome: result, why: reason, ..
        } => {
            format!(
                "{} request {} {} -> {} {request}: {status}{}",
                outcome(*result),
                short(request_id),
                name(source),
                name(destination),
                why(reason)
            )
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gate_record::Report;

    fn entry(event: Event) -> Vec<u8> {
        let report = Report { time_ms: 1_795_360_800_125, version: 3, bundle: String::new(), event };
        let entry = Entry {
            host: "h1".into(),
            environment: "demo".into(),
            role: "net".into(),
            received_ms: 1_795_360_800_130,
            git_commit: None,
            solo: false,
            report: report.into(),
        };
        gate_record::encode(&entry).unwrap()
    }

    #[test]
    fn a_denied_flow() {
        let event = Event::Flow {
            outcome: Outcome::Deny,
            hook: "connect".into(),
            why: "no rule".into(),
            source: "batch".into(),
            destination: "ledger".into(),
            from: None,
            to: "127.0.0.1:9000".parse().unwrap(),
            uid: Some(1003),
            rule: None,
        };
        let expected = "     17 2026-11-22T15:20:00.125Z net    v3 DENY flow batch uid 1003 -> ledger 127.0.0.1:9000 at \
                        connect: no rule\n";
        assert_eq!(line(17, &entry(event)), expected);
    }

    #[test]
    fn text_of_others_is_not_obeyed() {
        let event = Event::Mismatch { found: "\u{1b}[2J\n".into() };
        assert!(line(1, &entry(event)).ends_with("MISMATCH \\u{1b}[2J\\n\n"));
        assert_eq!(line(1, b"\x1b[0m"), "      1 unreadable: \\u{1b}[0m\n");
    }
}
