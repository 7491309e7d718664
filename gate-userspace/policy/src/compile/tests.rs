//! Numbers of services over a chain of bundles, and reach.

mod outside;

use super::*;
use gate_tables::{Reach, ServiceId, Via};

fn source(services: &str, rules: &str) -> PolicySource {
    let files = [("services.toml", services), ("rules.cedar", rules)];
    PolicySource::from_files(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))).unwrap()
}

fn compiled(services: &str, rules: &str, previous: Option<&Tables>) -> Tables {
    let compiled = compile(&source(services, rules), previous).unwrap_or_else(|errors| panic!("{errors:#?}"));
    // What is written must be readable: the reader's checks are the interface.
    Tables::from_bytes(&compiled.tables.to_bytes().unwrap()).unwrap()
}

fn services(names: &[&str]) -> String {
    let one = |name: &&str| format!("[service.{name}]\nunit = \"{name}.service\"\nowner = \"team\"\n");
    format!("environment = \"demo\"\n{}", names.iter().map(one).collect::<String>())
}

fn numbers(tables: &Tables) -> Vec<(&str, u32)> {
    tables.services.iter().map(|service| (service.name.as_str(), service.id.0)).collect()
}

#[test]
fn a_name_keeps_its_number_and_a_number_is_never_used_again() {
    let first = compiled(&services(&["b", "d"]), "", None);
    assert_eq!(numbers(&first), [("b", 1), ("d", 2)]);
    let second = compiled(&services(&["a", "b"]), "", Some(&first));
    assert_eq!(numbers(&second), [("a", 3), ("b", 1)]);
    assert_eq!(second.retired, [("d".to_owned(), ServiceId(2))].into());
    let third = compiled(&services(&["c"]), "", Some(&second));
    assert_eq!(numbers(&third), [("c", 4)]);
    let fourth = compiled(&services(&["c", "d", "e"]), "", Some(&third));
    assert_eq!(numbers(&fourth), [("c", 4), ("d", 2), ("e", 5)]);
    assert_eq!(fourth.retired, [("a".to_owned(), ServiceId(3)), ("b".to_owned(), ServiceId(1))].into());
}

#[test]
fn another_environment_has_another_chain() {
    let first = compiled(&services(&["a"]), "", None);
    let other = services(&["a"]).replace("demo", "prod");
    let errors = compile(&source(&other, ""), Some(&first)).unwrap_err();
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "services.toml: environment = \"prod\", but the bundle before is of \"demo\"; each environment has its own chain"
        ]
    );
}

const PORTS: &str = r#"environment = "demo"
[group.clients]
[service.api]
unit = "api.service"
owner = "team"
port.http = { listen = "tcp/80", protocol = "http", route = { get = { match = "GET /{id:int}" }, put = { match = "PUT /{id:int}" } } }
port.raw.listen = "tcp/81"
[service.web]
unit = "web.service"
owner = "team"
groups = ["clients"]
"#;

fn reach(rules: &str) -> Vec<(u32, u16, Via, String)> {
    let tables = compiled(PORTS, rules, None);
    let line = |r: &Reach| (r.source.0, r.port.0, r.via, tables.rules[r.rule as usize].id.clone());
    tables.reach.iter().map(line).collect()
}

fn rule(id: &str, text: &str) -> String {
    format!("@id(\"{id}\") @reason(\"r\") @ticket(\"t\") {text}\n")
}

#[test]
fn reach_is_what_may_be_permitted() {
    let connect =
        "permit (principal in Group::\"clients\", action == Action::\"connect\", resource == Port::\"api:tcp/81\");";
    let get = "permit (principal == Service::\"web\", action == Action::\"api.get\", resource == Service::\"api\")";
    let never = "forbid (principal == Service::\"web\", action == Action::\"api.get\", resource);";
    let sometimes = "forbid (principal, action in Action::\"api:all\", resource) when { context.params.id == 3 };";
    let host = "permit (principal == Host::\"self\", action, resource);";
    let nobody = "forbid (principal, action, resource);";
    let direct = |id: &str| (2, 2, Via::Direct, id.to_owned());
    let proxy = |id: &str| (2, 1, Via::Proxy, id.to_owned());
    assert_eq!(reach(""), []);
    assert_eq!(reach(&rule("a", connect)), [direct("a")]);
    assert_eq!(reach(&(rule("b", connect) + &rule("a", connect))), [direct("a")]);
    assert_eq!(reach(&(rule("a", connect) + &rule("b", nobody))), []);
    assert_eq!(reach(&rule("a", &format!("{get};"))), [proxy("a")]);
    assert_eq!(reach(&rule("a", &format!("{get} when {{ context.now > 5 }};"))), [proxy("a")]);
    assert_eq!(reach(&(rule("a", &format!("{get};")) + &rule("b", never))), []);
    assert_eq!(reach(&(rule("a", &format!("{get};")) + &rule("b", sometimes))), [proxy("a")]);
    assert_eq!(reach(&rule("a", host)), [(0, 1, Via::Proxy, "a".to_owned()), (0, 2, Via::Direct, "a".to_owned())]);
}

const CONDITIONS: &str = r#"environment = "demo"
[group.clients]
[service.api]
unit = "api.service"
owner = "team"
port.http = { listen = "tcp/80", protocol = "http", route = { get = { match = "GET /{id:int}" } } }
[service.web]
unit = "web.service"
owner = "team"
groups = ["clients"]
[service.batch]
unit = "batch.service"
owner = "team"
"#;

/// The condition of the one rule.
fn condition_of(services: &str, condition: &str) -> Option<gate_tables::Condition> {
    let text = format!(r#"permit (principal == Service::"web", action == Action::"api.get", resource) {condition}"#);
    compiled(services, &rule("r", &format!("{text};")), None).rules[0].condition.clone()
}

#[test]
fn access_says_of_each_cell_which_rules_decide() {
    let permit = r#"permit (principal, action == Action::"api.get", resource)"#;
    let web = permit.replace("principal,", "principal == Service::\"web\",");
    let group = permit.replace("principal,", "principal in Group::\"clients\",");
    let batch = permit.replace("principal,", "principal == Service::\"batch\",");
    let rules = [
        rule("a", &format!("{web} when {{ context.params.id > 1 }};")),
        rule("b", &format!("{group};")),
        rule("c", &format!("{batch};")),
        rule("d", &format!("{} when {{ context.params.id == 7 }};", permit.replace("permit", "forbid"))),
        rule("e", &format!("{};", batch.replace("permit", "forbid"))),
    ];
    let tables = compiled(CONDITIONS, &rules.concat(), None);
    let web = tables.service_named("web").unwrap().id;
    let [line] = tables.access.as_slice() else { panic!("{:#?}", tables.access) };
    // batch is always forbidden, and nothing permits anything else: neither has a line.
    assert_eq!((line.sources.as_slice(), line.action.as_deref()), ([web].as_slice(), Some("api.get")));
    assert_eq!((line.permits.as_slice(), line.forbids.as_slice()), ([0, 1].as_slice(), [3].as_slice()));
    assert_eq!(
        tables.rules.iter().map(|rule| rule.condition.is_some()).collect::<Vec<_>>(),
        [true, false, false, true, false]
    );
}

#[test]
fn a_condition_is_known_by_all_that_it_reads() {
    let of = |condition: &str| condition_of(CONDITIONS, condition).unwrap();
    assert_eq!(condition_of(CONDITIONS, ""), None);
    assert_eq!(of("when { context.params.id > 1 }"), of("when {context.params.id>1}"));
    assert_ne!(of("when { context.params.id > 1 }"), of("unless { context.params.id > 1 }"));
    assert_ne!(of("when { context.params.id > 1 }"), of("when { context.params.id > 2 }"));

    // Another membership changes the answer of the second only.
    let moved = CONDITIONS.replace(
        "unit = \"batch.service\"\nowner = \"team\"",
        "unit = \"batch.service\"\nowner = \"team\"\ngroups = [\"clients\"]",
    );
    let request = "when { context.params.id > 1 }";
    let group = "when { principal in Group::\"clients\" }";
    assert_eq!(condition_of(&moved, request), condition_of(CONDITIONS, request));
    assert_ne!(condition_of(&moved, group), condition_of(CONDITIONS, group));
}

#[test]
fn a_condition_that_may_fail_says_so() {
    for (condition, total) in [
        ("when { context.params.id > 1 && !(context.method == \"GET\") }", true),
        ("when { context.path like \"/a*\" || [1, 2].contains(context.params.id) }", true),
        ("when { if principal in Group::\"clients\" then context has path else resource is Service }", true),
        ("when { context.params.id + 1 > 1 }", false),
        ("when { context.params.id > -9223372036854775807 - context.params.id }", false),
    ] {
        assert_eq!(condition_of(CONDITIONS, condition).map(|condition| condition.total), Some(total), "{condition}");
    }
}

const LEDGER: &str = r#"environment = "demo"
[service.ledger]
unit = "ledger.service"
owner = "team"
port.journal.listen = "tcp/9000"
[service.web]
unit = "web.service"
owner = "team"
"#;

/// A permit of web to connect to the ledger under some conditions.
fn connect(id: &str, conditions: &str) -> String {
    let scope =
        r#"permit (principal == Service::"web", action == Action::"connect", resource == Port::"ledger:tcp/9000")"#;
    rule(id, &format!("{scope} {conditions};"))
}

fn times(rules: &str) -> gate_tables::Times {
    let tables = compiled(LEDGER, rules, None);
    let [line] = tables.reach.as_slice() else { panic!("{:#?}", tables.reach) };
    line.times
}

fn refused(rules: &str) -> Vec<String> {
    compile(&source(LEDGER, rules), None).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn conditions_of_connections_become_times() {
    let times = |conditions: &str| {
        let times = times(&connect("a", conditions));
        (times.from, times.until)
    };
    assert_eq!(times(""), (None, None));
    assert_eq!(times("when { context.now < 20 }"), (None, Some(20)));
    assert_eq!(times("when { 10 <= context.now && context.now <= 20 }"), (Some(10), Some(21)));
    assert_eq!(times("when { context.now > 10 } unless { context.now >= 20 }"), (Some(11), Some(20)));
    assert_eq!(times("when { !(context.now < 10) && !(!(context.now < 20)) }"), (Some(10), Some(20)));
    assert_eq!(times("when { context.now == 15 }"), (Some(15), Some(16)));
    assert_eq!(times("when { context.now >= -5 }"), (None, None), "nothing is before 1970");
}

#[test]
fn several_rules_of_one_connection_give_one_span() {
    let rules = |conditions: &[&str]| -> String {
        conditions.iter().zip(["a", "b", "c"]).map(|(conditions, id)| connect(id, conditions)).collect()
    };
    let span = |conditions: &[&str]| {
        let times = times(&rules(conditions));
        (times.from, times.until)
    };
    let (early, late) = ("when { context.now < 20 }", "when { context.now >= 20 && context.now < 30 }");
    assert_eq!(span(&[early, late]), (None, Some(30)));
    assert_eq!(span(&[late, early]), (None, Some(30)));
    assert_eq!(span(&[early, late, ""]), (None, None));
    let gap = refused(&rules(&[early, "when { context.now >= 21 }"]));
    assert_eq!(gap.len(), 1, "{gap:?}");
    assert!(
        gap[0].starts_with("rules.cedar:2: rules \"a\" (rules.cedar:1) and \"b\" permit one connection"),
        "{}",
        gap[0]
    );
}

#[test]
fn the_kernel_is_told_no_condition_that_it_cannot_keep() {
    for (conditions, says) in [
        ("when { principal == Service::\"web\" }", "compares the time with constants"),
        ("when { context.now < 20 || context.now > 30 }", "compares the time with constants"),
        ("when { context.now != 20 }", "compares the time with constants"),
        ("when { context.now + 1 < 20 }", "compares the time with constants"),
        ("when { context.now < context.now }", "compares the time with constants"),
        ("unless { context.now > 10 && context.now < 20 }", "compares the time with constants"),
        ("when { context.now < 20 && context.now > 30 }", "hold at no time"),
        ("when { context.now < 0 }", "hold at no time"),
    ] {
        let errors = refused(&connect("a", conditions));
        assert!(errors.iter().any(|error| error.contains(says)), "{conditions}: {errors:?}");
    }
    let forbid = connect("b", "when { context.now < 20 }").replace("permit", "forbid");
    let errors = refused(&(connect("a", "") + &forbid));
    assert!(errors.iter().any(|error| error.contains("a forbid of connections holds at all times")), "{errors:?}");
}

#[test]
fn times_are_when_cedar_permits() {
    for conditions in [
        "",
        "when { context.now < 20 }",
        "when { 10 <= context.now && context.now <= 20 }",
        "when { context.now > 10 } unless { context.now >= 20 }",
        "when { !(context.now < 10) && !(!(context.now < 20)) }",
        "when { context.now == 15 }",
        "when { 25 > context.now } unless { 3 > context.now }",
    ] {
        let compiled = compile(&source(LEDGER, &connect("a", conditions)), None).unwrap();
        let id = |name: &str| compiled.tables.service_named(name).unwrap().id;
        let line = &compiled.tables.reach[0];
        for now in 0..40 {
            let decision = compiled.decider.decide_connect(id("web").into(), id("ledger"), line.port, now);
            assert_eq!(line.times.hold(now.unsigned_abs()), decision.allow, "{conditions} at {now}");
            assert!(!decision.cacheable || conditions.is_empty());
        }
    }
}

/// What `services.toml` says whole is in the tables, and their reader takes it.
#[test]
fn all_that_is_declared_is_in_the_tables() {
    let tables = compiled(include_str!("../services/tests/full.toml"), "", None);
    let names: Vec<_> = tables.networks.iter().map(|network| (network.name.as_str(), network.id.0)).collect();
    assert_eq!(numbers(&tables), [("orders", 1), ("twin", 2)]);
    assert_eq!(names, [("lan", 3), ("office", 4), ("resolver", 5)]);
    let ports: Vec<_> = tables.networks[2].ports.iter().map(|port| (port.id.0, port.name.as_str())).collect();
    assert_eq!(ports, [(1, "tcp-443"), (2, "tcp-53"), (3, "udp-53")]);
    let orders = tables.service_named("orders").unwrap();
    assert_eq!(
        (orders.uid, orders.exe.as_deref(), orders.groups.as_slice()),
        (Some(998), Some("/usr/bin/orders"), &["clients".to_owned()][..])
    );
    assert_eq!(orders.on["site"].len(), 2);
    let api = orders.ports.iter().find(|port| port.name == "api").unwrap();
    assert_eq!(
        (api.issuer.as_deref(), api.routes[0].hosts.len(), api.routes[0].query.len()),
        (Some("customers"), 2, 1)
    );
    assert_eq!((tables.issuers.len(), tables.host.sections.len(), tables.labels.len()), (2, 1, 2));
}

#[test]
fn a_network_has_a_number_of_the_same_numbers_and_keeps_it() {
    let network = |name: &str| format!("[network.{name}]\naddresses = [\"10.0.0.0/8\"]\nowner = \"net\"\n");
    let first = compiled(&(services(&["b"]) + &network("a")), "", None);
    assert_eq!((numbers(&first), first.networks[0].id.0), (vec![("b", 1)], 2));
    let second = compiled(&services(&["b", "c"]), "", Some(&first));
    assert_eq!(second.retired, [("a".to_owned(), ServiceId(2))].into());
    assert_eq!(numbers(&second), [("b", 1), ("c", 3)]);
    let third = compiled(&(services(&["b"]) + &network("a")), "", Some(&second));
    assert_eq!((third.networks[0].id.0, third.retired["c"].0), (2, 3));
}
