//! Step 1: the kernel lets web to the ledger, and batch not.

use crate::{Host, LEDGER_PORT, Report};

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    for address in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let to = format!("{address}:{LEDGER_PORT}");
        let came = host.attempt("web", &["connect", &to, "--line", "invoice 7"])?;
        let expected = format!("web reaches the ledger at {to}");
        report.line(expected, came.to_string(), came.worked_with("booked 1: invoice 7"));

        let came = host.attempt("batch", &["connect", &to])?;
        let expected = format!("batch to the ledger at {to}: connect() gives EPERM at once");
        let at_once = matches!(came, crate::attacker::Outcome::Refused { micros, .. } if micros < 100_000);
        report.line(expected, came.to_string(), came.is("connect", "EPERM") && at_once);
    }
    let nc = host.run("batch", &["nc", "-v", "-w", "2", "127.0.0.1", &LEDGER_PORT.to_string()])?;
    let denied = !nc.succeeded() && nc.err.contains("Operation not permitted");
    report.line("batch, with nc: Operation not permitted", nc.text(), denied);
    Ok(())
}
