//! Making the universe of what is declared.

use super::{Kind, Principal, Subject, Target, TargetRoute, Universe, uid};
use crate::schema::{kind_of, port_name};
use crate::services::{Declarations, Port as Declared, enclosing};
use cedar_policy::{Entities, Entity, EntityUid};
use gate_tables::{Issuer, Port, Protocol, Service, ServiceId, Tables};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

impl Universe {
    /// The tables' services and networks with their numbers, and the declarations' groups.
    pub(crate) fn new(declarations: &Declarations, tables: &Tables) -> Self {
        let mut universe = Self {
            subjects: subjects(declarations, tables),
            targets: Vec::new(),
            subjects_in: HashMap::new(),
            actions_in: HashMap::new(),
            resources_in: HashMap::new(),
            names: HashMap::new(),
            l7_ports: BTreeMap::new(),
        };
        let issuers = declarations.issuers.iter();
        let issuers: BTreeMap<&str, Arc<Issuer>> =
            issuers.map(|(name, declared)| (name.as_str(), Arc::new(declared.issuer.clone()))).collect();
        for service in &tables.services {
            for port in &service.ports {
                let declared = declarations.services.get(&service.name).and_then(|of| of.ports.get(&port.name));
                let issuer = port.issuer.as_deref().and_then(|name| issuers.get(name));
                match declared.filter(|_| port.protocol.is_l7()) {
                    Some(declared) => universe.routes(service, port, declared, issuer),
                    None => universe.targets.push(flow(service.id, &service.name, port)),
                }
            }
        }
        for network in &tables.networks {
            universe.targets.extend(network.ports.iter().map(|port| flow(network.id, &network.name, port)));
        }
        universe.index();
        universe
    }

    fn routes(&mut self, service: &Service, port: &Port, declared: &Declared, issuer: Option<&Arc<Issuer>>) {
        self.l7_ports.insert(
            port_name(&service.name, port.transport, port.number),
            (service.name.clone(), protocol_name(port.protocol)),
        );
        for (name, route) in &declared.routes {
            let action_name = format!("{}.{name}", service.name);
            let groups = route.groups.iter().map(String::as_str).chain(["all"]);
            self.targets.push(Target {
                service: service.id,
                port: port.id,
                transport: port.transport,
                protocol: port.protocol,
                channel: port.channel,
                action: uid("Action", &action_name),
                action_name,
                resource: uid("Service", &service.name),
                route: Some(TargetRoute {
                    method: route.method.clone(),
                    path: route.path.clone(),
                    hosts: route.hosts.clone(),
                    headers: route.headers.clone(),
                    query: route.query.clone(),
                    issuer: issuer.cloned(),
                    kind: kind_of(route, issuer.map(AsRef::as_ref)),
                }),
                action_groups: groups.map(|group| uid("Action", &format!("{}:{group}", service.name))).collect(),
                resource_groups: Vec::new(),
            });
        }
    }

    fn index(&mut self) {
        for (index, subject) in self.subjects.iter().enumerate() {
            self.names.insert(subject.name.clone(), index);
            for uid in subject.groups.iter().chain([&subject.uid]) {
                self.subjects_in.entry(uid.clone()).or_default().push(index);
            }
        }
        let owners: HashMap<ServiceId, &Subject> =
            self.subjects.iter().map(|subject| (subject.principal.service_id(), subject)).collect();
        let flows = self.targets.iter().filter(|target| target.route.is_none());
        let ports: HashSet<EntityUid> = flows.map(|target| target.resource.clone()).collect();
        for (index, target) in self.targets.iter_mut().enumerate() {
            if let Some(owner) = owners.get(&target.service) {
                // A route's resource is the service itself, and a port is in whoever has it.
                let own = target.route.is_none().then_some(&owner.uid);
                let around = ports_around(owner, target).filter(|port| ports.contains(port));
                target.resource_groups = own.into_iter().chain(&owner.groups).cloned().chain(around).collect();
            }
            for uid in target.action_groups.iter().chain([&target.action]) {
                self.actions_in.entry(uid.clone()).or_default().push(index);
            }
            for uid in target.resource_groups.iter().chain([&target.resource]) {
                self.resources_in.entry(uid.clone()).or_default().push(index);
            }
        }
    }

    /// Everything with all that it is in, as Cedar's evaluator wants it.
    pub(crate) fn entities(&self) -> Result<Entities, String> {
        let mut parents: HashMap<&EntityUid, &[EntityUid]> = HashMap::new();
        for subject in &self.subjects {
            parents.insert(&subject.uid, &subject.groups);
        }
        for target in &self.targets {
            match target.route {
                Some(_) => parents.insert(&target.action, &target.action_groups),
                None => parents.insert(&target.resource, &target.resource_groups),
            };
        }
        let groups: HashSet<&EntityUid> = parents.values().flat_map(|groups| *groups).collect();
        for group in groups {
            parents.entry(group).or_default();
        }
        let connect = uid("Action", "connect");
        parents.entry(&connect).or_default();
        let entities = parents
            .into_iter()
            .map(|(uid, groups)| Entity::new_no_attrs(uid.clone(), groups.iter().cloned().collect::<HashSet<_>>()));
        Entities::from_entities(entities, None).map_err(|error| error.to_string())
    }
}

fn subjects(declarations: &Declarations, tables: &Tables) -> Vec<Subject> {
    let subject =
        |principal, kind, name: &str, uid, groups| Subject { principal, kind, name: name.into(), uid, groups };
    let mut subjects = vec![
        subject(Principal::HOST, Kind::Host, "host", uid("Host", "self"), Vec::new()),
        subject(Principal::WORLD, Kind::World, "world", uid("World", "any"), Vec::new()),
    ];
    for service in &tables.services {
        let groups = service.groups.iter().map(|group| uid("Group", group)).collect();
        let own = uid("Service", &service.name);
        subjects.push(subject(service.id.into(), Kind::Service, &service.name, own, groups));
    }
    let enclosing = enclosing(&declarations.networks);
    for network in &tables.networks {
        let around = enclosing.get(network.name.as_str()).into_iter().flatten();
        let groups = around.map(|name| uid("Network", name)).chain([uid("World", "any")]).collect();
        let own = uid("Network", &network.name);
        subjects.push(subject(network.id.into(), Kind::Network, &network.name, own, groups));
    }
    subjects
}

/// What the port of a network would be called in the networks around it: a rule for port 443 of the internet is one for
/// port 443 of whatever is inside it, and for no other port.
fn ports_around<'a>(owner: &'a Subject, target: &'a Target) -> impl Iterator<Item = EntityUid> + 'a {
    let networks =
        owner.groups.iter().filter(|group| owner.kind == Kind::Network && group.type_name().basename() == "Network");
    networks.filter_map(|network| {
        let (_, port) = target.resource.id().unescaped().split_once(':')?;
        Some(uid("Port", &format!("{}:{port}", network.id().unescaped())))
    })
}

fn flow(owner: ServiceId, name: &str, port: &Port) -> Target {
    Target {
        service: owner,
        port: port.id,
        transport: port.transport,
        protocol: port.protocol,
        channel: port.channel,
        action_name: "connect".to_owned(),
        action: uid("Action", "connect"),
        resource: uid("Port", &port_name(name, port.transport, port.number)),
        route: None,
        action_groups: Vec::new(),
        resource_groups: Vec::new(),
    }
}

/// As messages have it.
pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Plain => "nothing that Gate reads",
        Protocol::Http => "HTTP",
        Protocol::Http2 => "HTTP/2",
        Protocol::Grpc => "gRPC",
    }
}
