//! Hosts, headers and parameters that a route declares, from a client to the backend.

use anyhow::ensure;
use gate_record::{Event, Outcome as Recorded};
use gate_tests::{Host, ORDERS_PORT, Policy, left_out, shared};
use std::net::SocketAddr;

/// The shop, where a route is for some hosts and declares a header and a parameter.
fn declaring(shop: &Policy) -> anyhow::Result<Policy> {
    let route = "getOrder = { match = \"GET /orders/{id:int}\", groups = [\"read\"], hosts = [\"*.shop.example\"], \
                 headers = { x-tenant = \"string\" }, query = { limit = \"int\" } }";
    shop.clone()
        .replace("services.toml", "getOrder    = { match = \"GET /orders/{id:int}\", groups = [\"read\"] }", route)?
        .without_cases()
}

/// The shop, where nobody reads more than a hundred.
fn bounded(shop: &Policy) -> anyhow::Result<Policy> {
    let route = "getOrder    = { match = \"GET /orders/{id:int}\", groups = [\"read\"], query = { limit = \"int\" } }";
    let rule = "\n@id(\"few-at-once\")\n@reason(\"a test\")\n@ticket(\"OPS-1\")\n\
                forbid (principal == Service::\"web\", action == Action::\"orders.getOrder\", resource == Service::\"orders\")\n\
                when { context.query has limit && context.query.limit > 100 };\n";
    let plain = "getOrder    = { match = \"GET /orders/{id:int}\", groups = [\"read\"] }";
    shop.clone().replace("services.toml", plain, route)?.with("shop.cedar", rule).without_cases()
}

/// A test on the host under that policy; the shop's own is in force again afterwards.
fn under(
    policy: impl FnOnce(&Policy) -> anyhow::Result<Policy>,
    test: impl FnOnce(&mut Host) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let shop = host.policy.clone();
    host.publish(policy(&shop)?)?;
    let tried = test(host);
    host.publish(shop)?;
    tried
}

fn get(host: &mut Host, query: &str, fields: &[&str]) -> anyhow::Result<Option<u16>> {
    let url = format!("http://127.0.0.1:{ORDERS_PORT}/orders/1{query}");
    let mut words = vec!["-g"];
    fields.iter().for_each(|field| words.extend(["-H", field]));
    words.push(&url);
    Ok(host.curl("web", &words)?.status)
}

const SHOP: &str = "Host: API.shop.example.:80";

#[test]
fn a_route_is_for_its_hosts_and_what_is_declared_has_one_reading() -> anyhow::Result<()> {
    under(declaring, |host| {
        let mark = host.mark()?;
        for (query, fields, expected) in [
            ("", [SHOP].as_slice(), 200),
            ("?limit=5&a=1;b=2", &[SHOP, "X-Tenant: a"], 200),
            ("", &["Host: orders"], 403),
            ("", &["Host: orders", "X-Forwarded-Host: api.shop.example"], 403),
            ("", &[SHOP, "x-tenant: a", "X-Tenant: b"], 400),
            ("", &[SHOP, "x-tenant: a", "x_tenant: b"], 400),
            ("", &[SHOP, "x-tenant: a", "Connection: x-tenant"], 400),
            ("?limit=5&limit=6", &[SHOP], 400),
            ("?limit=5&LIMIT=6", &[SHOP], 400),
            ("?limit=5&%6cimit=6", &[SHOP], 400),
            ("?a=1;limit=6", &[SHOP], 400),
            ("?limit[]=6", &[SHOP], 400),
            ("?limit=six", &[SHOP], 400),
        ] {
            let status = get(host, query, fields)?;
            ensure!(status == Some(expected), "{query} {fields:?}: {status:?}, {expected} is right");
        }
        let malformed = host.entry_after(mark, |entry| {
            matches!(&entry.report.event, Event::Enforcement { status: 400, outcome: Recorded::Deny, source, why, .. }
                if source == "web" && why.contains("the header x-tenant is there twice"))
        })?;
        ensure!(malformed.is_some(), "the record does not say why");
        Ok(())
    })
}

#[test]
fn a_forbid_that_reads_the_query_holds_for_the_next_request_of_a_connection() -> anyhow::Result<()> {
    under(bounded, |host| {
        let mut held = host.hold("web", SocketAddr::from(([127, 0, 0, 1], ORDERS_PORT)))?;
        for (request, status) in [
            ("GET /orders/1", "200"),
            ("GET /orders/1?limit=100", "200"),
            ("GET /orders/1?limit=101", "403"),
            ("GET /orders/1", "200"),
            ("GET /orders/1?limit=101", "403"),
        ] {
            let came = held.ask(request)?;
            ensure!(came.worked_with(status), "{request}: {came}, {status} is right");
        }
        Ok(())
    })
}
