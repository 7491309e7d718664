//! Decisions that a careless compiler would get wrong.

use crate::{Compiled, Decision, LocalTime, PolicySource, RequestContext, compile};
use gate_tables::Value;

const SERVICES: &str = r#"environment = "demo"
[service.api]
unit = "api.service"
owner = "team"
port.http = { listen = "tcp/80", protocol = "http", route = { get = { match = "GET /{id:int}" }, name = { match = "PUT /n/{id}" } } }
[service.web]
unit = "web.service"
owner = "team"
"#;

fn compiled(rules: &str) -> Compiled {
    let files = [("services.toml", SERVICES), ("rules.cedar", rules)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    compile(&PolicySource::from_files(files).unwrap(), None).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn context(params: &[(&str, Value)]) -> RequestContext {
    RequestContext {
        params: params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        method: "GET".into(),
        path: "/1".into(),
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(33),
        now: 1000,
        local: LocalTime::at(1000, 0),
    }
}

fn ask_with(rules: &str, params: &[(&str, Value)]) -> Decision {
    let Compiled { decider, tables, .. } = compiled(rules);
    let web = decider.principal_named("web").unwrap();
    let get = decider.action_named("api.get").unwrap();
    decider.decide(web, get, tables.service_named("api").unwrap().id, &context(params))
}

fn ask(rules: &str) -> Decision {
    ask_with(rules, &[("id", Value::Int(1))])
}

fn rules(conditions: &[(&str, &str)]) -> String {
    let scope = "(principal == Service::\"web\", action == Action::\"api.get\", resource == Service::\"api\")";
    let one = |(number, (effect, condition)): (usize, &(&str, &str))| {
        format!("@id(\"r{number}\") @reason(\"r\") @ticket(\"t\") {effect} {scope} {condition};\n")
    };
    conditions.iter().enumerate().map(one).collect()
}

const ALWAYS: &str = "";
const HOLDS: &str = "when { context.params.id == 1 }";
const FAILS: &str = "when { context.params.id == 2 }";
const ERRS: &str = "when { context.params.id + 9223372036854775807 == 0 }";

#[test]
fn default_is_deny_and_forbid_wins() {
    for (set, allow, by) in [
        (&[][..], false, &[][..]),
        (&[("permit", ALWAYS)], true, &["r0"]),
        (&[("permit", HOLDS)], true, &["r0"]),
        (&[("permit", FAILS)], false, &[]),
        (&[("permit", HOLDS), ("permit", ALWAYS), ("permit", FAILS)], true, &["r0", "r1"]),
        (&[("permit", ALWAYS), ("forbid", ALWAYS)], false, &["r1"]),
        (&[("permit", ALWAYS), ("forbid", HOLDS)], false, &["r1"]),
        (&[("permit", ALWAYS), ("forbid", FAILS)], true, &["r0"]),
        (&[("permit", HOLDS), ("forbid", HOLDS)], false, &["r1"]),
        (&[("forbid", FAILS)], false, &[]),
    ] {
        let decision = ask(&rules(set));
        assert_eq!(decision.allow, allow, "{set:?}");
        assert_eq!(decision.rules.iter().map(|id| &**id).collect::<Vec<_>>(), by, "{set:?}");
        assert_eq!(decision.errors, [], "{set:?}");
    }
}

/// Cedar skips a rule that errs; a forbid that is skipped allows.
#[test]
fn any_evaluation_error_denies() {
    for set in [
        &[("permit", ALWAYS), ("forbid", ERRS)][..],
        &[("permit", HOLDS), ("forbid", ERRS)],
        &[("permit", ALWAYS), ("permit", ERRS)],
        &[("permit", ERRS)],
    ] {
        let decision = ask(&rules(set));
        assert!(!decision.allow, "{set:?}");
        assert!(!decision.cacheable, "{set:?}");
        let erring = set.iter().position(|(_, condition)| *condition == ERRS).unwrap();
        assert_eq!(decision.errors[0].rule, Some(format!("r{erring}")), "{set:?}");
        assert!(decision.errors[0].message.contains("overflow"), "{:?}", decision.errors);
    }
}

#[test]
fn an_answer_is_cacheable_when_the_session_fixes_all_that_was_read() {
    for (condition, cacheable) in [
        (ALWAYS, true),
        ("when { context.source has uid && context.source.uid == 33 }", true),
        ("when { context.method == \"GET\" && principal in Service::\"web\" }", true),
        ("when { context.source has uid && context.source.uid == 33 && context.params.id == 1 }", false),
        ("when { context.now > 5 }", false),
        ("when { context.local.weekday < 8 }", false),
        ("unless { context.path like \"*x*\" }", false),
        ("when { context has now }", false),
        ("when { {\"a\": context}[\"a\"].now == 1000 }", false),
    ] {
        let decision = ask(&rules(&[("permit", condition)]));
        assert!(decision.allow, "{condition}: {decision:?}");
        assert_eq!(decision.cacheable, cacheable, "{condition}");
    }
}

#[test]
fn a_request_that_does_not_fit_its_route_is_denied() {
    let conditional = rules(&[("permit", HOLDS), ("forbid", FAILS)]);
    for (params, message) in [
        (&[][..], "the parameter \"id\" of /{id:int} is missing"),
        (
            &[("id", Value::Text("1".into()))],
            "the parameter \"id\" of /{id:int} is a string; an integer would be right",
        ),
        (&[("id", Value::Int(1)), ("x", Value::Int(1))], "/{id:int} has no parameter \"x\""),
        (&[("id", Value::Int(1)), ("id", Value::Int(2))], "a parameter of /{id:int} is there twice"),
    ] {
        let decision = ask_with(&conditional, params);
        assert!(!decision.allow && !decision.cacheable);
        assert_eq!(decision.errors[0].to_string(), message);
    }
}

#[test]
fn a_failed_condition_is_the_nearest_miss() {
    let Compiled { decider, .. } = compiled(&rules(&[("permit", FAILS)]));
    let web = decider.principal_named("web").unwrap();
    let host = decider.principal_named("host").unwrap();
    let get = decider.action_named("api.get").unwrap();
    let name = decider.action_named("api.name").unwrap();
    let nearest = |principal, action| decider.nearest(principal, action).to_string();
    let prefix = "no rule permits it; the nearest is r0 (rules.cedar:1): ";
    assert_eq!(nearest(web, get), format!("{prefix}its condition did not hold"));
    assert_eq!(nearest(host, get), format!("{prefix}it is for Service::\"web\", not for Host::\"self\""));
    assert_eq!(
        nearest(host, name),
        format!(
            "{prefix}it is for Service::\"web\", not for Host::\"self\" and it is about Action::\"api.get\", not about Action::\"api.name\""
        )
    );
}

#[test]
fn deciders_go_to_other_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Compiled>();
}

fn remarks(rules: &str) -> Vec<String> {
    compiled(rules).remarks().iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_changes_no_decision_is_remarked() {
    let shadowed = "rule \"r0\" (rules.cedar:1) is never reached: all that it is about is forbidden by \"r1\" \
                    (rules.cedar:2); remove it, or narrow the forbid";
    let redundant =
        "rule \"r0\" (rules.cedar:1) permits nothing more than \"r1\" (rules.cedar:2); remove it, or narrow the other";
    for (set, expected) in [
        (&[("permit", ALWAYS)][..], &[][..]),
        (&[("permit", ALWAYS), ("forbid", ALWAYS)], &[shadowed]),
        (&[("permit", HOLDS), ("forbid", ALWAYS)], &[shadowed]),
        (&[("forbid", HOLDS), ("forbid", ALWAYS)], &[shadowed]),
        (&[("permit", ALWAYS), ("forbid", HOLDS)], &[]),
        (&[("permit", HOLDS), ("permit", ALWAYS)], &[redundant]),
        // One that may fail denies by failing: it is not idle.
        (&[("permit", ERRS), ("permit", ALWAYS)], &[]),
        (&[("permit", HOLDS), ("permit", HOLDS)], &[]),
        (&[("forbid", HOLDS)], &[]),
    ] {
        assert_eq!(remarks(&rules(set)), expected, "{set:?}");
    }
    // A forbid of a part leaves the rest.
    let wide = "@id(\"wide\") @reason(\"r\") @ticket(\"t\") permit (principal == Service::\"web\", action in Action::\"api:all\", resource);\n";
    assert_eq!(remarks(&(wide.to_owned() + &rules(&[("forbid", ALWAYS)]))), Vec::<String>::new());
    assert_eq!(remarks(&(wide.to_owned() + &rules(&[("permit", ALWAYS)]))).len(), 1);
}
