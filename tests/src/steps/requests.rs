//! Step 2: a request that a rule allows, through the proxy, without the client knowing.

use crate::{Host, ORDERS_PORT, Report, record::words};
use gate_record::{Event, Outcome};

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for address in ["127.0.0.1", "[::1]"] {
        let (mark, asked) = (host.mark()?, format!("{address}:{ORDERS_PORT}"));
        let answer = host.request("web", "GET", &format!("http://{asked}/orders/1"))?;
        let right = answer.status == Some(200) && answer.body.contains("orders answers GET /orders/1");
        report.line(format!("web: GET http://{asked}/orders/1 gives 200 from orders"), answer.text(), right);
        let expected = format!("curl sees the address that it asked for, {asked}");
        report.line(expected, format!("it is connected to {}", answer.remote), answer.remote == asked);
        let id = &answer.request_id;
        report.line("it went through gate-proxy: x-request-id", format!("x-request-id: {id}"), !id.is_empty());

        let uid = host.stand_of("web").uid;
        let session = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Session { source, uid: found, to, attested_by, .. }
                if entry.role == "authn" && source == "web" && *found == uid && to.to_string() == asked
                    && attested_by == "kernel")
        })?;
        let expected = format!("the record: the kernel attests web, user {uid}, connected to {asked}");
        report.line(expected, words(session.as_ref()), session.is_some());
        let enforced = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Enforcement { request_id, decision, source, status, outcome, .. }
                if entry.role == "proxy" && request_id == id && decision.is_some() && source == "web"
                    && *status == 200 && *outcome == Outcome::Allow)
        })?;
        let expected = format!("the record: gate-proxy enforced {id} by a decision for web");
        report.line(expected, words(enforced.as_ref()), enforced.is_some());
        let decided = enforced.and_then(|entry| match entry.report.event {
            Event::Enforcement { decision, .. } => decision,
            _ => None,
        });
        let decision = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Decision { decision, action, rules, outcome, .. }
                if entry.role == "authz" && Some(decision) == decided.as_ref() && action == "orders.getOrder"
                    && rules.as_slice() == ["web-reads-orders"] && *outcome == Outcome::Allow)
        })?;
        let expected = "the record: gate-authz decided it by rule web-reads-orders";
        report.line(expected, words(decision.as_ref()), decision.is_some());
    }
    Ok(())
}
