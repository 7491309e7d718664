use super::*;
use crate::testing::{permit, rule, shop};

fn policy() -> Tables {
    let rules = [permit("a"), rule("b", "permit", Some((1, true))), rule("c", "forbid", Some((2, true)))];
    let route = |name| Some(name);
    shop(
        &rules,
        &[
            (2, 1, None, vec![0], vec![], vec![0, 4]),
            (3, 1, route("orders.get"), vec![0], vec![], vec![4]),
            (3, 1, route("orders.get"), vec![1], vec![], vec![1]),
            (3, 1, route("orders.list"), vec![0], vec![2], vec![4]),
        ],
    )
}

fn said(grants: &[Grant]) -> String {
    let mut page = crate::page::Page::default();
    page.items(describe_grants(grants));
    page.to_terminal()
}

fn who(question: Question<'_>) -> Result<String, String> {
    who_can(&policy(), question).map(|grants| said(&grants)).map_err(|unknown| unknown.to_string())
}

#[test]
fn who_may_ask_for_a_route() {
    let expected = "\x20 web -> orders.get (tcp/8080 http)
      permitted by a (shop.cedar:3) \"why a\" [T-1]
  batch -> orders.get (tcp/8080 http), on a condition
      permitted by b (shop.cedar:3, on a condition) \"why b\" [T-1]
";
    assert_eq!(who(Question::Action("orders.get", None)).unwrap(), expected);
    assert_eq!(who(Question::Action("orders.get", Some("orders"))).unwrap(), expected);
    assert_eq!(who(Question::Action("orders.new", None)).unwrap(), "");
    let all = who(Question::Action("orders:all", None)).unwrap();
    assert!(
        all.contains("orders.list (tcp/8080 http), on a condition") && all.contains("unless forbidden by c"),
        "{all}"
    );
}

#[test]
fn who_may_connect() {
    for port in ["ledger:journal", "ledger:tcp/9000", "ledger"] {
        let said = who(Question::Connect(port)).unwrap();
        assert!(said.starts_with("  host, web -> ledger:journal (tcp/9000)\n      permitted by a "), "{said}");
    }
}

#[test]
fn what_a_service_may() {
    let tables = policy();
    let of = |name| said(&what_can(&tables, name).unwrap());
    assert_eq!(of("web").matches("web -> ").count(), 3);
    assert_eq!(of("host").matches("host -> ledger:journal").count(), 1);
    assert_eq!(of("ledger"), "");
}

#[test]
fn what_is_unknown_has_a_suggestion() {
    let wrong = |question| who(question).unwrap_err();
    assert_eq!(
        wrong(Question::Action("orders.gett", None)),
        "there is no action \"orders.gett\"; did you mean \"orders.get\"?"
    );
    assert_eq!(wrong(Question::Connect("ledgr")), "there is no service or network \"ledgr\"; did you mean \"ledger\"?");
    assert_eq!(
        wrong(Question::Connect("ledger:jurnal")),
        "\"ledger\" has no port \"jurnal\"; did you mean \"ledger:journal\"?"
    );
    assert!(wrong(Question::Connect("orders:api")).ends_with("ask about its routes: orders:all"));
    assert!(wrong(Question::Connect("web")).contains("\"web\" has no port"));
    assert_eq!(
        wrong(Question::Action("orders:read", None)),
        "\"orders\" has no group of routes \"read\"; there is all"
    );
    assert!(wrong(Question::Action("ledger:all", None)).contains("\"ledger\" has no routes"));
    assert!(wrong(Question::Action("connect", None)).contains("Name the port"));
    assert!(wrong(Question::Action("orders.get", Some("web"))).contains("is asked of \"orders\" alone"));
    assert_eq!(
        what_can(&policy(), "wbe").unwrap_err().to_string(),
        "there is no service or network \"wbe\"; did you mean \"web\"?"
    );
}

#[test]
fn an_answer_is_complete() {
    let tables = policy();
    let sources = ["host", "batch", "ledger", "orders", "web"];
    let mut by_source: Vec<(String, String)> = Vec::new();
    for source in sources {
        by_source
            .extend(what_can(&tables, source).unwrap().iter().map(|grant| (source.to_owned(), grant.target.name())));
    }
    let mut by_target: Vec<(String, String)> = Vec::new();
    for question in [Question::Action("orders:all", None), Question::Connect("ledger")] {
        for grant in who_can(&tables, question).unwrap() {
            by_target.extend(grant.sources.iter().map(|source| (source.clone(), grant.target.name())));
        }
    }
    let mut cells: Vec<(String, String)> = Vec::new();
    for line in &tables.access {
        let name = line.action.clone().unwrap_or_else(|| "ledger:journal".to_owned());
        let source = |id: &ServiceId| match id.0 {
            0 => "host".to_owned(),
            _ => tables.service(*id).unwrap().name.clone(),
        };
        cells.extend(line.sources.iter().map(|id| (source(id), name.clone())));
    }
    for list in [&mut by_source, &mut by_target, &mut cells] {
        list.sort();
    }
    assert_eq!(by_source, cells);
    assert_eq!(by_target, cells);
}

#[test]
fn a_condition_that_may_fail_is_a_condition_of_every_permit_beside_it() {
    // Evaluation that fails denies the request, whatever else permits it.
    for (total, conditional) in [(true, false), (false, true)] {
        let rules = [permit("a"), rule("b", "permit", Some((1, total)))];
        let tables = shop(&rules, &[(3, 1, Some("orders.get"), vec![0, 1], vec![], vec![4])]);
        assert_eq!(what_can(&tables, "web").unwrap()[0].conditional, conditional);
    }
}
