//! Never one role too few: against Cedar's evaluator, for every user of a small world.

use crate::{ClaimValue, Compiled, Diagnostic, LocalTime, PolicySource, RequestContext, User, compile};
use gate_tables::Value;
use proptest::prelude::*;
use std::collections::BTreeSet;

const ROLES: [&str; 4] = ["auditor", "clerk", "supervisor", "teller"];

fn services(kind: &str) -> String {
    format!(
        r#"environment = "bank"
[issuer.staff]
url = "https://login.bank.example"
audiences = ["accounts"]
algorithms = ["ES256"]
keys = "/etc/gate/jwks.json"
claims = {{ role = "{kind}", acr = "string" }}
roles = {{ claim = "role", values = ["teller", "supervisor", "auditor", "clerk"] }}
[service.web]
unit = "web.service"
owner = "team"
[service.accounts]
unit = "accounts.service"
owner = "team"
port.api = {{ listen = "tcp/80", protocol = "http", issuer = "staff", route.get = {{ match = "GET /a/{{id:int}}" }} }}
"#
    )
}

fn compile_with(kind: &str, conditions: &str) -> Result<Compiled, Vec<Diagnostic>> {
    let rule = format!(
        "@id(\"r\") @reason(\"r\") @ticket(\"t\")\n\
         permit (principal == Service::\"web\", action == Action::\"accounts.get\", resource) {conditions};"
    );
    let files = [("services.toml", services(kind)), ("r.cedar", rule)];
    let files = files.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    compile(&PolicySource::from_files(files).unwrap(), None)
}

fn policy(kind: &str, conditions: &str) -> Compiled {
    compile_with(kind, conditions).unwrap_or_else(|errors| panic!("{conditions}: {errors:#?}"))
}

/// `None` for any.
fn roles(kind: &str, conditions: &str) -> Option<Vec<String>> {
    let condition = policy(kind, conditions).tables.rules[0].condition.clone().unwrap();
    condition.roles.map(|roles| roles.into_iter().collect())
}

#[test]
#[rustfmt::skip] // a table
fn a_role_counts_where_the_condition_can_hold() {
    let only = |roles: &[&str]| Some(roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>());
    for (conditions, expected) in [
        (r#"when { context has user && context.user.role == "teller" }"#, only(&["teller"])),
        (r#"when { context has user && "teller" == context.user.role && context.now > 5 }"#, only(&["teller"])),
        (r#"when { context has user } when { context.user.role == "teller" || context.user.role == "clerk" }"#, only(&["clerk", "teller"])),
        (r#"when { context has user && ["teller", "clerk"].contains(context.user.role) && context.user.role != "clerk" }"#, only(&["teller"])),
        (r#"when { context has user && context.user.role == "teller" && context.user.role == "clerk" }"#, only(&[])),
        (r#"when { context has user && context.user.acr == "gold" }"#, None),
        (r#"when { context has user && (context.user.role == "teller" || context.user.acr == "gold") }"#, None),
        (r#"when { context.params.id == 1 || (context has user && context.user.role == "teller") }"#, None),
        (r#"unless { context has user && context.user.role == "teller" }"#, None),
        (r#"when { context has user } unless { context.user.role == "teller" }"#, only(&["auditor", "clerk", "supervisor"])),
        (r#"when { if context has user then context.user.role == "teller" else false }"#, only(&["teller"])),
        (r#"when { if context has user then context.user.role == "teller" else true }"#, None),
        (r#"when { context.now > 5 }"#, None),
    ] {
        assert_eq!(roles("string", conditions), expected, "{conditions}");
    }
    for (conditions, expected) in [
        (r#"when { context has user && context.user.role.contains("teller") }"#, only(&["teller"])),
        (r#"when { context has user && context.user.role.contains("teller") && context.user.role.contains("clerk") }"#, only(&["clerk", "teller"])),
        (r#"when { context has user && context.user.role.containsAll(["teller", "clerk"]) }"#, only(&["clerk", "teller"])),
        (r#"when { context has user && context.user.role.containsAny(["teller", "clerk"]) }"#, only(&["clerk", "teller"])),
        (r#"when { context has user && context.user.role.contains("teller") && !context.user.role.contains("clerk") }"#, only(&["teller"])),
        (r#"when { context has user && !context.user.role.contains("clerk") }"#, None),
        // With another role beside these two it holds, and without that one it does not.
        (r#"when { context has user && context.user.role.contains("clerk") && context.user.role != ["teller", "clerk"] }"#, None),
    ] {
        assert_eq!(roles("strings", conditions), expected, "{conditions}");
    }
}

#[test]
fn a_role_that_nobody_has_is_refused() {
    for (kind, condition, says) in [
        ("string", "context.user.role == \"tellr\"", Some("context.user.role is never \"tellr\"")),
        ("string", "context.user.role != \"tellr\"", Some("did you mean \"teller\"?")),
        ("string", "[\"teller\", \"clrk\"].contains(context.user.role)", Some("did you mean \"clerk\"?")),
        ("strings", "context.user.role.containsAny([\"teller\", \"clrk\"])", Some("did you mean \"clerk\"?")),
        ("strings", "context.user.role.contains(\"boss\")", Some("never \"boss\"")),
        ("string", "context.user.acr == \"tellr\"", None),
        ("string", "context.user.sub == \"tellr\"", None),
    ] {
        let errors =
            compile_with(kind, &format!("when {{ context has user && {condition} }}")).err().unwrap_or_default();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        match says {
            Some(says) => assert!(errors.len() == 1 && errors[0].contains(says), "{condition}: {errors:?}"),
            None => assert_eq!(errors, Vec::<String>::new(), "{condition}"),
        }
    }
}

fn asked(user: Option<User>, id: i64) -> RequestContext {
    RequestContext {
        params: vec![("id".into(), Value::Int(id))],
        method: "GET".into(),
        path: format!("/a/{id}"),
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user,
        source_uid: None,
        now: 0,
        local: LocalTime::at(0, 0),
    }
}

/// A user's roles, in bits, and what else may matter.
fn user(kind: &str, bits: u8, gold: bool) -> User {
    let roles: Vec<String> =
        ROLES.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, role)| (*role).to_owned()).collect();
    let role = if kind == "string" { ClaimValue::Text(roles[0].clone()) } else { ClaimValue::Texts(roles) };
    let acr = ClaimValue::Text(if gold { "gold" } else { "silver" }.to_owned());
    User { sub: "u".into(), claims: vec![("role".into(), role), ("acr".into(), acr)] }
}

/// The roles for which it holds: for a user who has no other, or for one to whom this one is needed. `None`: it holds
/// without any.
fn brute_force(compiled: &Compiled, kind: &str) -> Option<BTreeSet<String>> {
    let decider = &compiled.decider;
    let (web, get) = (decider.principal_named("web").unwrap(), decider.action_named("accounts.get").unwrap());
    let accounts = decider.route(get).unwrap().service;
    let mut found = BTreeSet::new();
    for (gold, id) in [(false, 1), (false, 2), (true, 1), (true, 2)] {
        let holds = |user: Option<User>| decider.decide(web, get, accounts, &asked(user, id)).allow;
        if holds(None) || (kind == "strings" && holds(Some(user(kind, 0, gold)))) {
            return None;
        }
        for bits in 1u8..16 {
            if kind == "string" && bits.count_ones() != 1 {
                continue;
            }
            let held = holds(Some(user(kind, bits, gold)));
            for (at, role) in ROLES.iter().enumerate().filter(|(at, _)| held && bits & (1 << at) != 0) {
                let without = bits & !(1 << at);
                if without == 0 || !holds(Some(user(kind, without, gold))) {
                    found.insert((*role).to_owned());
                }
            }
        }
    }
    Some(found)
}

fn atom(kind: &'static str) -> impl Strategy<Value = String> {
    let role = prop::sample::select(ROLES.to_vec());
    let two = (role.clone(), role.clone());
    let named = if kind == "string" {
        prop_oneof![
            role.prop_map(|role| format!("context.user.role == \"{role}\"")),
            two.prop_map(|(a, b)| format!("[\"{a}\", \"{b}\"].contains(context.user.role)")),
            Just("context.user.role like \"*er\"".to_owned()),
        ]
        .boxed()
    } else {
        prop_oneof![
            role.prop_map(|role| format!("context.user.role.contains(\"{role}\")")),
            two.clone().prop_map(|(a, b)| format!("context.user.role.containsAll([\"{a}\", \"{b}\"])")),
            two.prop_map(|(a, b)| format!("context.user.role.containsAny([\"{a}\", \"{b}\"])")),
            Just("context.user.role == [\"teller\", \"clerk\"]".to_owned()),
            Just("context.user.role.isEmpty()".to_owned()),
        ]
        .boxed()
    };
    prop_oneof![
        4 => named,
        1 => Just("context.user.acr == \"gold\"".to_owned()),
        1 => Just("context.params.id == 1".to_owned()),
        1 => Just("context.params.id + 9223372036854775806 > 0".to_owned()),
    ]
}

fn expression(kind: &'static str) -> impl Strategy<Value = String> {
    atom(kind).prop_recursive(3, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} && {b})")),
            two.prop_map(|(a, b)| format!("({a} || {b})")),
            inner.prop_map(|a| format!("!({a})")),
            three.prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

fn conditions() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![Just("string"), Just("strings")].prop_flat_map(|kind| {
        let guarded = expression(kind).prop_map(|text| format!("when {{ context has user && {text} }}"));
        let unless = (expression(kind), expression(kind))
            .prop_map(|(a, b)| format!("when {{ context has user }} when {{ {a} }} unless {{ {b} }}"));
        let open = expression(kind).prop_map(|text| format!("when {{ if context has user then {text} else true }}"));
        (Just(kind), prop_oneof![4 => guarded, 2 => unless, 1 => open])
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_role_is_missing((kind, text) in conditions()) {
        let compiled = policy(kind, &text);
        let found = compiled.tables.rules[0].condition.clone().unwrap().roles;
        match (found, brute_force(&compiled, kind)) {
            (Some(found), Some(right)) => prop_assert!(right.is_subset(&found), "{text}: {right:?} {found:?}"),
            (Some(found), None) => prop_assert!(false, "{text}: holds without a role, and not {found:?}"),
            (None, _) => {}
        }
    }
}
