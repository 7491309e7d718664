//! Step 3: requests that no rule allows.

use crate::{Host, ORDERS_PORT, Report, record::words};
use gate_record::{Event, Outcome};

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let url = |path: &str| format!("http://127.0.0.1:{ORDERS_PORT}{path}");
    let mark = host.mark()?;
    for (method, path, why) in [
        ("DELETE", "/orders/1", "a rule forbids it"),
        ("POST", "/orders", "no rule allows it"),
        ("GET", "/nothing", "no such route is declared"),
    ] {
        let answer = host.request("web", method, &url(path))?;
        let silent = !answer.body.contains("orders answers") && !answer.body.contains("rule");
        let expected = format!("web: {method} {path} gives 403 ({why}), and tells no internals");
        report.line(expected, answer.text(), answer.status == Some(403) && silent);
    }
    let forbidden = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Decision { action, rules, outcome, .. }
            if action == "orders.cancelOrder" && *outcome == Outcome::Deny
                && rules.as_slice() == ["clients-never-cancel"])
    })?;
    report.line("the record: clients-never-cancel denied it", words(forbidden.as_ref()), forbidden.is_some());
    let unrouted = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Enforcement { request, status: 403, outcome, decision: None, .. }
            if request.contains("/nothing") && *outcome == Outcome::Deny)
    })?;
    report.line("the record: GET /nothing matched no route", words(unrouted.as_ref()), unrouted.is_some());

    for (method, path) in [("GET", "/orders/1"), ("GET", "/orders"), ("POST", "/orders"), ("DELETE", "/orders/1")] {
        let answer = host.curl("batch", &["-v", "-X", method, &url(path)])?;
        let refused = answer.status.is_none() && answer.output.err.contains("Operation not permitted");
        let said = if refused { "connect() gave EPERM".into() } else { answer.text() };
        report.line(format!("batch: {method} {path}: refused in the kernel"), said, refused);
    }
    let flow = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { outcome, hook, source, destination, .. }
            if entry.role == "net" && *outcome == Outcome::Deny && hook == "connect" && source == "batch"
                && destination == "orders")
    })?;
    report.line("the record: connect() of batch to orders was denied", words(flow.as_ref()), flow.is_some());
    Ok(())
}
