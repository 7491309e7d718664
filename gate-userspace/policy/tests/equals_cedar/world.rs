//! What is declared, and everything that can be asked of it. Entities, contexts and ids are given to Cedar by this test's
//! own hand, not by the code under test.

use cedar_policy::{Context, Entities, EntityUid, Request, Schema, Validator};
use gate_policy::{LocalTime, PolicySource, RequestContext, compile};
use gate_tables::Value;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::str::FromStr;

/// Names, what Cedar calls them, and the groups that each may be in.
pub const PRINCIPALS: [(&str, &str, &[&str]); 5] = [
    ("host", "Host::\"self\"", &[]),
    ("api", "Service::\"api\"", &["jobs", "clients"]),
    ("batch", "Service::\"batch\"", &["jobs", "clients"]),
    ("ops", "Service::\"ops\"", &["jobs", "clients"]),
    ("web", "Service::\"web\"", &["jobs", "clients"]),
];
/// Action, service, port, method, path.
const ROUTES: [(&str, &str, &str, &str, &str); 4] = [
    ("get", "api", "http", "GET", "/a/{id:int}"),
    ("put", "api", "http", "PUT", "/a/{id:int}"),
    ("list", "api", "http", "GET", "/a"),
    ("run", "ops", "http", "POST", "/run/{name}"),
];
const FLOWS: [(&str, u16); 2] = [("api", 81), ("ops", 91)];

/// A policy's declarations: who is in which group, and which route.
#[derive(Debug, Clone)]
pub struct World {
    pub toml: String,
    pub entities: Entities,
    pub validator: Validator,
}

/// Which of the groups each service and each route is in, as bits. None is empty: a group that nobody is in is an error.
pub fn any_world() -> impl Strategy<Value = World> {
    let subset = || 1u8..4;
    let of_services = prop::array::uniform4(subset())
        .prop_filter("each group has a service", |bits| bits.iter().fold(0, |all, bits| all | bits) == 3);
    // Rules speak of api:read, api:write and ops:write.
    let of_routes = prop::array::uniform4(subset())
        .prop_filter("each group has a route", |[get, put, list, run]| (get | put | list) == 3 && run & 2 == 2);
    (of_services, of_routes).prop_map(|(services, routes)| World::new(services, routes))
}

fn chosen<'a>(names: &[&'a str], bits: u8) -> Vec<&'a str> {
    names.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0).map(|(_, name)| *name).collect()
}

impl World {
    fn new(services: [u8; 4], routes: [u8; 4]) -> Self {
        let groups_of_route = |index: usize| chosen(&["read", "write"], routes[index]);
        let mut toml = "environment = \"test\"\n[group.clients]\n[group.jobs]\n".to_owned();
        for ((name, _, groups), bits) in PRINCIPALS.iter().skip(1).zip(services) {
            let groups = chosen(groups, bits);
            toml += &format!("[service.{name}]\nunit = \"{name}.service\"\nowner = \"a\"\ngroups = {groups:?}\n");
            for (_, port) in FLOWS.iter().filter(|(owner, _)| owner == name) {
                toml += &format!("port.raw.listen = \"tcp/{port}\"\n");
            }
            let own: Vec<_> = ROUTES.iter().enumerate().filter(|(_, route)| route.1 == *name).collect();
            if let Some((_, (_, _, port, ..))) = own.first() {
                let used: BTreeSet<_> = own.iter().flat_map(|(index, _)| groups_of_route(*index)).collect();
                toml += &format!("route_groups = {:?}\n", Vec::from_iter(used));
                let number = if *name == "api" { 80 } else { 90 };
                toml += &format!("port.{port}.listen = \"tcp/{number}\"\nport.{port}.protocol = \"http\"\n");
            }
            for (index, (route, _, port, method, path)) in own {
                let groups = groups_of_route(index);
                toml +=
                    &format!("port.{port}.route.{route} = {{ match = \"{method} {path}\", groups = {groups:?} }}\n");
            }
        }
        let entities = entities(services, &groups_of_route);
        let files = [("services.toml", toml.as_str()), ("rules.cedar", "")];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let compiled = compile(&PolicySource::from_files(files).unwrap(), None).unwrap();
        let validator = Validator::new(Schema::from_str(&compiled.schema).unwrap());
        Self { toml, entities, validator }
    }
}

fn entities(services: [u8; 4], groups_of_route: &dyn Fn(usize) -> Vec<&'static str>) -> Entities {
    let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let entity =
        |kind: &str, id: &str, parents: Vec<Json>| json!({"uid": uid(kind, id), "attrs": {}, "parents": parents});
    let mut all = vec![
        entity("Host", "self", vec![]),
        entity("World", "any", vec![]),
        entity("Group", "clients", vec![]),
        entity("Group", "jobs", vec![]),
        entity("Action", "connect", vec![]),
    ];
    for ((name, _, groups), bits) in PRINCIPALS.iter().skip(1).zip(services) {
        all.push(entity("Service", name, chosen(groups, bits).iter().map(|group| uid("Group", group)).collect()));
    }
    for (index, (name, service, ..)) in ROUTES.iter().enumerate() {
        let groups = groups_of_route(index).into_iter().chain(["all"]);
        let parents = groups.map(|group| uid("Action", &format!("{service}:{group}"))).collect();
        all.push(entity("Action", &format!("{service}.{name}"), parents));
    }
    let port =
        |(owner, number): &(&str, u16)| entity("Port", &format!("{owner}:tcp/{number}"), vec![uid("Service", owner)]);
    all.extend(FLOWS.iter().map(port));
    Entities::from_json_value(Json::Array(all), None).unwrap()
}

/// One principal and one target, and what is asked about them.
pub struct Cell {
    pub principal: &'static str,
    pub service: &'static str,
    pub target: Target,
    pub questions: Vec<Question>,
}

pub enum Target {
    /// The action's name.
    Route(String),
    /// The port's number.
    Flow(u16),
}

/// One request, as each side is asked about it.
pub struct Question {
    pub ours: RequestContext,
    pub cedars: Request,
}

const IDS: [i64; 3] = [1, 2, i64::MIN];
const UIDS: [u32; 3] = [33, 0, 34];
/// On both sides of every condition: 40,000 is 11:06, 259,200 a Sunday; the last overflows what is added to it.
const MOMENTS: [i64; 7] = [0, 3, 999, 1_000, 40_000, 259_200, i64::MAX];

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
                let cedars = request(&action, format!("Service::\"{service}\""), context(&ours));
                Question { ours, cedars }
            });
            let questions = questions.collect();
            cells.push(Cell { principal, service, target: Target::Route(action), questions });
        }
        for (service, number) in FLOWS {
            let questions = MOMENTS.iter().map(|now| {
                let ours = asked(vec![], "", String::new(), 0, *now);
                let cedars = request("connect", format!("Port::\"{service}:tcp/{number}\""), json!({"now": now}));
                Question { ours, cedars }
            });
            let questions = questions.collect();
            cells.push(Cell { principal, service, target: Target::Flow(number), questions });
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
        let (params, path) = match route {
            "list" => (vec![], "/a".to_owned()),
            "run" => (vec![("name".to_owned(), Value::Text(format!("job{id}")))], format!("/run/job{id}")),
            _ => (vec![("id".to_owned(), Value::Int(id))], format!("/a/{id}")),
        };
        contexts.push(asked(params, method, path, uid, now));
    }
    contexts
}

fn asked(params: Vec<(String, Value)>, method: &str, path: String, source_uid: u32, now: i64) -> RequestContext {
    RequestContext {
        params,
        method: method.to_owned(),
        path,
        host: String::new(),
        headers: Vec::new(),
        query: Vec::new(),
        user: None,
        source_uid: Some(source_uid),
        now,
        local: LocalTime::at(now, 0),
    }
}

fn context(question: &RequestContext) -> Json {
    let params: serde_json::Map<_, _> = question
        .params
        .iter()
        .map(|(name, value)| match value {
            Value::Int(number) => (name.clone(), json!(number)),
            Value::Text(text) => (name.clone(), json!(text)),
        })
        .collect();
    json!({
        "params": params, "method": question.method, "path": question.path, "host": question.host,
        "source": {"uid": question.source_uid}, "now": question.now,
        "local": {"weekday": question.local.weekday, "minute": question.local.minute},
    })
}
