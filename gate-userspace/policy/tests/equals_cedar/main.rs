//! The compiled form decides exactly as Cedar's own authorizer over the whole policy, except that any evaluation error
//! denies. Entities, contexts and ids are given to Cedar by this test's own hand, not by the code under test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression,
};
use gate_policy::{ActionId, Compiled, LocalTime, PolicySource, Principal, RequestContext, compile};
use gate_tables::{ServiceId, Value, Via};
use proptest::prelude::*;
use serde_json::json;
use std::str::FromStr;

const SERVICES: &str = r#"environment = "test"
[group.clients]
[group.jobs]
[service.api]
unit = "api.service"
owner = "a"
[service.api.port.http]
listen = "tcp/80"
protocol = "http"
[service.api.port.http.route]
get = { match = "GET /a/{id:int}", groups = ["read"] }
put = { match = "PUT /a/{id:int}", groups = ["write"] }
list = { match = "GET /a", groups = ["read"] }
[service.api.port.raw]
listen = "tcp/81"
[service.batch]
unit = "batch.service"
owner = "a"
groups = ["clients", "jobs"]
[service.ops]
unit = "ops.service"
owner = "a"
groups = ["jobs"]
[service.ops.port.http]
listen = "tcp/90"
protocol = "http"
route.run = { match = "POST /run/{name}", groups = ["write"] }
[service.ops.port.raw]
listen = "tcp/91"
[service.web]
unit = "web.service"
owner = "a"
groups = ["clients"]
"#;

const PRINCIPALS: [(&str, &str); 5] = [
    ("host", "Host::\"self\""),
    ("api", "Service::\"api\""),
    ("batch", "Service::\"batch\""),
    ("ops", "Service::\"ops\""),
    ("web", "Service::\"web\""),
];
const ROUTES: [(&str, &str, &str); 4] =
    [("api.get", "api", "GET"), ("api.put", "api", "PUT"), ("api.list", "api", "GET"), ("ops.run", "ops", "POST")];
const FLOWS: [(&str, u16); 2] = [("api", 81), ("ops", 91)];

fn entities() -> Entities {
    let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let entity = |kind: &str, id: &str, parents: &[(&str, &str)]| {
        let parents: Vec<_> = parents.iter().map(|(kind, id)| uid(kind, id)).collect();
        json!({"uid": uid(kind, id), "attrs": {}, "parents": parents})
    };
    let all = json!([
        entity("Host", "self", &[]),
        entity("Group", "clients", &[]),
        entity("Group", "jobs", &[]),
        entity("Service", "api", &[]),
        entity("Service", "batch", &[("Group", "clients"), ("Group", "jobs")]),
        entity("Service", "ops", &[("Group", "jobs")]),
        entity("Service", "web", &[("Group", "clients")]),
        entity("Port", "api:tcp/81", &[]),
        entity("Port", "ops:tcp/91", &[]),
        entity("Action", "api.get", &[("Action", "api:all"), ("Action", "api:read")]),
        entity("Action", "api.put", &[("Action", "api:all"), ("Action", "api:write")]),
        entity("Action", "api.list", &[("Action", "api:all"), ("Action", "api:read")]),
        entity("Action", "ops.run", &[("Action", "ops:all"), ("Action", "ops:write")]),
        entity("Action", "connect", &[]),
    ]);
    Entities::from_json_value(all, None).unwrap()
}

#[derive(Debug, Clone)]
struct Rule {
    effect: &'static str,
    principal: &'static str,
    target: &'static str,
    condition: String,
}

fn text(rules: &[Rule]) -> String {
    let one = |(number, rule): (usize, &Rule)| {
        let Rule { effect, principal, target, condition } = rule;
        format!("@id(\"r{number:02}\") @reason(\"r\") @ticket(\"t\") {effect} ({principal}, {target}) {condition};\n")
    };
    rules.iter().enumerate().map(one).collect()
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let named = prop::sample::select(vec![
        "principal == Service::\"web\"",
        "principal == Service::\"batch\"",
        "principal == Service::\"ops\"",
        "principal == Service::\"api\"",
        "principal == Host::\"self\"",
        "principal in Service::\"web\"",
        "principal in Group::\"clients\"",
        "principal in Group::\"jobs\"",
        "principal is Service in Group::\"jobs\"",
    ]);
    let anyone = prop::sample::select(vec!["principal", "principal is Service", "principal is Host"]);
    let permit = named.clone().prop_map(|principal| ("permit", principal));
    let forbid = prop_oneof![2 => named, 1 => anyone].prop_map(|principal| ("forbid", principal));
    let head = prop_oneof![3 => permit, 1 => forbid];
    let body = prop_oneof![2 => with_flows(), 2 => with_routes(), 3 => with_ids()];
    (head, body).prop_map(|((effect, principal), (target, condition))| Rule { effect, principal, target, condition })
}

/// Scopes that cover connections, and so have no condition.
fn with_flows() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action, resource",
        "action, resource is Port",
        "action == Action::\"connect\", resource",
        "action == Action::\"connect\", resource == Port::\"api:tcp/81\"",
        "action in Action::\"connect\", resource == Port::\"ops:tcp/91\"",
        "action in [Action::\"connect\", Action::\"api.get\", Action::\"ops:all\"], resource",
    ]);
    targets.prop_map(|target| (target, String::new()))
}

/// Scopes of routes with different parameters.
fn with_routes() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action, resource is Service",
        "action, resource == Service::\"api\"",
        "action, resource in Group::\"jobs\"",
        "action, resource is Service in Group::\"jobs\"",
        "action in Action::\"api:all\", resource",
        "action in Action::\"api:read\", resource == Service::\"api\"",
        "action in [Action::\"ops:write\", Action::\"api.list\"], resource",
        "action == Action::\"ops.run\", resource == Service::\"ops\"",
        "action == Action::\"api.list\", resource",
    ]);
    (targets, conditions(any_route_condition().boxed()))
}

/// Scopes of routes that have `id`.
fn with_ids() -> impl Strategy<Value = (&'static str, String)> {
    let targets = prop::sample::select(vec![
        "action == Action::\"api.get\", resource",
        "action == Action::\"api.get\", resource == Service::\"api\"",
        "action in [Action::\"api.get\", Action::\"api:write\"], resource == Service::\"api\"",
        "action in Action::\"api:write\", resource in Service::\"api\"",
    ]);
    let of_id = prop::sample::select(vec![
        "context.params.id == 1",
        "context.params.id < 2",
        "context.params.id + 9223372036854775806 > 0",
        "context.params.id * 2 == 2 || context.params.id - 9223372036854775807 < 0",
    ]);
    (targets, conditions(prop_oneof![any_route_condition(), of_id].boxed()))
}

fn any_route_condition() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "context.source.uid == 33",
        "context.source.uid == 33 && context.method == \"GET\"",
        "context.method == \"PUT\"",
        "context.now + 1 > 5",
        "context.source.uid == 33 || context.now + 1 > 5",
        "context.local.weekday < 6",
        "context.path like \"/a*\"",
        "principal == Service::\"web\"",
        "principal in Group::\"jobs\" || context.local.minute > 600",
        "resource in Group::\"jobs\"",
        "context.now > 5 && action in Action::\"api:read\"",
    ])
}

fn conditions(condition: BoxedStrategy<&'static str>) -> impl Strategy<Value = String> {
    let one = |word: &'static str| condition.clone().prop_map(move |text| format!("{word} {{ {text} }}"));
    prop_oneof![
        2 => Just(String::new()),
        3 => one("when"),
        1 => one("unless"),
        1 => (one("when"), one("unless")).prop_map(|(when, unless)| format!("{when} {unless}")),
    ]
}

/// (id, uid, now): values on both sides of every condition above, and those that overflow.
const MOMENTS: [(i64, u32, i64); 5] =
    [(1, 33, 1000), (2, 33, i64::MAX), (2, 0, 0), (i64::MIN, 0, 432_000), (1, 0, 1000)];

fn question(route: &str, method: &str, (id, source_uid, now): (i64, u32, i64)) -> RequestContext {
    let params = match route {
        "api.list" => vec![],
        "ops.run" => vec![("name".to_owned(), Value::Text(format!("job{id}")))],
        _ => vec![("id".to_owned(), Value::Int(id))],
    };
    let path = if route.starts_with("api") { format!("/a/{id}") } else { format!("/run/job{id}") };
    RequestContext { params, method: method.to_owned(), path, source_uid, now, local: LocalTime::at(now, 0) }
}

fn cedar_context(question: &RequestContext) -> Context {
    let params: serde_json::Map<_, _> = question
        .params
        .iter()
        .map(|(name, value)| match value {
            Value::Int(number) => (name.clone(), json!(number)),
            Value::Text(text) => (name.clone(), json!(text)),
        })
        .collect();
    let context = json!({
        "params": params, "method": question.method, "path": question.path,
        "source": {"uid": question.source_uid}, "now": question.now,
        "local": {"weekday": question.local.weekday, "minute": question.local.minute},
    });
    Context::from_json_value(context, None).unwrap()
}

struct Oracle {
    policies: PolicySet,
    entities: Entities,
}

/// What Cedar says: whether it is allowed when errors deny, by which rules, and whether any rule erred.
struct Answer {
    allow: bool,
    rules: Vec<String>,
    erred: bool,
}

impl Oracle {
    fn new(text: &str) -> Self {
        let parsed = PolicySet::from_str(text).unwrap();
        let named = parsed.policies().map(|policy| policy.new_id(PolicyId::new(policy.annotation("id").unwrap())));
        Self { policies: PolicySet::from_policies(named).unwrap(), entities: entities() }
    }

    fn ask(&self, principal: &str, action: &str, resource: &str, context: Context) -> Answer {
        let uid = |text: &str| EntityUid::from_str(text).unwrap();
        let action = uid(&format!("Action::\"{action}\""));
        let request = Request::new(uid(principal), action, uid(resource), context, None).unwrap();
        let response = Authorizer::new().is_authorized(&request, &self.policies, &self.entities);
        let erred = response.diagnostics().errors().next().is_some();
        let mut rules: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        rules.sort();
        Answer { allow: response.decision() == Decision::Allow && !erred, rules, erred }
    }
}

fn source(text: &str) -> PolicySource {
    let files = [("services.toml", SERVICES), ("rules.cedar", text)];
    PolicySource::from_files(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))).unwrap()
}

fn check_decision(ours: &gate_policy::Decision, cedar: &Answer) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.allow, cedar.allow);
    let rules: Vec<&str> = ours.rules.iter().map(|id| &**id).collect();
    if ours.allow {
        prop_assert_eq!(&rules, &cedar.rules);
        prop_assert!(ours.errors.is_empty());
    } else {
        prop_assert!(rules.iter().all(|rule| cedar.rules.iter().any(|other| other == rule)) || cedar.erred);
    }
    prop_assert!(ours.errors.is_empty() || cedar.erred);
    Ok(())
}

fn check_routes(compiled: &Compiled, oracle: &Oracle) -> Result<(), TestCaseError> {
    let Compiled { decider, tables, .. } = compiled;
    for (name, uid) in PRINCIPALS {
        let principal = decider.principal_named(name).unwrap();
        for (route, owner, method) in ROUTES {
            let action = decider.action_named(route).unwrap();
            let service = tables.service_named(owner).unwrap();
            let mut answers = Vec::new();
            for moment in MOMENTS {
                let question = question(route, method, moment);
                let resource = format!("Service::\"{owner}\"");
                let ours = decider.decide(principal, action, service.id, &question);
                let cedar = oracle.ask(uid, route, &resource, cedar_context(&question));
                check_decision(&ours, &cedar)?;
                answers.push((moment, ours));
            }
            check_cache(&answers)?;
            check_reach(compiled, principal, action, service.id, answers.iter().any(|(_, answer)| answer.allow))?;
        }
    }
    Ok(())
}

/// A cacheable answer is the answer to every request of the session.
fn check_cache(answers: &[((i64, u32, i64), gate_policy::Decision)]) -> Result<(), TestCaseError> {
    for (moment, answer) in answers.iter().filter(|(_, answer)| answer.cacheable) {
        for (_, other) in answers.iter().filter(|(other, _)| other.1 == moment.1) {
            prop_assert_eq!(answer, other);
        }
    }
    Ok(())
}

/// What is ever permitted is reachable, and the table names the nearest rule for what is not.
fn check_reach(
    compiled: &Compiled,
    principal: Principal,
    action: ActionId,
    service: ServiceId,
    permitted: bool,
) -> Result<(), TestCaseError> {
    let port = compiled.decider.route(action).unwrap().port;
    let line = compiled.tables.reach(principal.service_id(), service, port);
    prop_assert!(line.is_some() || !permitted);
    prop_assert!(line.is_none_or(|line| line.via == Via::Proxy));
    let nearest = compiled.decider.nearest(principal, action);
    prop_assert!(nearest.permit.is_none_or(|rule| !rule.missing.is_empty()));
    prop_assert!(nearest.forbidden_by.is_empty() || !permitted);
    Ok(())
}

fn check_flows(compiled: &Compiled, oracle: &Oracle) -> Result<(), TestCaseError> {
    let Compiled { decider, tables, .. } = compiled;
    for (name, uid) in PRINCIPALS {
        let principal = decider.principal_named(name).unwrap();
        for (owner, number) in FLOWS {
            let service = tables.service_named(owner).unwrap();
            let port = service.ports.iter().find(|port| port.number == number).unwrap().id;
            let ours = decider.decide_connect(principal, service.id, port, 7);
            let resource = format!("Port::\"{owner}:tcp/{number}\"");
            let now = [("now".to_owned(), RestrictedExpression::new_long(7))];
            let cedar = oracle.ask(uid, "connect", &resource, Context::from_pairs(now).unwrap());
            check_decision(&ours, &cedar)?;
            let line = tables.reach(principal.service_id(), service.id, port);
            prop_assert_eq!(line.is_some(), cedar.allow);
            if let Some(line) = line {
                prop_assert_eq!(line.via, Via::Direct);
                prop_assert_eq!(&tables.rules[line.rule as usize].id, &cedar.rules[0]);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_global_rejects: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_form_decides_as_cedar(rules in prop::collection::vec(any_rule(), 0..9)) {
        let text = text(&rules);
        let compiled = match compile(&source(&text), None) {
            Ok(compiled) => compiled,
            // Some conditions are impossible for some principals, which the validator says.
            Err(errors) => {
                prop_assert!(errors.iter().all(|error| error.message.contains("impossible")), "{:#?}\n{}", errors, text);
                return Err(TestCaseError::reject("a rule of this policy can never apply"));
            }
        };
        let oracle = Oracle::new(&text);
        check_routes(&compiled, &oracle)?;
        check_flows(&compiled, &oracle)?;
        let again = compile(&source(&text), None).unwrap();
        prop_assert_eq!(compiled.tables.to_bytes().unwrap(), again.tables.to_bytes().unwrap());
        let read = gate_tables::Tables::from_bytes(&again.tables.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(read, again.tables);
    }
}
