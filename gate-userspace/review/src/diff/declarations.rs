//! What runs here: services, ports and routes that are new, gone, or other than they were.

mod others;
mod texts;

pub(super) use others::{addresses, posture};
pub(crate) use texts::port_text;

use gate_tables::{Difference, Port, Route, Service, Tables};
use serde::Serialize;
use texts::{describe, joined, on, route_text};

/// One difference of what runs here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// Whether it may give something, and needs an approver. [`gate_tables::compare`] judges the same.
    pub gives: bool,
    /// What is meant: `service`, `port`, `route`, `network`, `issuer`, `section`, `host`, `labels`, `environment`; empty
    /// where `name` is a whole sentence.
    pub of: &'static str,
    /// Its name: `orders`, `orders:api`, `orders.getOrder`.
    pub name: String,
    /// What is different: `is new`, `is gone`, `owner`.
    pub what: &'static str,
    /// What it was.
    pub was: Option<String>,
    /// What it is.
    pub is: Option<String>,
    /// What that means for those who are not named.
    pub note: Option<&'static str>,
}

/// Every difference: what may give first, each in the order of names. What the comparison of tables found and is not
/// known here is told in its words: nothing that it counts is left out.
pub(super) fn declarations(old: &Tables, new: &Tables, difference: &Difference) -> Vec<Declared> {
    let mut found = known(old, new);
    let mut told = Vec::new();
    for declared in &mut found {
        let sentence = declared.sentence();
        // The comparison decides what only takes away; what it says of several things at once may give.
        let is_in = |sentences: &[String]| sentences.iter().any(|said| said.starts_with(&sentence));
        declared.gives = is_in(&difference.declarations) || !is_in(&difference.withdrawn);
        told.push(sentence);
    }
    for (gives, sentences) in [(true, &difference.declarations), (false, &difference.withdrawn)] {
        let untold = sentences.iter().filter(|sentence| !told.iter().any(|told| sentence.starts_with(told)));
        found.extend(untold.map(|sentence| Declared { gives, ..of("", sentence, "") }));
    }
    found.sort_by_key(|declared| !declared.gives);
    found
}

impl Declared {
    /// How the comparison of tables begins its sentence about the same.
    fn sentence(&self) -> String {
        let name = &self.name;
        match (self.of, self.what) {
            ("environment", _) => "the environment is ".to_owned(),
            ("labels", _) => "the labels are ".to_owned(),
            ("host", _) => "[host] is ".to_owned(),
            ("section", NEW) => format!("section {name} of [host] is new"),
            ("section", GONE) => format!("section {name} of [host] is gone"),
            ("section", _) => format!("section {name} of [host] is "),
            ("service", NUMBER) => format!("the number of service {name} is "),
            ("service", OWNER) => format!("the owner of service {name} is "),
            ("service", CGROUP) => format!("the cgroup of service {name} is "),
            ("service", USER) => format!("the user of service {name} is "),
            ("service", EXECUTABLE) => format!("the executable of service {name} is "),
            ("service", GROUPS) => format!("the groups of service {name} is "),
            ("service", HOSTS) => format!("the hosts of service {name} is "),
            ("service", OBSERVED) => format!("observe of service {name} is "),
            ("route", FEWER) => format!("route {name} is for "),
            (of, NEW | GONE) => format!("{of} {name} {}", self.what),
            (of, _) => format!("{of} {name} is "),
        }
    }
}

const NEW: &str = "is new";
const GONE: &str = "is gone";
const NUMBER: &str = "number in the kernel";
const OWNER: &str = "owner";
const CGROUP: &str = "cgroup";
const USER: &str = "user";
const EXECUTABLE: &str = "executable";
const GROUPS: &str = "groups";
const HOSTS: &str = "runs on hosts of";
const FEWER: &str = "is for fewer hosts";
const OBSERVED: &str = "is only observed, and was enforced";

fn known(old: &Tables, new: &Tables) -> Vec<Declared> {
    let mut found = Vec::new();
    changed("environment", "", "is another", &old.environment, &new.environment, &mut found);
    others::differences(old, new, &mut found);
    for service in &new.services {
        match old.service_named(&service.name) {
            None => found.push(Declared { is: Some(describe(service)), ..of("service", &service.name, NEW) }),
            Some(before) if before != service => differences(before, service, &mut found),
            Some(_) => {}
        }
    }
    for service in old.services.iter().filter(|service| new.service_named(&service.name).is_none()) {
        let note = Some("its processes are no longer governed, and its ports are anybody's");
        found.push(Declared { was: Some(describe(service)), note, ..of("service", &service.name, GONE) });
    }
    found
}

fn of(of: &'static str, name: &str, what: &'static str) -> Declared {
    Declared { gives: true, of, name: name.to_owned(), what, was: None, is: None, note: None }
}

fn changed(kind: &'static str, name: &str, what: &'static str, was: &str, is: &str, found: &mut Vec<Declared>) {
    if was != is {
        found.push(Declared { was: Some(was.to_owned()), is: Some(is.to_owned()), ..of(kind, name, what) });
    }
}

fn differences(before: &Service, after: &Service, found: &mut Vec<Declared>) {
    let name = &after.name;
    let number = |service: &Service| service.id.0.to_string();
    changed("service", name, NUMBER, &number(before), &number(after), found);
    changed("service", name, OWNER, &before.owner, &after.owner, found);
    changed("service", name, CGROUP, &before.cgroup, &after.cgroup, found);
    recognized(before, after, found);
    changed("service", name, GROUPS, &joined(&before.groups), &joined(&after.groups), found);
    changed("service", name, HOSTS, &on(&before.on), &on(&after.on), found);
    match (before.observe, after.observe) {
        (false, true) => {
            let note = Some("denials are recorded and not enforced");
            found.push(Declared { note, ..of("service", name, OBSERVED) });
        }
        (true, false) => {
            found.push(of("service", name, "is enforced, and was only observed"));
        }
        _ => {}
    }
    for port in &after.ports {
        let full = format!("{name}:{}", port.name);
        match before.ports.iter().find(|was| was.name == port.name) {
            None => found.push(Declared { is: Some(port_text(port)), ..of("port", &full, NEW) }),
            Some(was) => ports(&full, was, port, found),
        }
    }
    for port in before.ports.iter().filter(|was| !after.ports.iter().any(|port| port.name == was.name)) {
        let full = format!("{name}:{}", port.name);
        let note = Some("every process that no service claims may listen there, and be reached");
        found.push(Declared { was: Some(port_text(port)), note, ..of("port", &full, GONE) });
    }
}

/// By which of its cgroup's processes it is: fewer of them are a withdrawal, others are not.
fn recognized(before: &Service, after: &Service, found: &mut Vec<Declared>) {
    let name = &after.name;
    let user = |service: &Service| service.uid.map_or_else(|| "any".to_owned(), |uid| uid.to_string());
    let executable = |service: &Service| service.exe.clone().unwrap_or_else(|| "any".to_owned());
    match (before.uid, after.uid) {
        (None, Some(_)) => found.push(Declared { is: Some(user(after)), ..of("service", name, "is only of the user") }),
        _ => changed("service", name, USER, &user(before), &user(after), found),
    }
    match (&before.exe, &after.exe) {
        (None, Some(_)) => {
            found.push(Declared { is: Some(executable(after)), ..of("service", name, "is only the executable") });
        }
        _ => changed("service", name, EXECUTABLE, &executable(before), &executable(after), found),
    }
}

fn ports(name: &str, before: &Port, after: &Port, found: &mut Vec<Declared>) {
    changed("port", name, "listens", &port_text(before), &port_text(after), found);
    changed("port", name, "number in the service", &before.id.0.to_string(), &after.id.0.to_string(), found);
    for route in &after.routes {
        match before.routes.iter().find(|was| was.action == route.action) {
            None => found.push(Declared { is: Some(route_text(route)), ..of("route", &route.action, NEW) }),
            Some(was) => routes(was, route, found),
        }
    }
    for route in before.routes.iter().filter(|was| !after.routes.iter().any(|route| route.action == was.action)) {
        found.push(Declared { was: Some(route_text(route)), ..of("route", &route.action, GONE) });
    }
}

fn routes(before: &Route, after: &Route, found: &mut Vec<Declared>) {
    let was_meant = |host| before.hosts.is_empty() || before.hosts.iter().any(|was| was.holds(host));
    let mut before = before.clone();
    if before.hosts != after.hosts && !after.hosts.is_empty() && after.hosts.iter().all(was_meant) {
        let hosts = |route: &Route| route.hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let was = if before.hosts.is_empty() { "any".to_owned() } else { joined(&hosts(&before)) };
        let is = Some(joined(&hosts(after)));
        found.push(Declared { was: Some(was), is, ..of("route", &after.action, FEWER) });
        before.hosts.clone_from(&after.hosts);
    }
    changed("route", &after.action, "matches", &route_text(&before), &route_text(after), found);
}
