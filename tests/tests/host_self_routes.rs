//! Rules that permit `Host::"self"` a route: gate-proxy connects on behalf of the host, and must say so.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_record::{Event, Outcome as Recorded};
use gate_tests::{Host, ORDERS_PORT, OUTSIDE, Output, Policy, at, left_out, shared, until};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _};

/// The shop, where processes of no service may read orders.
fn open_to_the_host(shop: &Policy) -> anyhow::Result<Policy> {
    let rule = "\n@id(\"host-reads-orders\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                permit (principal == Host::\"self\", action in Action::\"orders:read\", resource == Service::\"orders\");\n";
    shop.clone().with("shop.cedar", rule).without_cases()
}

/// A test on the host under that policy; the shop's own is in force again afterwards.
fn under_it(test: impl FnOnce(&mut Host) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    host.publish(open_to_the_host(&shop)?)?;
    let tried = test(host);
    host.publish(shop)?;
    tried
}

fn url(path: &str) -> String {
    format!("http://127.0.0.1:{ORDERS_PORT}{path}")
}

#[test]
fn a_host_process_gets_the_route_that_it_is_permitted_and_no_other() -> anyhow::Result<()> {
    under_it(|host| {
        let mark = host.mark()?;
        for address in ["127.0.0.1", "[::1]"] {
            let got = host.request(OUTSIDE, "GET", &format!("http://{address}:{ORDERS_PORT}/orders/1"))?;
            ensure!(got.status == Some(200), "GET /orders/1 at {address}: {}", got.text());
        }
        let denied = host.request(OUTSIDE, "POST", &url("/orders"))?;
        ensure!(denied.status == Some(403), "POST /orders: {}", denied.text());
        let other = host.request("web", "GET", &url("/orders/1"))?;
        ensure!(other.status == Some(200), "web, beside it: {}", other.text());
        let granted = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Grant { outcome: Recorded::Allow, source, destination, .. }
                if source.is_empty() && destination == "orders")
        })?;
        ensure!(granted.is_some(), "the record has no grant of the host");
        Ok(())
    })
}

#[test]
fn without_the_rule_it_gets_nothing() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let got = shared.host()?.request(OUTSIDE, "GET", &url("/orders/1"))?;
    ensure!(got.status.is_none(), "{}", got.text());
    Ok(())
}

#[test]
fn a_socket_of_the_proxy_that_says_nothing_is_refused_whatever_was_granted() -> anyhow::Result<()> {
    under_it(|host| {
        let mark = host.mark()?;
        let came = attack(host, &["--no-behalf"])?;
        ensure!(at(&came, "/net/until_ms").is_u64(), "the grant itself is good: {came}");
        ensure!(is_eperm(&came), "{came}");
        let said = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Flow { why, source, .. }
                if source == "gate-proxy" && why.contains("did not say on whose behalf"))
        })?;
        ensure!(said.is_some(), "the record does not say why");
        Ok(())
    })
}

#[test]
fn no_byte_passes_after_the_grant_of_the_host_has_ended() -> anyhow::Result<()> {
    under_it(|host| {
        // What was granted before would go on.
        until("the grants to end", || {
            Ok((*at(&host.operator().status(Role::Net)?, "/duty/live_grants") == 0).then_some(()))
        })?;
        let came = attack(host, &["--until-it-ends"])?;
        let works = at(&came, "/connect/worked").as_str().is_some_and(|text| text.contains("200"));
        ensure!(works, "under the grant: {came}");
        let (answers, last) = (at(&came, "/answers").as_u64().unwrap_or(0), at(&came, "/last_byte").as_i64());
        // The conversion between the two clocks is good to a few milliseconds.
        ensure!(answers > 1 && last.is_some_and(|last| (-500..10).contains(&last)), "{came}");
        ensure!(*at(&came, "/ended/refused") == "read", "the same connection afterwards: {came}");
        ensure!(*at(&came, "/afterwards/error") == "EPERM", "a new connection afterwards: {came}");
        Ok(())
    })
}

#[test]
fn gate_net_takes_no_grant_of_the_host_where_no_rule_lets_it() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let came = attack(shared.host()?, &[])?;
    let refusal = at(&came, "/net/refused").as_str().unwrap_or_default().to_owned();
    ensure!(refusal.contains("no rule lets") && is_eperm(&came), "{came}");
    Ok(())
}

/// In gate-proxy's place, with both keys stolen: presents a grant for the host, and connects.
fn attack(host: &mut Host, further: &[&str]) -> anyhow::Result<Value> {
    let destination = host.bundle()?.tables().service_named("orders").context("no orders")?.id.0.to_string();
    let version = host.bundle()?.manifest().version().to_string();
    let (config, to) = (host.config().display().to_string(), format!("127.0.0.1:{ORDERS_PORT}"));
    let (authn, authz) = (stolen(host, "authn")?, stolen(host, "authz")?);
    let mut words = vec!["grant", "--config", &config, "--to", &to, "--source", "0", "--destination", &destination];
    words.extend(["--version", &version, "--authn-key", &authn, "--authz-key", &authz]);
    words.extend(further);
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let output = Output::of(&mut host.stand(Role::Proxy).command(attacker.as_str(), &words)?)?;
    serde_json::from_str(output.out.trim()).with_context(|| format!("gate-attacker said {:?}", output.text()))
}

/// A role's key, where the attacker can read it.
fn stolen(host: &Host, role: &str) -> anyhow::Result<String> {
    let stolen = host.path("services").join(format!("stolen-{role}"));
    fs::copy(host.path("state").join(role).join("role.key"), &stolen)?;
    fs::set_permissions(&stolen, fs::Permissions::from_mode(0o644))?;
    Ok(stolen.display().to_string())
}

fn is_eperm(came: &Value) -> bool {
    *at(came, "/connect/refused") == "connect" && *at(came, "/connect/error") == "EPERM"
}
