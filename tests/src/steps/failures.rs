//! Step 8: each process killed in turn. What the kernel enforces it goes on enforcing; what needs the dead process ends.

use crate::{
    Host, LEDGER_PORT, ORDERS_PORT, Report,
    http::Answer,
    record::{Mark, words},
    until_within,
};
use anyhow::Context as _;
use gate_host::Role;
use gate_record::Event;
use std::time::{Duration, Instant};

/// Longer than a grant or a cached decision lives.
const RUN_OUT: Duration = Duration::from_secs(15);
/// Longer than a cached decision lives (5 s), shorter than a grant is used (7 s: it is renewed 3 s before its end): the
/// time tells which of them ended.
const DECISION_RUN_OUT: Duration = Duration::from_secs(6);

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    net(host, report)?;
    proxy(host, report)?;
    authn(host, report)?;
    authz(host, report)?;
    audit(host, report)
}

fn net(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    answers(host, report, "before")?;
    host.kill_role(Role::Net)?;
    ledger(host, report, "gate-net killed: web still reaches the ledger", "web", true)?;
    ledger(host, report, "gate-net killed: batch still does not", "batch", false)?;
    // cgroups that are made now: matched by the kernel alone.
    host.remove_cgroup("batch")?;
    ledger(host, report, "gate-net killed: nor does it from a new batch.service", "batch", false)?;
    ledger(host, report, "gate-net killed: a new cgroup below web.service is web", "web.service/job.scope", true)?;
    runs_out(host, report, "gate-net killed: grants are not renewed, requests end within their life (10 s)")?;
    restarted(host, report, Role::Net)
}

fn proxy(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    host.kill_role(Role::Proxy)?;
    let answer = get(host)?;
    report.line("gate-proxy killed: orders refuses", answer.text(), answer.status.is_none());
    ledger(host, report, "gate-proxy killed: web still reaches the ledger", "web", true)?;
    restarted(host, report, Role::Proxy)
}

fn authn(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let mut held = host.hold("web", format!("127.0.0.1:{ORDERS_PORT}").parse()?)?;
    let before = held.ask("GET /orders/1")?;
    anyhow::ensure!(before.worked_with("200"), "the session that is to stay: {before}");
    host.kill_role(Role::Authn)?;
    let came = held.ask("GET /orders/1")?;
    report.line("gate-authn killed: a session that is there goes on", came.to_string(), came.worked_with("200"));
    let answer = get(host)?;
    let none = answer.status.is_none_or(|status| status == 503);
    report.line("gate-authn killed: no new session", answer.text(), none);
    restarted(host, report, Role::Authn)
}

fn authz(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    // Decision and grant must begin together: the end of an older grant would hide a decision that does not end.
    until_within(RUN_OUT, "the grants to end", || {
        Ok((*crate::at(&host.operator().status(Role::Net)?, "/duty/live_grants") == 0).then_some(()))
    })?;
    let mut held = host.hold("web", format!("127.0.0.1:{ORDERS_PORT}").parse()?)?;
    let before = held.ask("GET /orders/1")?;
    anyhow::ensure!(before.worked_with("200"), "the decision that is to be cached: {before}");
    host.kill_role(Role::Authz)?;
    let came = held.ask("GET /orders/1")?;
    report.line("gate-authz killed: a decision that is cached holds", came.to_string(), came.worked_with("200"));
    let begun = Instant::now();
    let last = until_within(RUN_OUT, "the cached decision to end", || {
        let came = held.ask("GET /orders/1")?;
        Ok((!came.worked_with("200")).then_some(came))
    })?;
    let happened = format!("after {:.1} s: {last}", begun.elapsed().as_secs_f32());
    let right = last.worked_with("503") && begun.elapsed() < DECISION_RUN_OUT;
    report.line("gate-authz killed: until its short expiry (5 s), then 503", happened, right);
    restarted(host, report, Role::Authz)
}

fn audit(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let mark = host.mark()?;
    host.kill_role(Role::Audit)?;
    let answer = host.request("web", "GET", &format!("http://127.0.0.1:{ORDERS_PORT}/orders/77"))?;
    report.line("gate-audit killed: requests go on, the record waits", answer.text(), answer.status == Some(200));
    restarted(host, report, Role::Audit)?;
    let caught_up = host.entry_after(
        mark,
        |entry| matches!(&entry.report.event, Event::Enforcement { request, .. } if request.contains("/orders/77")),
    )?;
    report.line("what happened meanwhile is in the log", words(caught_up.as_ref()), caught_up.is_some());
    let starts = host.entries(Mark::START)?.iter().filter(|entry| began(&entry.role, &entry.report.event)).count();
    report.line("both starts of gate-audit are in the log", format!("{starts} starts"), starts == 2);
    Ok(())
}

fn began(role: &str, event: &Event) -> bool {
    role == "audit" && matches!(event, Event::Start { .. })
}

fn get(host: &mut Host) -> anyhow::Result<Answer> {
    host.request("web", "GET", &format!("http://127.0.0.1:{ORDERS_PORT}/orders/1"))
}

fn answers(host: &mut Host, report: &mut Report, when: &str) -> anyhow::Result<()> {
    let answer = get(host)?;
    report.line(format!("{when}: web gets order 1"), answer.text(), answer.status == Some(200));
    Ok(())
}

fn ledger(host: &mut Host, report: &mut Report, what: &str, source: &str, reaches: bool) -> anyhow::Result<()> {
    let came = host.attempt(source, &["connect", &format!("127.0.0.1:{LEDGER_PORT}")])?;
    let right = if reaches { came.worked_with("booked 1") } else { came.is("connect", "EPERM") };
    report.line(what, came.to_string(), right);
    Ok(())
}

fn runs_out(host: &mut Host, report: &mut Report, what: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    let ended = until_within(RUN_OUT, "requests to end", || {
        let answer = get(host)?;
        Ok((answer.status != Some(200)).then_some(answer))
    })?;
    let happened = format!("after {:.1} s: {}", begun.elapsed().as_secs_f32(), ended.text());
    report.line(what, happened, ended.status == Some(503));
    Ok(())
}

fn restarted(host: &mut Host, report: &mut Report, role: Role) -> anyhow::Result<()> {
    let begun = Instant::now();
    host.start_roles(&[role]).with_context(|| format!("starting gate-{role} again"))?;
    let mut last = None;
    let answer = until_within(RUN_OUT, "an answer", || {
        let answer = get(host)?;
        let right = answer.status == Some(200);
        last = Some(answer.clone());
        Ok(right.then_some(answer))
    });
    let text = match (&answer, &last) {
        (Ok(answer), _) => answer.text(),
        (Err(error), Some(last)) => format!("{error}; the last was {}", last.text()),
        (Err(error), None) => error.to_string(),
    };
    let happened = format!("after {:.1} s: {text}", begun.elapsed().as_secs_f32());
    report.line(format!("gate-{role} started again: web gets order 1"), happened, answer.is_ok());
    Ok(())
}
