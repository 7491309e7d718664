//! What is declared. Entities and ids are given to Cedar by this test's own hand, not by the code under test.

use cedar_policy::{Entities, Request, Schema, Validator};
use gate_policy::{PolicySource, RequestContext, compile};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::str::FromStr;

/// Names, what Cedar calls them, and the groups that each may be in.
pub const PRINCIPALS: [(&str, &str, &[&str]); 8] = [
    ("host", "Host::\"self\"", &[]),
    ("world", "World::\"any\"", &[]),
    ("lan", "Network::\"lan\"", &[]),
    ("office", "Network::\"office\"", &[]),
    ("api", "Service::\"api\"", &["jobs", "clients"]),
    ("batch", "Service::\"batch\"", &["jobs", "clients"]),
    ("ops", "Service::\"ops\"", &["jobs", "clients"]),
    ("web", "Service::\"web\"", &["jobs", "clients"]),
];
/// How many of them are no services.
const OTHERS: usize = 4;
/// Action, service, port, method, path. Users are known on `api`.
pub const ROUTES: [(&str, &str, &str, &str, &str); 4] = [
    ("get", "api", "http", "GET", "/a/{id:int}"),
    ("put", "api", "http", "PUT", "/a/{id:int}"),
    ("list", "api", "http", "GET", "/a"),
    ("run", "ops", "http", "POST", "/run/{name}"),
];
/// Owner, name and place.
pub const FLOWS: [(&str, &str, &str); 5] = [
    ("api", "raw", "tcp/81"),
    ("ops", "raw", "tcp/91"),
    ("ops", "log", "udp/92"),
    ("lan", "tcp-443", "tcp/443"),
    ("office", "udp-53", "udp/53"),
];
const OUTSIDE: &str = r#"environment = "test"
[group.clients]
[group.jobs]
[issuer.staff]
url = "https://login.example"
audiences = ["api"]
algorithms = ["ES256"]
keys = "/etc/gate/jwks.json"
claims = { role = "string", acr = "string", auth_time = "int", vip = "bool?", units = "strings?" }
roles = { claim = "role", values = ["clerk", "supervisor", "teller"] }
[network.lan]
addresses = ["10.0.0.0/8"]
owner = "net"
ports = ["tcp/443"]
[network.office]
addresses = ["OFFICE"]
owner = "net"
ports = ["udp/53"]
"#;
/// What the routes with `id` declare besides.
const FIELDS: &str = ", headers = { x-tenant = \"string\", x-rank = \"int\" }, query = { limit = \"int\" }";

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
    (of_services, of_routes, any::<bool>()).prop_map(|(services, routes, nested)| World::new(services, routes, nested))
}

fn chosen<'a>(names: &[&'a str], bits: u8) -> Vec<&'a str> {
    names.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0).map(|(_, name)| *name).collect()
}

impl World {
    fn new(services: [u8; 4], routes: [u8; 4], nested: bool) -> Self {
        let groups_of_route = |index: usize| chosen(&["read", "write"], routes[index]);
        let mut toml = OUTSIDE.replace("OFFICE", if nested { "10.1.0.0/16" } else { "192.0.2.0/24" });
        for ((name, _, groups), bits) in PRINCIPALS.iter().skip(OTHERS).zip(services) {
            let groups = chosen(groups, bits);
            toml += &format!("[service.{name}]\nunit = \"{name}.service\"\nowner = \"a\"\ngroups = {groups:?}\n");
            for (_, port, place) in FLOWS.iter().filter(|(owner, ..)| owner == name) {
                toml += &format!("port.{port}.listen = \"{place}\"\n");
            }
            let own: Vec<_> = ROUTES.iter().enumerate().filter(|(_, route)| route.1 == *name).collect();
            if let Some((_, (_, _, port, ..))) = own.first() {
                let used: BTreeSet<_> = own.iter().flat_map(|(index, _)| groups_of_route(*index)).collect();
                toml += &format!("route_groups = {:?}\n", Vec::from_iter(used));
                let number = if *name == "api" { 80 } else { 90 };
                toml += &format!("port.{port}.listen = \"tcp/{number}\"\nport.{port}.protocol = \"http\"\n");
                if *name == "api" {
                    toml += &format!("port.{port}.issuer = \"staff\"\n");
                }
            }
            for (index, (route, _, port, method, path)) in own {
                let groups = groups_of_route(index);
                let fields = if path.contains("{id") { FIELDS } else { "" };
                toml += &format!(
                    "port.{port}.route.{route} = {{ match = \"{method} {path}\", groups = {groups:?}{fields} }}\n"
                );
            }
        }
        let entities = entities(services, &groups_of_route, nested);
        let files = [("services.toml", toml.as_str()), ("rules.cedar", "")];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let compiled = compile(&PolicySource::from_files(files).unwrap(), None).unwrap();
        let validator = Validator::new(Schema::from_str(&compiled.schema).unwrap());
        Self { toml, entities, validator }
    }
}

fn entities(services: [u8; 4], groups_of_route: &dyn Fn(usize) -> Vec<&'static str>, nested: bool) -> Entities {
    let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let entity =
        |kind: &str, id: &str, parents: Vec<Json>| json!({"uid": uid(kind, id), "attrs": {}, "parents": parents});
    let mut all = vec![
        entity("Host", "self", vec![]),
        entity("World", "any", vec![]),
        entity("Network", "lan", vec![uid("World", "any")]),
        entity("Network", "office", vec![if nested { uid("Network", "lan") } else { uid("World", "any") }]),
        entity("Group", "clients", vec![]),
        entity("Group", "jobs", vec![]),
        entity("Action", "connect", vec![]),
    ];
    for ((name, _, groups), bits) in PRINCIPALS.iter().skip(OTHERS).zip(services) {
        all.push(entity("Service", name, chosen(groups, bits).iter().map(|group| uid("Group", group)).collect()));
    }
    for (index, (name, service, ..)) in ROUTES.iter().enumerate() {
        let groups = groups_of_route(index).into_iter().chain(["all"]);
        let parents = groups.map(|group| uid("Action", &format!("{service}:{group}"))).collect();
        all.push(entity("Action", &format!("{service}.{name}"), parents));
    }
    let port = |(owner, _, place): &(&str, &str, &str)| {
        let kind = if ["lan", "office"].contains(owner) { "Network" } else { "Service" };
        entity("Port", &format!("{owner}:{place}"), vec![uid(kind, owner)])
    };
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
    /// The port's name.
    Flow(&'static str),
}

/// One request, as each side is asked about it.
pub struct Question {
    pub ours: RequestContext,
    pub cedars: Request,
}
