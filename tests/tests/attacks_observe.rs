//! Attacks that use a service in observe to do what an enforced one may not.

use anyhow::{Context as _, ensure};
use gate_record::{Event, Outcome as Recorded};
use gate_tests::{Host, left_out, record::words, shared};

const LEDGER: &str = "127.0.0.1:9000";
/// Two services in observe. No rule is about them.
const OBSERVED: &str = "\n[service.watched]\ncgroup = \"watched.service\"\nowner = \"team-shop\"\nmode = \"observe\"\n\
                        \n[service.seen]\ncgroup = \"seen.service\"\nowner = \"team-shop\"\nmode = \"observe\"\n";

#[test]
fn p21_a_socket_is_observed_only_where_maker_and_user_both_are() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    host.publish(shop.clone().with("services.toml", OBSERVED))?;
    let tried = lent(host);
    host.publish(shop)?;
    tried
}

fn lent(host: &mut Host) -> anyhow::Result<()> {
    let came = host.attempt("watched", &["connect", LEDGER])?;
    ensure!(came.worked_with("booked 1"), "watched, which is observed, by itself: {came}");
    for (lender, borrower) in [("watched", "batch"), ("batch", "watched"), ("watched", "web"), ("web", "batch")] {
        let came = host.borrow(lender, borrower, LEDGER)?;
        ensure!(came.is("connect", "EPERM"), "made by {lender}, connected by {borrower}: {came}");
    }
    let mark = host.mark()?;
    let came = host.borrow("watched", "seen", LEDGER)?;
    ensure!(came.worked_with("booked 1"), "made by watched, connected by seen, both observed: {came}");
    let entry = host.entry_after(mark, |entry| {
        matches!(&entry.report.event, Event::Flow { outcome: Recorded::WouldDeny, source, why, hook, .. }
            if source == "watched" && hook == "connect" && why.contains("used by seen"))
    })?;
    entry.map(|_| ()).with_context(|| words(None))
}
