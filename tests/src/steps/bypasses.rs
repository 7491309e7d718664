//! Step 4: straight at nginx's port and at gate-proxy's own, by nobody and by others.

use crate::{Host, ORDERS_PORT, OUTSIDE, PROXY_PORT, Report};

const ADDRESSES: [&str; 5] = ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.2", "0.0.0.0"];

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for (source, name) in [(OUTSIDE, "a process of no service"), ("batch", "batch"), ("ledger", "ledger")] {
        for (port, what) in [(ORDERS_PORT, "nginx's port"), (PROXY_PORT, "the proxy's hidden port")] {
            for address in ADDRESSES {
                refused(host, report, source, name, what, &format!("{address}:{port}"))?;
            }
        }
    }
    for address in ADDRESSES {
        let to = format!("{address}:{PROXY_PORT}");
        refused(host, report, "web", "web, which may ask orders,", "the proxy's hidden port", &to)?;
    }
    Ok(())
}

fn refused(host: &mut Host, report: &mut Report, source: &str, name: &str, what: &str, to: &str) -> anyhow::Result<()> {
    let came = host.attempt(source, &["connect", to, "--line", "GET /orders/1 HTTP/1.0\r\n"])?;
    report.line(format!("{name} at {what}, {to}: refused"), came.to_string(), came.is("connect", "EPERM"));
    Ok(())
}
