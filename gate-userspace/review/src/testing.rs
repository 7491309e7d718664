//! Policies for tests, written as short as can be.

use gate_tables::Tables;
use serde::Serialize;

/// A rule: id, effect, digest and totality of its condition.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TestRule {
    pub(crate) id: String,
    pub(crate) effect: &'static str,
    pub(crate) reason: String,
    pub(crate) ticket: String,
    pub(crate) place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<TestCondition>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct TestCondition {
    pub(crate) sha256: String,
    pub(crate) total: bool,
}

/// A line of access: destination, port, action, permits, forbids, sources.
pub(crate) type TestLine<'a> = (u32, u16, Option<&'a str>, Vec<u32>, Vec<u32>, Vec<u32>);

pub(crate) fn permit(id: &str) -> TestRule {
    rule(id, "permit", None)
}

pub(crate) fn forbid(id: &str) -> TestRule {
    rule(id, "forbid", None)
}

pub(crate) fn rule(id: &str, effect: &'static str, condition: Option<(u32, bool)>) -> TestRule {
    TestRule {
        id: id.to_owned(),
        effect,
        reason: format!("why {id}"),
        ticket: "T-1".to_owned(),
        place: "shop.cedar:3".to_owned(),
        condition: condition.map(|(digest, total)| TestCondition { sha256: format!("{digest:064}"), total }),
    }
}

/// The shop: 1 batch, 2 ledger (plain port journal), 3 orders (http port api: get, list, new), 4 web.
pub(crate) fn shop(rules: &[TestRule], access: &[TestLine<'_>]) -> Tables {
    let route = |name: &str, method: &str, path: &str| serde_json::json!({ "action": format!("orders.{name}"), "method": method, "path": path });
    let service = |id: u32, name: &str, owner: &str, ports: serde_json::Value| {
        serde_json::json!({
            "id": id, "name": name, "owner": owner, "cgroup": format!("{name}.service"), "observe": false, "ports": ports,
        })
    };
    let journal = serde_json::json!([
        { "id": 1, "name": "journal", "transport": "tcp", "number": 9000, "protocol": "plain", "routes": [] },
    ]);
    let api = serde_json::json!([
        { "id": 1, "name": "api", "transport": "tcp", "number": 8080, "protocol": "http", "routes": [
            route("get", "GET", "/orders/{id:int}"), route("list", "GET", "/orders"), route("new", "POST", "/orders"),
        ] },
    ]);
    let line = |(destination, port, action, permits, forbids, sources): &TestLine<'_>| {
        let mut line = serde_json::json!({
            "destination": destination, "port": port, "permits": permits, "forbids": forbids, "sources": sources,
        });
        if let Some(action) = action {
            line["action"] = (*action).into();
        }
        line
    };
    let mut access: Vec<serde_json::Value> = access.iter().map(line).collect();
    access.sort_by_key(|line| {
        let numbers = |name: &str| serde_json::from_value::<Vec<u32>>(line[name].clone()).unwrap_or_default();
        let action = line.get("action").and_then(|action| action.as_str()).map(str::to_owned);
        (line["destination"].as_u64(), line["port"].as_u64(), action, numbers("permits"), numbers("forbids"))
    });
    let none = serde_json::json!([]);
    tables(&serde_json::json!({
        "format": gate_tables::FORMAT, "environment": "demo", "retired": {}, "reach": [], "access": access, "rules": rules,
        "services": [
            service(1, "batch", "team-shop", none.clone()), service(2, "ledger", "team-finance", journal),
            service(3, "orders", "team-orders", api), service(4, "web", "team-shop", none),
        ],
    }))
}

pub(crate) fn tables(json: &serde_json::Value) -> Tables {
    Tables::from_bytes(&serde_json::to_vec(json).unwrap()).unwrap()
}
