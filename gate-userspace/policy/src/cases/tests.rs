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
when { context.params.id == 7 && context.path == "/a/7/x" && context.local.minute < 60 && context.source has uid && context.source.uid == 33 };
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
        ("principal = \"web\"", "principal = \"wbe\"", "cases.toml:2: case \"web gets\": principal = \"wbe\" is no service, no network, not \"host\" and not \"world\"; did you mean \"web\"?"),
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
        ("now = 86400", "now = 86400\nat = \"1970-01-02 00:00\"", "cases.toml:2: both \"at\" and \"now\" in [case]; one of them says when"),
        ("now = 86400", "at = \"1970-01-02\"", "cases.toml:9: at = \"1970-01-02\"; write a day and a time of UTC"),
        ("now = 86400", "host = \"A.example\"", "cases.toml:2: case \"web gets\": host = \"A.example\"; write a name in lower case"),
        ("now = 86400", "headers = { x-tenant = \"a\" }", "cases.toml:2: case \"web gets\": the route declares no header \"x-tenant\""),
        ("now = 86400", "query = { limit = 1 }", "cases.toml:2: case \"web gets\": the route declares no query parameter \"limit\""),
        ("now = 86400", "user = { sub = \"u\" }", "cases.toml:2: case \"web gets\": the request has a user, and its port has no issuer"),
        ("now = 86400", "user = { role = \"x\" }", "cases.toml:9: \"sub\" is missing in [case.user]; write sub = \"u1\""),
        ("port = \"api:tcp/81\"", "port = \"api:tcp/81\"\nhost = \"a.example\"", "cases.toml:12: case \"web connects\": a connection has no host, headers, query, user and source"),
        ("[[case]]", "[[cases]]", "cases.toml:2: unknown key \"cases\"; did you mean \"case\"?"),
    ] {
        assert!(CASE.contains(from), "{from}");
        let errors = run(&CASE.replacen(from, to, 1)).unwrap_err();
        assert!(errors.iter().any(|error| error.starts_with(expected)), "expected {expected}\nfound {errors:#?}");
    }
}

const BANK: &str = r#"environment = "bank"
[issuer.staff]
url = "https://login.bank.example"
audiences = ["accounts"]
algorithms = ["ES256"]
keys = "/etc/gate/jwks.json"
claims = { role = "string", acr = "string", auth_time = "int", branch = "string?", vip = "bool?", units = "strings?" }
roles = { claim = "role", values = ["teller", "supervisor"] }
[network.office]
addresses = ["10.0.0.0/8"]
owner = "net"
ports = ["udp/53"]
[service.web]
unit = "web.service"
owner = "team"
[service.accounts]
unit = "accounts.service"
owner = "team"
port.raw.listen = "tcp/81"
[service.accounts.port.api]
listen = "tcp/80"
protocol = "http"
issuer = "staff"
route.get = { match = "GET /a/{id:int}", hosts = ["*.bank.example"], headers = { x-tenant = "string" }, query = { limit = "int" } }
"#;

const BANK_RULES: &str = r#"
@id("tellers-read") @reason("r") @ticket("t")
permit (principal == Service::"web", action == Action::"accounts.get", resource == Service::"accounts")
when { context has user && context.user.role == "teller" && context.user.acr == "gold" }
when { context.host == "api.bank.example" && context.headers has "x-tenant" && context.headers["x-tenant"] == "a" }
when { context.query has limit && context.query.limit <= 10 && context.now - context.user.auth_time < 600 }
when { context.local.minute >= 540 && context.source has uid && context.source.uid == 998 };
@id("world-connects") @reason("r") @ticket("t")
permit (principal in World::"any", action == Action::"connect", resource == Port::"accounts:tcp/81");
@id("not-from-the-office") @reason("r") @ticket("t")
forbid (principal in Network::"office", action == Action::"connect", resource in Service::"accounts");
@id("web-resolves") @reason("r") @ticket("t")
permit (principal == Service::"web", action == Action::"connect", resource in Network::"office");
"#;

const BANK_CASES: &str = r#"
[[case]]
name = "a teller reads"
principal = "web"
action = "accounts.get"
params = { id = 7 }
host = "api.bank.example"
headers = { x-tenant = "a" }
query = { limit = 10 }
user = { sub = "u1", role = "teller", acr = "gold", auth_time = 1795424000, vip = true, units = ["a", "b"] }
source = { uid = 998 }
at = "2026-11-23 09:00"
expect = "allow"
rule = "tellers-read"
[[case]]
name = "the world connects"
principal = "world"
action = "connect"
port = "accounts:tcp/81"
expect = "allow"
[[case]]
name = "the office does not"
principal = "office"
action = "connect"
port = "accounts:tcp/81"
expect = "deny"
rule = "not-from-the-office"
[[case]]
name = "web resolves"
principal = "web"
action = "connect"
port = "office:udp/53"
expect = "allow"
"#;

fn bank(cases: &str) -> Result<Vec<String>, Vec<String>> {
    let files = [("services.toml", BANK), ("r.cedar", BANK_RULES), ("cases.toml", cases)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    match compile(&PolicySource::from_files(files).unwrap(), None) {
        Ok(compiled) => Ok(run_cases(&compiled).iter().map(ToString::to_string).collect()),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn everything_that_a_request_has_is_asked() {
    assert_eq!(
        bank(BANK_CASES).unwrap(),
        [
            "ok: a teller reads: allow by tellers-read",
            "ok: the world connects: allow by world-connects",
            "ok: the office does not: deny by not-from-the-office",
            "ok: web resolves: allow by web-resolves",
        ]
    );
    for (from, to) in [
        ("role = \"teller\"", "role = \"supervisor\""),
        ("\"gold\"", "\"silver\""),
        ("host = \"api", "host = \"www"),
        ("x-tenant = \"a\"", "x-tenant = \"b\""),
        ("headers = { x-tenant = \"a\" }", ""),
        ("limit = 10", "limit = 11"),
        ("uid = 998", "uid = 999"),
        ("source = { uid = 998 }", ""),
        ("auth_time = 1795424000", "auth_time = 1795423000"),
        ("at = \"2026-11-23 09:00\"", "at = \"2026-11-23 08:59\""),
        (
            "user = { sub = \"u1\", role = \"teller\", acr = \"gold\", auth_time = 1795424000, vip = true, units = [\"a\", \"b\"] }",
            "",
        ),
    ] {
        assert!(BANK_CASES.contains(from), "{from}");
        let found = bank(&BANK_CASES.replacen(from, to, 1)).unwrap();
        assert!(found[0].contains("found deny; no rule permits it"), "{from}: {found:?}");
    }
}

#[test]
#[rustfmt::skip] // a table
fn a_request_that_could_not_be_is_refused() {
    for (from, to, expected) in [
        ("role = \"teller\"", "role = \"boss\"", "the role \"boss\" is none of the issuer \"staff\""),
        ("acr = \"gold\", ", "", "the claim \"acr\" of \"staff\" is missing"),
        ("acr = \"gold\"", "acr = 3", "the claim \"acr\" of \"staff\" is an integer; a string would be right"),
        ("acr = \"gold\"", "acr = \"gold\", shoe = 44", "the issuer \"staff\" declares no claim \"shoe\""),
        ("host = \"api.bank.example\"", "host = \"evil.example\"", "host = \"evil.example\"; the action accounts.get is at *.bank.example"),
        ("host = \"api.bank.example\"", "", "host = \"\"; the action accounts.get is at *.bank.example"),
        ("limit = 10", "limit = \"10\"", "the query parameter \"limit\" is a string; an integer would be right"),
        ("principal = \"world\"", "principal = \"wolrd\"", "principal = \"wolrd\" is no service, no network, not \"host\" and not \"world\"; did you mean \"world\"?"),
    ] {
        assert!(BANK_CASES.contains(from), "{from}");
        let errors = bank(&BANK_CASES.replacen(from, to, 1)).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains(expected), "expected {expected}\nfound {errors:#?}");
    }
}
