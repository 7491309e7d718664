//! A small shop, for the tests of this crate.

use crate::InForce;
use ed25519_dalek::SigningKey;
use gate_policy::{PolicySource, compile};
use gate_statements::{Assertion, SessionId, Signed};
use gate_tables::{Labels, ServiceId, Tables};
use std::sync::LazyLock;

pub(crate) const NOW: u64 = 1_795_360_800_000;

pub(crate) const SERVICES: &str = r#"
environment = "demo"
[service.orders]
cgroup = "orders.service"
owner = "team-orders"
route_groups = ["read", "write"]
[service.orders.port.api]
listen = "tcp/8080"
protocol = "http"
[service.orders.port.api.route]
getOrder    = { match = "GET /orders/{id:int}", groups = ["read"] }
cancelOrder = { match = "DELETE /orders/{id:int}", groups = ["write"] }
createOrder = { match = "POST /orders", groups = ["write"] }
search      = { match = "GET /search", headers = { x-tenant = "string" }, query = { limit = "int" } }
[service.ledger]
cgroup = "ledger.service"
owner = "team-finance"
[service.ledger.port.journal]
listen = "tcp/9000"
[service.web]
cgroup = "web.service"
owner = "team-shop"
[service.batch]
cgroup = "batch.service"
owner = "team-shop"
"#;

pub(crate) const RULES: &str = r#"
@id("web-reads-orders") @reason("customers look") @ticket("OPS-1")
permit (principal == Service::"web", action in Action::"orders:read", resource == Service::"orders");
@id("web-creates-small") @reason("uid 33 only") @ticket("OPS-2")
permit (principal == Service::"web", action == Action::"orders.createOrder", resource == Service::"orders")
when { context.source has uid && context.source.uid == 33 };
@id("batch-reads-low") @reason("the nightly job") @ticket("OPS-3")
permit (principal == Service::"batch", action == Action::"orders.getOrder", resource == Service::"orders")
when { context.params.id < 10 };
@id("nobody-cancels") @reason("needs a person") @ticket("OPS-4")
forbid (principal == Service::"web", action == Action::"orders.cancelOrder", resource == Service::"orders");
@id("web-searches") @reason("customers search") @ticket("OPS-6")
permit (principal == Service::"web", action == Action::"orders.search", resource == Service::"orders");
@id("not-for-tenants") @reason("they have their own") @ticket("OPS-7")
forbid (principal == Service::"web", action == Action::"orders.search", resource == Service::"orders")
when { context.headers has "x-tenant" };
@id("few-at-once") @reason("it is slow") @ticket("OPS-8")
forbid (principal == Service::"web", action == Action::"orders.search", resource == Service::"orders")
when { context.query has limit && context.query.limit > 100 };
@id("not-the-old-name") @reason("it moves") @ticket("OPS-9")
forbid (principal == Service::"web", action == Action::"orders.search", resource == Service::"orders")
when { context.host == "old.shop.example" };
@id("web-books") @reason("paid orders") @ticket("OPS-5")
permit (principal == Service::"web", action == Action::"connect", resource == Port::"ledger:tcp/9000");
"#;

pub(crate) fn files(rules: &str, cases: &str) -> Vec<(String, Vec<u8>)> {
    let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    let duties = "mode = \"team\"\n";
    vec![
        file("services.toml", SERVICES),
        file("shop.cedar", rules),
        file("cases.toml", cases),
        file("duties.toml", duties),
    ]
}

pub(crate) fn tables(rules: &str) -> Tables {
    compile(&PolicySource::from_files(files(rules, "")).unwrap(), None).unwrap().tables
}

pub(crate) fn in_force(version: u64) -> InForce {
    let bytes = TABLES.to_bytes().unwrap();
    InForce::compile(version, files(RULES, ""), &bytes, None).unwrap().on_host(&Labels::new()).unwrap()
}

/// Compiling takes a while in debug builds.
static TABLES: LazyLock<Tables> = LazyLock::new(|| tables(RULES));

pub(crate) fn id(name: &str) -> ServiceId {
    TABLES.service_named(name).unwrap().id
}

pub(crate) fn authn_key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

pub(crate) fn authz_key() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

/// `source`, as uid 33, to orders' API, under bundle 4.
pub(crate) fn assertion(source: &str) -> Assertion {
    let source_id = if source.is_empty() { ServiceId(0) } else { id(source) };
    Assertion {
        session: SessionId([5; 16]),
        connection: 77,
        token: [0; 32],
        source: source_id,
        source_name: source.into(),
        uid: 33,
        destination: ([127, 0, 0, 1], 8080).into(),
        environment: "demo".into(),
        version: 4,
        issued_ms: NOW,
        expires_ms: NOW + 120_000,
    }
}

pub(crate) fn signed(assertion: &Assertion) -> Signed<Assertion> {
    Signed::sign(assertion, &authn_key()).unwrap()
}
