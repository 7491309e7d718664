use super::*;
use crate::{
    Access, Condition, FORMAT, PathPattern, Port, PortId, Protocol, Reach, Route, Rule, Service, ServiceId, Times,
    Transport,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Conditions that the random rules have; the last two may fail.
const CONDITIONS: usize = 4;

/// A rule about the one cell of the random policies: its effect and its condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct About {
    permits: bool,
    condition: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Holds,
    Not,
    Fails,
}

fn condition(number: usize) -> Condition {
    Condition { sha256: format!("{number:064}"), total: number < CONDITIONS / 2, roles: None }
}

/// What the decider does: a failure denies, a forbid denies, a permit allows.
fn allows(rules: &[About], answers: &[Answer]) -> bool {
    let answer = |rule: &About| rule.condition.map_or(Answer::Holds, |number| answers[number]);
    // A cell that a rule forbids without condition, or that nothing can permit, is never evaluated.
    let forbidden = rules.iter().any(|rule| !rule.permits && rule.condition.is_none());
    let fails = rules.iter().any(|rule| answer(rule) == Answer::Fails);
    let holds = |permits: bool| rules.iter().any(|rule| rule.permits == permits && answer(rule) == Answer::Holds);
    !forbidden && !fails && holds(true) && !holds(false)
}

fn every_answer() -> Vec<[Answer; CONDITIONS]> {
    let of = |number: usize| {
        if condition(number).total {
            &[Answer::Holds, Answer::Not][..]
        } else {
            &[Answer::Holds, Answer::Not, Answer::Fails][..]
        }
    };
    let mut all = vec![[Answer::Not; CONDITIONS]];
    for number in 0..CONDITIONS {
        let with = |answers: [Answer; CONDITIONS]| {
            of(number).iter().map(move |answer| {
                let mut answers = answers;
                answers[number] = *answer;
                answers
            })
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

fn service(id: u32, name: &str, ports: Vec<Port>) -> Service {
    let (name, owner) = (name.to_owned(), "team".to_owned());
    Service {
        id: ServiceId(id),
        cgroup: format!("{name}.service"),
        name,
        owner,
        observe: false,
        ports,
        ..Service::default()
    }
}

fn route(name: &str) -> Route {
    Route {
        action: format!("orders.{name}"),
        method: "GET".into(),
        path: PathPattern::parse("/orders").unwrap(),
        ..Route::default()
    }
}

fn tables(rules: &[About]) -> Tables {
    let port = Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number: 8080,
        protocol: Protocol::Http,
        routes: vec![route("list")],
        ..Port::default()
    };
    let mut table_rules = Vec::new();
    let mut line = Access {
        destination: ServiceId(1),
        port: PortId(1),
        action: Some("orders.list".into()),
        permits: Vec::new(),
        forbids: Vec::new(),
        sources: vec![ServiceId(2)],
    };
    for (index, rule) in (0u32..).zip(rules) {
        let effect = if rule.permits { "permit" } else { "forbid" };
        table_rules.push(Rule {
            id: format!("r{index:03}"),
            effect: effect.into(),
            reason: "r".into(),
            ticket: "T".into(),
            place: "a.cedar:1".into(),
            condition: rule.condition.map(condition),
        });
        if rule.permits { line.permits.push(index) } else { line.forbids.push(index) }
    }
    let forbidden = rules.iter().any(|rule| !rule.permits && rule.condition.is_none());
    let access = if forbidden || line.permits.is_empty() { vec![] } else { vec![line] };
    let tables = Tables {
        format: FORMAT,
        environment: "demo".into(),
        services: vec![service(1, "orders", vec![port]), service(2, "web", vec![])],
        retired: BTreeMap::new(),
        reach: vec![],
        access,
        rules: table_rules,
        ..Tables::default()
    };
    Tables::from_bytes(&tables.to_bytes().unwrap()).unwrap()
}

fn about() -> impl Strategy<Value = About> {
    (any::<bool>(), proptest::option::of(0..CONDITIONS)).prop_map(|(permits, condition)| About { permits, condition })
}

fn policy() -> impl Strategy<Value = Vec<About>> {
    proptest::collection::vec(about(), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_said_to_take_away_never_gives(old in policy(), new in policy()) {
        let difference = compare(&tables(&old), &tables(&new));
        if difference.only_removes() {
            for answers in every_answer() {
                prop_assert!(!allows(&new, &answers) || allows(&old, &answers), "{old:?} {new:?} {answers:?}");
            }
        }
    }

    #[test]
    fn what_is_said_to_give_nothing_and_take_nothing_changes_no_decision(old in policy(), new in policy()) {
        let difference = compare(&tables(&old), &tables(&new));
        if difference.cells.iter().all(|change| !change.gains && !change.loses) {
            for answers in every_answer() {
                prop_assert_eq!(allows(&new, &answers), allows(&old, &answers));
            }
        }
    }

    #[test]
    fn a_cell_without_conditions_is_compared_exactly(old in policy(), new in policy()) {
        let plain = |rules: &[About]| -> Vec<About> {
            rules.iter().copied().filter(|rule| rule.condition.is_none()).collect()
        };
        let (old, new) = (plain(&old), plain(&new));
        let difference = compare(&tables(&old), &tables(&new));
        let answers = [Answer::Not; CONDITIONS];
        prop_assert_eq!(difference.only_removes(), !allows(&new, &answers) || allows(&old, &answers));
    }

    #[test]
    fn a_rule_fewer_or_a_forbid_more_is_a_removal(old in policy(), forbid in 0..CONDITIONS, which: prop::sample::Index) {
        let mut more = old.clone();
        more.push(About { permits: false, condition: Some(forbid) });
        prop_assert!(compare(&tables(&old), &tables(&more)).only_removes());
        if !old.is_empty() {
            let mut fewer = old.clone();
            let gone = fewer.remove(which.index(old.len()));
            let may_fail = gone.condition.is_some_and(|number| !condition(number).total);
            if gone.permits && !may_fail {
                prop_assert!(compare(&tables(&old), &tables(&fewer)).only_removes());
            }
        }
    }
}

#[test]
fn a_permit_that_may_fail_is_not_taken_away_by_one() {
    let fails = About { permits: true, condition: Some(CONDITIONS - 1) };
    let always = About { permits: true, condition: None };
    let difference = compare(&tables(&[fails, always]), &tables(&[always]));
    assert_eq!(difference.gains().collect::<Vec<_>>(), ["web -> orders.list by r000"]);
}

#[test]
fn what_runs_here_may_only_shrink_in_ways_that_free_nobody() {
    let old = tables(&[About { permits: true, condition: None }]);
    let gains = |change: &dyn Fn(&mut Tables)| {
        let mut new = old.clone();
        change(&mut new);
        compare(&old, &new).gains().collect::<Vec<_>>()
    };
    assert_eq!(gains(&|t| t.services[0].observe = true), ["observe of service orders is true, and was false"]);
    assert_eq!(gains(&|t| drop(t.services.remove(1))), ["service web is gone"]);
    assert_eq!(gains(&|t| t.services.push(service(3, "xx", vec![]))), ["service xx is new"]);
    assert_eq!(
        gains(&|t| t.services[1].cgroup = "batch.service".into()),
        ["the cgroup of service web is \"batch.service\", and was \"web.service\""]
    );
    assert_eq!(gains(&|t| t.services[1].id = ServiceId(9)), ["the number of service web is 9, and was 2"]);
    assert_eq!(gains(&|t| t.services[0].ports.clear()), ["port orders:api is gone"]);
    assert_eq!(gains(&|t| t.services[0].ports[0].routes.push(route("new"))), ["route orders.new is new"]);
    let moved = gains(&|t| t.services[0].ports[0].routes[0].path = PathPattern::parse("/{*all}").unwrap());
    assert_eq!(moved, ["route orders.list is GET /{*all}, and was GET /orders"]);
    let opened = gains(&|t| t.services[0].ports[0].protocol = Protocol::Plain);
    assert_eq!(opened.len(), 1, "{opened:?}");

    assert!(gains(&|t| t.services[0].ports[0].routes.clear()).is_empty());
    let mut observed = old.clone();
    observed.services[0].observe = true;
    assert!(compare(&observed, &old).only_removes());
    assert_eq!(compare(&observed, &old).withdrawn, ["service orders is enforced, and was observed"]);
    assert_eq!(compare(&observed, &old).narrowed, BTreeSet::from(["orders".to_owned()]));

    // Each is of the service whose owner answers for it.
    let services = |change: &dyn Fn(&mut Tables)| {
        let mut new = old.clone();
        change(&mut new);
        compare(&old, &new).redeclared.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(services(&|t| t.services[0].owner = "mine".into()), "orders");
    assert_eq!(services(&|t| t.services[1].name = "xeb".into()), "web xeb");
    assert_eq!(services(&|t| t.services[0].ports.clear()), "orders");
    assert_eq!(services(&|t| t.retired.extend([("x".to_owned(), ServiceId(9))])), "");
}

#[test]
fn reach_that_no_rule_gives_is_a_gain() {
    let mut old = tables(&[About { permits: true, condition: None }]);
    let line = r#"{"source": 2, "destination": 1, "port": 1, "via": "proxy", "rule": 0}"#;
    let line: Reach = serde_json::from_str(line).unwrap();
    let mut new = old.clone();
    new.reach.push(Reach { source: ServiceId(0), ..line.clone() });
    let difference = compare(&old, &new);
    assert_eq!(difference.gains().collect::<Vec<_>>(), ["host reaches orders:api, which no rule gives"]);
    assert_eq!(difference.redeclared, BTreeSet::from(["orders".to_owned()]));
    // Nor does a line hold for longer, and no cell gives that.
    let timed = |from, until| {
        let mut tables = old.clone();
        tables.reach.push(Reach { times: Times { from, until }, ..line.clone() });
        tables
    };
    for (was, is, removes) in [
        ((None, Some(9)), (None, Some(9)), true),
        ((None, Some(9)), (Some(3), Some(8)), true),
        ((None, None), (None, Some(9)), true),
        ((None, Some(9)), (None, None), false),
        ((None, Some(9)), (None, Some(10)), false),
        ((Some(3), None), (Some(2), None), false),
    ] {
        let difference = compare(&timed(was.0, was.1), &timed(is.0, is.1));
        assert_eq!(difference.only_removes(), removes, "{was:?} {is:?}");
    }
    // Where a cell gives it, the cell says so, once.
    let mut nothing = old.clone();
    nothing.access.clear();
    old.reach.push(line);
    assert_eq!(compare(&nothing, &old).gains().collect::<Vec<_>>(), ["web -> orders.list by r000"]);
    assert!(compare(&old, &nothing).only_removes() && compare(&old, &nothing).takes_away());
}

#[test]
fn numbers_of_former_services_are_neither_freed_nor_made_up() {
    let mut old = tables(&[]);
    old.retired.insert("archive".into(), ServiceId(7));
    let mut new = old.clone();
    new.retired.clear();
    let gains = |new: &Tables| compare(&old, new).gains().collect::<Vec<_>>();
    assert_eq!(gains(&new), ["the number 7 of the former service archive is free again"]);
    new.retired = BTreeMap::from([("archive".into(), ServiceId(7)), ("other".into(), ServiceId(8))]);
    assert_eq!(gains(&new), ["other is a former service of number 8, and never was one"]);
    let mut gone = old.clone();
    let web = gone.services.remove(1);
    gone.retired.insert(web.name, web.id);
    assert_eq!(gains(&gone), ["service web is gone"], "told once");
}

#[test]
fn a_cell_in_two_lines_is_no_table() {
    let mut tables = tables(&[About { permits: true, condition: None }, About { permits: true, condition: None }]);
    let mut other = tables.access[0].clone();
    tables.access[0].permits = vec![0];
    other.permits = vec![1];
    tables.access.push(other);
    let error = Tables::from_bytes(&tables.to_bytes().unwrap()).unwrap_err().to_string();
    assert!(error.contains("is said in two lines"), "{error}");
}

#[test]
fn what_changes_nothing_takes_nothing_away() {
    let old = tables(&[About { permits: true, condition: None }]);
    let mut new = old.clone();
    new.rules[0].ticket = "T-2".into();
    let difference = compare(&old, &new);
    assert!(difference.only_removes() && !difference.takes_away());
}
