//! What runs here: services, ports and routes that are new, gone, or other than they were.

use gate_tables::{Difference, Port, Service, Tables};
use serde::Serialize;

/// One difference of what runs here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// Whether it may give something, and needs an approver. [`gate_tables::compare`] judges the same.
    pub gives: bool,
    /// What is meant: `service`, `port`, `route`, `environment`; empty where `name` is a whole sentence.
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
    let told: Vec<String> = found.iter().map(Declared::sentence).collect();
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
            ("service", NUMBER) => format!("the number of service {name} is "),
            ("service", OWNER) => format!("the owner of service {name} is "),
            ("service", CGROUP) => format!("the cgroup of service {name} is "),
            ("service", OBSERVED) => format!("observe of service {name} is "),
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
const OBSERVED: &str = "is only observed, and was enforced";

fn known(old: &Tables, new: &Tables) -> Vec<Declared> {
    let mut found = Vec::new();
    changed("environment", "", "is another", &old.environment, &new.environment, &mut found);
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
    match (before.observe, after.observe) {
        (false, true) => {
            let note = Some("denials are recorded and not enforced");
            found.push(Declared { note, ..of("service", name, OBSERVED) });
        }
        (true, false) => {
            found.push(Declared { gives: false, ..of("service", name, "is enforced, and was only observed") });
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

fn ports(name: &str, before: &Port, after: &Port, found: &mut Vec<Declared>) {
    changed("port", name, "listens", &port_text(before), &port_text(after), found);
    changed("port", name, "number in the service", &before.id.0.to_string(), &after.id.0.to_string(), found);
    for route in &after.routes {
        let text = |route: &gate_tables::Route| format!("{} {}", route.method, route.path);
        match before.routes.iter().find(|was| was.action == route.action) {
            None => found.push(Declared { is: Some(text(route)), ..of("route", &route.action, NEW) }),
            Some(was) => changed("route", &route.action, "matches", &text(was), &text(route), found),
        }
    }
    for route in before.routes.iter().filter(|was| !after.routes.iter().any(|route| route.action == was.action)) {
        let was = Some(format!("{} {}", route.method, route.path));
        found.push(Declared { gives: false, was, ..of("route", &route.action, GONE) });
    }
}

/// `cgroup orders.service, owner team-orders, port api tcp/8080 http`.
fn describe(service: &Service) -> String {
    let observed = if service.observe { ", only observed" } else { "" };
    let ports: String = service.ports.iter().map(|port| format!(", port {} {}", port.name, port_text(port))).collect();
    format!("cgroup {}, owner {}{observed}{ports}", service.cgroup, service.owner)
}

/// `tcp/8080 http`, `tcp/9000`.
pub(crate) fn port_text(port: &Port) -> String {
    let protocol = if port.protocol.is_l7() { format!(" {}", port.protocol.name()) } else { String::new() };
    format!("{}/{}{protocol}", port.transport.name(), port.number)
}
