//! Step 6: bundles that must not take effect. Each role refuses each for itself, and says why.

use crate::{Host, LEDGER_PORT, Report, at, operator::ORDER};
use gate_bundle::{Bundle, Role as Signing};
use gate_ipc::messages::AdminReply;
use gate_statements::{Confirmation, Signed};
use gate_tables::{Reach, Via};

/// What each role has to name, and what the roles behind gate-authz may name instead.
struct Bad {
    what: &'static str,
    tar: Vec<u8>,
    reason: &'static str,
    /// Where only gate-authz can know: the others miss its confirmation.
    confirmed_only: bool,
}

pub(super) fn run(host: &mut Host, report: &mut Report) -> anyhow::Result<()> {
    let first = host.bundle()?.clone();
    let next = host
        .policy
        .clone()
        .with("services.toml", "\n[service.reports]\ncgroup = \"reports.service\"\nowner = \"team-shop\"\n");
    host.publish(next)?;
    let version = host.bundle()?.manifest().version();
    report.line(
        "a good second bundle, with a new service: in force everywhere",
        in_force(host)?,
        all_on(host, version)?,
    );
    for bad in bad_bundles(host, &first)? {
        refused_by_each(host, report, &bad)?;
    }
    let file = host.path("people/bad.tar");
    std::fs::write(&file, unapproved(host)?.to_tar())?;
    let words = ["bundle", "load", &file.display().to_string(), "--config", &host.config().display().to_string()];
    let loaded = host.gatectl(&words.map(str::to_owned))?;
    let expected = "gatectl bundle load of the unapproved one: exit code 1, each role's reason";
    let named = ORDER.iter().all(|role| loaded.text().contains(&format!("gate-{role}")));
    report.line(expected, format!("exit code {:?}: {}", loaded.code, loaded.text()), loaded.code == Some(1) && named);
    report.line("the good one stays in force everywhere", in_force(host)?, all_on(host, version)?);
    let to = format!("127.0.0.1:{LEDGER_PORT}");
    let came = host.attempt("batch", &["connect", &to])?;
    report.line("batch → ledger, which a smuggled table allowed: EPERM", came.to_string(), came.is("connect", "EPERM"));
    Ok(())
}

fn unapproved(host: &Host) -> anyhow::Result<Bundle> {
    let policy = host.policy.clone().with("shop.cedar", "\n// Nobody approved this.\n");
    host.people.sign(&policy.bundle(Some(host.bundle()?), |_| {})?, "alice", Signing::Author)
}

fn bad_bundles(host: &Host, first: &Bundle) -> anyhow::Result<Vec<Bad>> {
    let (people, current) = (&host.people, host.bundle()?);
    let both = |bundle: &Bundle| -> anyhow::Result<Bundle> {
        people.sign(&people.sign(bundle, "alice", Signing::Author)?, "bob", Signing::Approver)
    };
    let own = people.sign(&unapproved(host)?, "alice", Signing::Approver)?;
    let good = both(&host.policy.clone().with("shop.cedar", "\n// A remark.\n").bundle(Some(current), |_| {})?)?;
    let smuggled =
        both(&host.policy.clone().with("shop.cedar", "\n// Harmless.\n").bundle(Some(current), |tables| {
            let id = |name: &str| tables.service_named(name).map(|service| service.id);
            let line = tables.reach.iter().find(|line| Some(line.source) == id("web") && line.via == Via::Direct);
            // Whoever compiles other tables lets them agree with each other.
            if let (Some(line), Some(source)) = (line.cloned(), id("batch")) {
                let target = (line.destination, line.port);
                tables.reach.push(Reach { source, ..line });
                tables.reach.sort_by_key(|line| (line.source, line.destination, line.port));
                for line in tables.access.iter_mut().filter(|line| (line.destination, line.port) == target) {
                    line.sources.push(source);
                    line.sources.sort();
                }
            }
        })?)?;
    let bad = |what, tar, reason| Bad { what, tar, reason, confirmed_only: false };
    Ok(vec![
        bad("without an approver", unapproved(host)?.to_tar(), "0 of 1 approvals"),
        bad("approved by its author", own.to_tar(), "the author does not approve"),
        bad("with a changed byte", changed(good.to_tar()), "policy/shop.cedar"),
        Bad {
            confirmed_only: true,
            ..bad("with tables that do not match its rules", smuggled.to_tar(), "tables.json")
        },
        bad("that is older", first.to_tar(), "older than or as old as the active version"),
    ])
}

/// One letter of a rule.
fn changed(mut tar: Vec<u8>) -> Vec<u8> {
    let word = b"@id(\"web-books-in-ledger\")";
    let place = tar.windows(word.len()).position(|window| window == word);
    if let Some(byte) = place.and_then(|place| tar.get_mut(place + 5)) {
        *byte = b'W';
    }
    tar
}

fn refused_by_each(host: &Host, report: &mut Report, bad: &Bad) -> anyhow::Result<()> {
    let none: Option<Signed<Confirmation>> = None;
    for role in ORDER {
        let reply = host.operator().stage(role, &bad.tar, none.clone())?;
        let happened = match &reply {
            AdminReply::Refused(refused) => refused.to_string(),
            other => format!("{other:?}"),
        };
        let reason = if bad.confirmed_only && role != gate_host::Role::Authz { "confirm" } else { bad.reason };
        let right = matches!(reply, AdminReply::Refused(_)) && happened.contains(reason);
        report.line(format!("a bundle {}: gate-{role} refuses it", bad.what), happened, right);
    }
    Ok(())
}

fn in_force(host: &Host) -> anyhow::Result<String> {
    let versions: anyhow::Result<Vec<String>> = ORDER
        .into_iter()
        .map(|role| Ok(format!("gate-{role} on {}", at(&host.operator().status(role)?, "/version"))))
        .collect();
    Ok(versions?.join(", "))
}

fn all_on(host: &Host, version: u64) -> anyhow::Result<bool> {
    let digest = host.bundle()?.digest().to_string();
    for role in ORDER {
        let status = host.operator().status(role)?;
        if *at(&status, "/version") != version || *at(&status, "/bundle") != digest.as_str() {
            return Ok(false);
        }
    }
    Ok(true)
}
