//! What `cases.toml` may say, and what a case that does not hold says.

use crate::{PolicySource, compile, run_cases};

const SERVICES: &str = r#"environment = "demo"
[service.api]
unit = "api.service"
owner = "team"
port.http = { listen = "tcp/80", protocol = "http", route.get = { match = "GET /a/{id:int}/{name}" } }
port.raw.listen = "tcp/81"
[service.web]
unit = "web.service"
owner = "team"
"#;

const RULES: &str = r#"
@id("get") @reason("r") @ticket("t")
permit (principal == Service::"web", action == Action::"api.get", resource == Service::"api")
when { context.params.id == 7 && context.path == "/a/7/x" && context.local.minute < 60 && context.source.uid == 33 };
@id("raw") @reason("r") @ticket("t")
permit (principal == Service::"web", action == Action::"connect", resource == Port::"api:tcp/81");
"#;

const CASE: &str = r#"
[[case]]
name = "web gets"
principal = "web"
action = "api.get"
resource = "api"
params = { id = 7, name = "x" }
source = { uid = 33 }
now = 86400
expect = "allow"
rule = "get"
[[case]]
name = "web connects"
principal = "web"
action = "connect"
port = "api:tcp/81"
expect = "allow"
"#;

fn run(cases: &str) -> Result<Vec<String>, Vec<String>> {
    let files = [("services.toml", SERVICES), ("r.cedar", RULES), ("cases.toml", cases)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    match compile(&PolicySource::from_files(files).unwrap(), None) {
        Ok(compiled) => Ok(run_cases(&compiled).iter().map(ToString::to_string).collect()),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn cases_that_hold_say_by_which_rule() {
    assert_eq!(run(CASE).unwrap(), ["ok: web gets: allow by get", "ok: web connects: allow by raw"]);
    assert_eq!(run("").unwrap(), Vec::<String>::new());
}

#[test]
fn cases_that_do_not_hold_say_why() {
    for (from, to, expected) in [
        (
            "now = 86400",
            "now = 90000",
            "cases.toml:2: web gets: expected allow by get, found deny; no rule permits it; \
             the nearest is get (r.cedar:2): its condition did not hold",
        ),
        ("id = 7", "id = 8", "cases.toml:2: web gets: expected allow by get, found deny; no rule permits it"),
        ("uid = 33", "uid = 34", "cases.toml:2: web gets: expected allow by get, found deny; no rule permits it"),
        ("rule = \"get\"", "rule = \"raw\"", "cases.toml:2: web gets: expected allow by raw, found allow by get"),
        ("\"allow\"", "\"deny\"", "cases.toml:2: web gets: expected deny by get, found allow by get"),
    ] {
        assert!(CASE.contains(from), "{from}");
        let results = run(&CASE.replacen(from, to, 1)).unwrap();
        assert!(results[0].starts_with(expected), "{}", results[0]);
    }
}

#[test]
#[rustfmt::skip] // a table
fn every_mistake_has_its_line_and_what_would_be_right() {
    for (from, to, expected) in [
        ("name = \"web gets\"", "nane = \"web gets\"", "cases.toml:3: unknown key \"nane\" in [case]; did you mean \"name\"?"),
        ("principal = \"web\"", "principal = \"wbe\"", "cases.toml:2: case \"web gets\": principal = \"wbe\" is no service and not \"host\"; did you mean \"web\"?"),
        ("api.get", "api.gte", "cases.toml:2: case \"web gets\": action = \"api.gte\" is not declared; did you mean \"api.get\"?"),
        ("resource = \"api\"", "resource = \"web\"", "cases.toml:2: case \"web gets\": resource = \"web\"; the action api.get is of \"api\""),
        ("id = 7, ", "", "cases.toml:2: case \"web gets\": the parameter \"id\" of /a/{id:int}/{name} is missing"),
        ("id = 7", "id = true", "cases.toml:7: \"id\" in [case.params] is a boolean; a string or an integer of 64 bits would be right"),
        ("id = 7", "id = 9223372036854775808", "cases.toml:7: \"id\" in [case.params] is an integer; a string or an integer of 64 bits"),
        ("uid = 33", "uid = -1", "cases.toml:8: uid = -1; a Unix user id is a number of 32 bits"),
        ("\"allow\"", "\"alow\"", "cases.toml:10: expect = \"alow\"; did you mean \"allow\"?"),
        ("rule = \"get\"", "rule = \"gte\"", "cases.toml:2: case \"web gets\": rule = \"gte\" is no rule; did you mean \"get\"?"),
        ("api:tcp/81", "api:tcp/80", "cases.toml:12: case \"web connects\": port = \"api:tcp/80\" is reached through the proxy; ask for an action of \"api\""),
        ("api:tcp/81", "api:tcp/82", "cases.toml:12: case \"web connects\": port = \"api:tcp/82\" is not declared; did you mean \"api:tcp/81\"?"),
        ("port = \"api:tcp/81\"", "", "cases.toml:12: case \"web connects\": action = \"connect\" needs port = "),
        ("[[case]]", "[[cases]]", "cases.toml:2: unknown key \"cases\"; did you mean \"case\"?"),
    ] {
        assert!(CASE.contains(from), "{from}");
        let errors = run(&CASE.replacen(from, to, 1)).unwrap_err();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "expected {expected}\nfound {errors:#?}");
    }
}
