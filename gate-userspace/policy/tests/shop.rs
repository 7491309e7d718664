//! The example policy that the demo loads: it compiles, holds its cases, and reaches exactly what it says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use gate_policy::{Compiled, LocalTime, PolicySource, Principal, RequestContext, compile, run_cases};
use gate_tables::{Tables, Value, Via};
use std::path::Path;

fn source() -> PolicySource {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/shop");
    PolicySource::from_dir(&directory).unwrap()
}

fn compiled() -> Compiled {
    compile(&source(), None).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn every_case_holds() {
    let results = run_cases(&compiled());
    assert_eq!(results.len(), 9);
    for result in results {
        assert!(result.passed(), "{result}");
    }
}

#[test]
fn web_reaches_orders_and_ledger_and_nobody_else_reaches_anything() {
    let tables = compiled().tables;
    let name = |id| tables.service(id).unwrap().name.clone();
    let port = |line: &gate_tables::Reach| {
        tables.service(line.destination).unwrap().ports.iter().find(|port| port.id == line.port).unwrap().number
    };
    let reach: Vec<_> = tables
        .reach
        .iter()
        .map(|line| {
            (
                name(line.source),
                name(line.destination),
                port(line),
                line.via,
                tables.rules[line.rule as usize].id.clone(),
            )
        })
        .collect();
    let line = |to: &str, port, via, rule: &str| ("web".to_owned(), to.to_owned(), port, via, rule.to_owned());
    assert_eq!(
        reach,
        [
            line("ledger", 9000, Via::Direct, "web-books-in-ledger"),
            line("orders", 8080, Via::Proxy, "web-reads-orders"),
        ]
    );
}

#[test]
fn the_tables_are_readable_and_the_same_from_files_in_another_order() {
    let bytes = compiled().tables.to_bytes().unwrap();
    assert_eq!(Tables::from_bytes(&bytes).unwrap(), compiled().tables);
    let mut files: Vec<_> = source().files().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
    files.reverse();
    let again = compile(&PolicySource::from_files(files).unwrap(), None).unwrap();
    assert_eq!(again.tables.to_bytes().unwrap(), bytes);
    let next = compile(&source(), Some(&again.tables)).unwrap();
    assert_eq!(next.tables.to_bytes().unwrap(), bytes);
}

#[test]
fn a_denial_names_the_nearest_rule() {
    let decider = compiled().decider;
    let batch = decider.principal_named("batch").unwrap();
    let get = decider.action_named("orders.getOrder").unwrap();
    assert_eq!(
        decider.nearest(batch, get).to_string(),
        "no rule permits it; the nearest is web-reads-orders (shop.cedar:3): \
         it is for Service::\"web\", not for Service::\"batch\""
    );
    let web = decider.principal_named("web").unwrap();
    let cancel = decider.action_named("orders.cancelOrder").unwrap();
    assert_eq!(decider.nearest(web, cancel).to_string(), "forbidden by clients-never-cancel");
    let create = decider.action_named("orders.createOrder").unwrap();
    assert_eq!(
        decider.nearest(web, create).to_string(),
        "no rule permits it; the nearest is web-reads-orders (shop.cedar:3): \
         it is about those in Action::\"orders:read\", not about Action::\"orders.createOrder\""
    );
}

#[test]
fn a_route_is_asked_of_its_own_service() {
    let Compiled { decider, tables, .. } = compiled();
    let get = decider.action_named("orders.getOrder").unwrap();
    let web = decider.principal_named("web").unwrap();
    let context = RequestContext {
        params: vec![("id".into(), Value::Int(1))],
        method: "GET".into(),
        path: "/orders/1".into(),
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(1000),
        now: 0,
        local: LocalTime::at(0, 0),
    };
    let orders = tables.service_named("orders").unwrap().id;
    let ledger = tables.service_named("ledger").unwrap().id;
    assert!(decider.decide(web, get, orders, &context).allow);
    assert!(!decider.decide(web, get, ledger, &context).allow);
    assert!(!decider.decide(Principal::from(gate_tables::ServiceId(77)), get, orders, &context).allow);
    let route = decider.route(get).unwrap();
    assert_eq!((route.service, route.method, route.path.to_string().as_str()), (orders, "GET", "/orders/{id:int}"));
}
