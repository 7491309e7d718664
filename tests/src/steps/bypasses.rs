//! Step 4: straight at nginx's port and at gate-proxy's own, by nobody and by others.

use crate::{Host, LEDGER_PORT, ORDERS_PORT, OUTSIDE, Output, PROXY_PORT, Report, attacker::Outcome, record::words};
use anyhow::Context as _;
use gate_record::{Entry, Event};

const ADDRESSES: [&str; 7] =
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.2", "0.0.0.0", "[::]", "[::ffff:0.0.0.0]"];

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for (source, name) in [(OUTSIDE, "a process of no service"), ("batch", "batch"), ("ledger", "ledger")] {
        for (port, what) in [(ORDERS_PORT, "nginx's port"), (PROXY_PORT, "the proxy's hidden port")] {
            for address in ADDRESSES {
                refused(host, report, source, name, what, &format!("{address}:{port}"))?;
            }
        }
    }
    let mark = host.mark()?;
    for address in ADDRESSES {
        let to = format!("{address}:{PROXY_PORT}");
        refused(host, report, "web", "web, which may ask orders,", "the proxy's hidden port", &to)?;
    }
    let found = host.entry_after(mark, |entry| denied(entry, "connect", "web", "gate-proxy's own"))?;
    report.line(
        "the record: the port is gate-proxy's own, no rule is about it",
        words(found.as_ref()),
        found.is_some(),
    );
    unseen(host, report)
}

/// From outside the tree that the programs are attached to: no hook sees `connect()`, the packets alone are judged.
fn unseen(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let attacker = host.installed("gate-attacker")?;
    let mut stand = host.stand_of(OUTSIDE);
    stand.cgroup = host.cgroups().parent().context("the root of the cgroups")?.to_path_buf();
    for (port, what, hook, why) in [
        (ORDERS_PORT, "nginx's port", "lookup", "no socket that Gate knows"),
        (PROXY_PORT, "the proxy's hidden port", "lookup", "gate-proxy's own"),
        (LEDGER_PORT, "the ledger's port", "ingress", "no socket that Gate knows"),
    ] {
        for address in ["127.0.0.1", "[::1]"] {
            let (mark, to) = (host.mark()?, format!("{address}:{port}"));
            let words_of_it = ["connect", to.as_str(), "--line", "GET /orders/1 HTTP/1.0\r\n"];
            let came =
                super::read(&Output::of(&mut stand.command(attacker.as_os_str(), &words_of_it.map(AsRef::as_ref))?)?)?;
            let shut = matches!(&came, Outcome::Refused { call, .. } if call == "connect");
            report.line(format!("a process that no hook sees at {what}, {to}: no connection"), came.to_string(), shut);
            let found = host.entry_after(mark, |entry| denied(entry, hook, "", why))?;
            report.line(format!("the record: {hook} denied it"), words(found.as_ref()), found.is_some());
        }
    }
    Ok(())
}

fn denied(entry: &Entry, at: &str, from: &str, part: &str) -> bool {
    matches!(&entry.report.event, Event::Flow { outcome: gate_record::Outcome::Deny, hook, source, why, .. }
        if hook == at && source == from && why.contains(part))
}

fn refused(host: &mut Host, report: &mut Report, source: &str, name: &str, what: &str, to: &str) -> anyhow::Result<()> {
    let came = host.attempt(source, &["connect", to, "--line", "GET /orders/1 HTTP/1.0\r\n"])?;
    report.line(format!("{name} at {what}, {to}: refused"), came.to_string(), came.is("connect", "EPERM"));
    Ok(())
}
