//! Everything that can be asked. Contexts are given to Cedar by this test's own hand, not by the code under test.

use crate::world::{Cell, FLOWS, PRINCIPALS, Question, ROUTES, Target};
use cedar_policy::{Context, EntityUid, Request};
use gate_policy::{ClaimValue, LocalTime, RequestContext, User};
use gate_tables::Value;
use serde_json::{Value as Json, json};
use std::str::FromStr;

const IDS: [i64; 3] = [1, 2, i64::MIN];
const UIDS: [Option<u32>; 3] = [Some(33), None, Some(34)];
/// On both sides of every condition: 40,000 is 11:06, 259,200 a Sunday; the last overflows what is added to it.
const MOMENTS: [i64; 7] = [0, 3, 999, 1_000, 40_000, 259_200, i64::MAX];
const HOSTS: [&str; 4] = ["api.example", "", "db.internal", "internal"];

/// Every question, for all worlds: they have the same names.
pub fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (principal, principal_uid, _) in PRINCIPALS {
        let principal_uid = EntityUid::from_str(principal_uid).unwrap();
        let request = |action: &str, resource: String, context: Json| {
            let action = EntityUid::from_str(&format!("Action::\"{action}\"")).unwrap();
            let context = Context::from_json_value(context, None).unwrap();
            Request::new(principal_uid.clone(), action, resource.parse().unwrap(), context, None).unwrap()
        };
        for (name, service, _, method, _) in ROUTES {
            let action = format!("{service}.{name}");
            let questions = contexts(name, method).into_iter().map(|ours| {
                let cedars = request(&action, format!("Service::\"{service}\""), context(&ours, name));
                Question { ours, cedars }
            });
            let questions = questions.collect();
            cells.push(Cell { principal, service, target: Target::Route(action), questions });
        }
        for (service, port, place) in FLOWS {
            let questions = MOMENTS.iter().map(|now| {
                let ours = asked("", "", 0, None, *now);
                let cedars = request("connect", format!("Port::\"{service}:{place}\""), json!({"now": now}));
                Question { ours, cedars }
            });
            let questions = questions.collect();
            cells.push(Cell { principal, service, target: Target::Flow(port), questions });
        }
    }
    cells
}

fn contexts(route: &str, method: &str) -> Vec<RequestContext> {
    let ids = if route == "list" { &IDS[..1] } else { &IDS[..] };
    let mut contexts = Vec::new();
    for (id, uid, now) in
        ids.iter().flat_map(|id| UIDS.iter().flat_map(move |uid| MOMENTS.iter().map(move |now| (*id, *uid, *now))))
    {
        let number = contexts.len();
        let mut context = asked(route, method, id, uid, now);
        // Lengths without a common factor, so that everything meets everything.
        context.host = HOSTS[number % HOSTS.len()].to_owned();
        if route != "run" {
            context.user = user(number % 11);
        }
        if ["get", "put"].contains(&route) {
            context.headers = headers(number % 5);
            context.query = query(number % 3);
        }
        contexts.push(context);
    }
    contexts
}

fn user(number: usize) -> Option<User> {
    let text = |text: &str| ClaimValue::Text(text.to_owned());
    let role = ["teller", "clerk", "supervisor"][number % 3];
    let acr = if number.is_multiple_of(2) { "gold" } else { "silver" };
    let auth_time = [0, 500, 39_900, -1, i64::MIN][number % 5];
    let mut claims = vec![
        ("role".to_owned(), text(role)),
        ("acr".to_owned(), text(acr)),
        ("auth_time".to_owned(), ClaimValue::Int(auth_time)),
    ];
    if number > 5 {
        claims.push(("units".to_owned(), ClaimValue::Texts(vec!["b".to_owned(), "a".to_owned()])));
    }
    if number > 7 {
        claims.push(("vip".to_owned(), ClaimValue::Bool(number == 9)));
    }
    (number > 0).then(|| User { sub: format!("u{number}"), claims })
}

fn headers(number: usize) -> Vec<(String, Value)> {
    let tenant = |name: &str| ("x-tenant".to_owned(), Value::Text(name.to_owned()));
    match number {
        0 => Vec::new(),
        1 => vec![tenant("a")],
        2 => vec![("x-rank".to_owned(), Value::Int(i64::MAX))],
        3 => vec![tenant("b"), ("x-rank".to_owned(), Value::Int(3))],
        _ => vec![("x-rank".to_owned(), Value::Int(-3)), tenant("a")],
    }
}

fn query(number: usize) -> Vec<(String, Value)> {
    let limit = |limit: i64| ("limit".to_owned(), Value::Int(limit));
    match number {
        0 => Vec::new(),
        1 => vec![limit(10)],
        _ => vec![limit(i64::MAX)],
    }
}

fn asked(route: &str, method: &str, id: i64, source_uid: Option<u32>, now: i64) -> RequestContext {
    let (params, path) = match route {
        "" => (vec![], String::new()),
        "list" => (vec![], "/a".to_owned()),
        "run" => (vec![("name".to_owned(), Value::Text(format!("job{id}")))], format!("/run/job{id}")),
        _ => (vec![("id".to_owned(), Value::Int(id))], format!("/a/{id}")),
    };
    RequestContext {
        params,
        method: method.to_owned(),
        path,
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid,
        now,
        local: LocalTime::at(now, 0),
    }
}

fn values(values: &[(String, Value)]) -> Json {
    let value = |value: &Value| match value {
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(text),
    };
    values.iter().map(|(name, of)| (name.clone(), value(of))).collect::<serde_json::Map<_, _>>().into()
}

fn context(question: &RequestContext, route: &str) -> Json {
    let mut source = json!({});
    if let Some(uid) = question.source_uid {
        source["uid"] = json!(uid);
    }
    let mut context = json!({
        "params": values(&question.params), "method": question.method, "path": question.path, "host": question.host,
        "source": source, "now": question.now,
        "local": {"weekday": question.local.weekday, "minute": question.local.minute},
    });
    if ["get", "put"].contains(&route) {
        context["headers"] = values(&question.headers);
        context["query"] = values(&question.query);
    }
    if let Some(user) = &question.user {
        context["user"] = json!({"sub": user.sub});
        for (name, claim) in &user.claims {
            context["user"][name] = match claim {
                ClaimValue::Text(text) => json!(text),
                ClaimValue::Int(number) => json!(number),
                ClaimValue::Bool(flag) => json!(flag),
                ClaimValue::Texts(texts) => json!(texts),
            };
        }
    }
    context
}
