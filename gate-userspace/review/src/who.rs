//! Who may do what, over every service that the tables know.

use crate::diff::{Target, port_text};
use crate::near::did_you_mean;
use crate::page::{Item, Line};
use crate::rules::{Index, RuleView};
use gate_tables::{Access, Party, Protocol, Service, ServiceId, Tables};
use serde::Serialize;
use std::fmt;

/// Who may ask for one target, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// What is asked.
    pub target: Target,
    /// The port: `tcp/8080 http`.
    pub listens: String,
    /// Who may: names of services and networks, `host`, `world`.
    pub sources: Vec<String>,
    /// Whether some of these requests may be denied.
    pub conditional: bool,
    /// The rules that permit it; any of them is enough.
    pub permits: Vec<RuleView>,
    /// The rules that forbid it when their condition holds.
    pub unless: Vec<RuleView>,
}

/// What is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question<'q> {
    /// A route, `orders.getOrder`, a group of them, `orders:read`, or all of a service's, `orders:all`; of this service alone, if one is named.
    Action(&'q str, Option<&'q str>),
    /// Connections to an L4 port, `ledger:journal`, `ledger:tcp/9000` or `resolver:udp/53`, or to all of a service's or a
    /// network's, `ledger`.
    Connect(&'q str),
}

/// A question about what the policy does not know: what was found and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unknown {}

/// Who may do that. Empty: nobody.
///
/// # Errors
/// When the policy has no such action, service or port.
pub fn who_can(tables: &Tables, question: Question<'_>) -> Result<Vec<Grant>, Unknown> {
    let wanted = match question {
        Question::Action(action, resource) => routes(tables, action, resource)?,
        Question::Connect(port) => flows(tables, port)?,
    };
    Ok(grants(tables, |target, _| wanted.contains(target)))
}

/// What a service, a network, `host` or `world` may do. Empty: nothing.
///
/// # Errors
/// When the policy has none of that name.
pub fn what_can(tables: &Tables, source: &str) -> Result<Vec<Grant>, Unknown> {
    let (id, _) = party(&Index::new(tables), source)?;
    let mut grants = grants(tables, |_, line| line.sources.contains(&id));
    for grant in &mut grants {
        grant.sources = vec![source.to_owned()];
    }
    Ok(grants)
}

fn grants(tables: &Tables, wanted: impl Fn(&Target, &Access) -> bool) -> Vec<Grant> {
    let index = Index::new(tables);
    let mut grants = Vec::new();
    for ((destination, port, action), lines) in index.targets() {
        let target = Target {
            destination: (*destination).to_owned(),
            port: (*port).to_owned(),
            action: action.map(str::to_owned),
        };
        let declared = index.named(destination).and_then(|(_, party)| party.ports().iter().find(|p| p.name == *port));
        for line in lines.iter().filter(|line| wanted(&target, line)) {
            let sources = line.sources.iter().filter_map(|id| index.source(*id));
            let mut sources: Vec<String> = sources.map(str::to_owned).collect();
            sources.sort_unstable();
            grants.push(Grant {
                target: target.clone(),
                listens: declared.map(port_text).unwrap_or_default(),
                sources,
                conditional: index.is_conditional(line),
                permits: index.views(&line.permits),
                unless: index.views(&line.forbids),
            });
        }
    }
    grants
}

fn service<'a>(tables: &'a Tables, name: &str) -> Result<&'a Service, Unknown> {
    tables.service_named(name).ok_or_else(|| {
        let known = tables.services.iter().map(|service| service.name.as_str());
        Unknown(format!("there is no service {name:?}{}", did_you_mean(name, known)))
    })
}

fn party<'a>(index: &Index<'a>, name: &str) -> Result<(ServiceId, Party<'a>), Unknown> {
    index.named(name).ok_or_else(|| {
        let known = index.parties().iter().map(|(_, party)| party.name());
        Unknown(format!("there is no service or network {name:?}{}", did_you_mean(name, known)))
    })
}

fn target(destination: &str, port: &gate_tables::Port, action: Option<&str>) -> Target {
    Target { destination: destination.to_owned(), port: port.name.clone(), action: action.map(str::to_owned) }
}

fn routes(tables: &Tables, action: &str, resource: Option<&str>) -> Result<Vec<Target>, Unknown> {
    let resource = resource.map(|name| service(tables, name)).transpose()?;
    if action == "connect" {
        return Err(Unknown("connect to what? Name the port: connect ledger:journal".to_owned()));
    }
    if let Some((name, group)) = action.split_once(':') {
        return of_group(service(tables, name)?, group, resource);
    }
    let mut found = Vec::new();
    for service in &tables.services {
        for port in &service.ports {
            let wanted = port.routes.iter().filter(|route| route.action == action);
            found.extend(wanted.map(|route| target(&service.name, port, Some(&route.action))));
        }
    }
    if found.is_empty() {
        let routes = tables.services.iter().flat_map(|s| &s.ports).flat_map(|port| &port.routes);
        let known = routes.map(|route| route.action.as_str());
        let hint = did_you_mean(action, known.chain(["connect"]));
        return Err(Unknown(format!("there is no action {action:?}{hint}")));
    }
    match found.iter().find(|target| resource.is_some_and(|resource| target.destination != resource.name)) {
        Some(other) => Err(asked_of(action, &other.destination)),
        None => Ok(found),
    }
}

/// `orders:read`, or `orders:all`.
fn of_group(service: &Service, group: &str, resource: Option<&Service>) -> Result<Vec<Target>, Unknown> {
    let action = format!("{}:{group}", service.name);
    if resource.is_some_and(|resource| resource.name != service.name) {
        return Err(asked_of(&action, &service.name));
    }
    let routes = || service.ports.iter().flat_map(|port| port.routes.iter().map(move |route| (port, route)));
    let wanted = routes().filter(|(_, route)| group == ALL || route.groups.iter().any(|name| name == group));
    let found: Vec<Target> = wanted.map(|(port, route)| target(&service.name, port, Some(&route.action))).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    if group == ALL {
        return Err(Unknown(format!("{:?} has no routes", service.name)));
    }
    let known = routes().flat_map(|(_, route)| &route.groups).map(String::as_str).chain([ALL]);
    let known: std::collections::BTreeSet<&str> = known.collect();
    Err(Unknown(format!("{:?} has no group of routes {group:?}{}", service.name, did_you_mean(group, known))))
}

/// The group that every route is in.
const ALL: &str = "all";

fn asked_of(action: &str, service: &str) -> Unknown {
    Unknown(format!("{action:?} is asked of {service:?} alone; leave the resource out"))
}

fn flows(tables: &Tables, name: &str) -> Result<Vec<Target>, Unknown> {
    let (owner, port) = name.split_once(':').map_or((name, None), |(owner, port)| (owner, Some(port)));
    let index = Index::new(tables);
    let (_, party) = party(&index, owner)?;
    let matches = |found: &gate_tables::Port| {
        port.is_none_or(|port| port == found.name || Some(port) == port_text(found).split(' ').next())
    };
    let named: Vec<&gate_tables::Port> = party.ports().iter().filter(|port| matches(port)).collect();
    if named.is_empty() {
        let known: Vec<String> = party.ports().iter().map(|port| format!("{owner}:{}", port.name)).collect();
        let hint = did_you_mean(name, known.iter().map(String::as_str));
        return Err(Unknown(format!("{owner:?} has no port {:?}{hint}", port.unwrap_or_default())));
    }
    let flows = named.iter().filter(|port| port.protocol == Protocol::Plain);
    let flows: Vec<Target> = flows.map(|port| target(owner, port, None)).collect();
    if flows.is_empty() {
        return Err(Unknown(format!(
            "{name:?} is reached through gate-proxy alone, request by request; ask about its routes: {owner}:all"
        )));
    }
    Ok(flows)
}

/// Grants as items of a page, target by target.
#[must_use]
pub fn describe_grants(grants: &[Grant]) -> Vec<Item> {
    grants.iter().map(Grant::item).collect()
}

impl Grant {
    fn item(&self) -> Item {
        let line = Line::default().names(&self.sources).words(" -> ").name(self.target.name());
        let line = line.words(" (").name(&self.listens).words(")");
        let line = if self.conditional { line.words(", on a condition") } else { line };
        let by = self.permits.iter().map(|rule| Line::of("permitted by ").line(rule.line()).into());
        let unless = self.unless.iter().map(|rule| Line::of("unless forbidden by ").line(rule.line()).into());
        Item { line, below: by.chain(unless).collect() }
    }
}

#[cfg(test)]
mod tests;
