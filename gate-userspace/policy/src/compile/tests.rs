//! Numbers of services over a chain of bundles, and reach.

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
