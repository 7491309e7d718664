use super::*;
use crate::testing::{NOW, in_force};

fn ask(source: &str, destination: &str, action: &str, port: &str, id: Option<i64>) -> Result<Json, Vec<String>> {
    let parameters: Vec<(String, Value)> = id.map(|id| ("id".into(), Value::Int(id))).into_iter().collect();
    explain(&in_force(4), Asked { source, destination, action, port, parameters: &parameters }, NOW)
}

#[test]
fn an_allowed_request_names_its_rule() {
    let said = ask("web", "orders", "orders.getOrder", "", Some(1)).unwrap();
    assert_eq!(said["outcome"], "allow");
    assert_eq!(said["rules"][0]["id"], "web-reads-orders");
    assert_eq!(said["rules"][0]["ticket"], "OPS-1");
    assert_eq!(said["asked"]["request"], "GET /orders/1");
    assert_eq!(said["nearest"], Json::Null);
}

#[test]
fn a_denied_one_names_the_nearest_rule_or_the_forbidding_one() {
    let said = ask("batch", "orders", "orders.getOrder", "", Some(10)).unwrap();
    assert_eq!(said["outcome"], "deny");
    assert!(said["nearest"].as_str().unwrap().contains("batch-reads-low"), "{said}");
    let said = ask("web", "orders", "orders.cancelOrder", "", Some(1)).unwrap();
    assert_eq!(said["rules"][0]["id"], "nobody-cancels");
    let said = ask("", "orders", "orders.getOrder", "", Some(1)).unwrap();
    assert!(said["nearest"].as_str().unwrap().contains("not for Host::\"self\""), "{said}");
}

#[test]
fn flows_are_explained_by_their_port() {
    let said = ask("web", "ledger", "connect", "journal", None).unwrap();
    assert_eq!((said["outcome"].as_str(), said["rules"][0]["id"].as_str()), (Some("allow"), Some("web-books")));
    let said = ask("batch", "ledger", "connect", "journal", None).unwrap();
    assert!(said["nearest"].as_str().unwrap().contains("web-books"), "{said}");
}

#[test]
fn unknown_names_are_errors_that_say_what_there_is() {
    let error = |result: Result<Json, Vec<String>>| result.unwrap_err().join("; ");
    assert!(error(ask("wbe", "odrers", "orders.getOrder", "", Some(1))).contains("\"wbe\"; bundle"));
    assert!(error(ask("web", "orders", "orders.get", "", Some(1))).contains("no route \"orders.get\""));
    assert!(error(ask("web", "ledger", "orders.getOrder", "", Some(1))).contains("ledger has no route"));
    assert!(error(ask("web", "ledger", "connect", "api", None)).contains("its ports are: journal"));
    assert!(error(ask("web", "orders", "orders.getOrder", "", None)).contains("needs the parameter \"id\""));
    assert!(error(ask("web", "orders", "orders.createOrder", "", Some(1))).contains("is no request of the route"));
}
