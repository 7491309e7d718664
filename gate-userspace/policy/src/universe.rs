//! Everything that a rule can speak of. The universe is finite, so scopes are expanded over it once.

use crate::schema::port_name;
use crate::services::Declarations;
use cedar_policy::{
    ActionConstraint, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint, Schema,
};
use gate_tables::{PathPattern, PortId, Protocol, ServiceId, Tables};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// `Host::"self"`: a process that no service claims.
    Host,
    /// A declared service.
    Service(ServiceId),
}

impl Principal {
    /// The number in the tables: 0 for the host.
    #[must_use]
    pub fn service_id(self) -> ServiceId {
        match self {
            Self::Host => ServiceId(0),
            Self::Service(id) => id,
        }
    }
}

impl From<ServiceId> for Principal {
    fn from(id: ServiceId) -> Self {
        if id.0 == 0 { Self::Host } else { Self::Service(id) }
    }
}

/// A principal and what Cedar calls it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) principal: Principal,
    /// The service's name, or `host`.
    pub(crate) name: String,
    pub(crate) uid: EntityUid,
    groups: Vec<EntityUid>,
}

impl Subject {
    pub(crate) fn groups(&self) -> &[EntityUid] {
        &self.groups
    }
}

/// One thing that can be asked for: a route of a service, or a connection to a port.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) service: ServiceId,
    pub(crate) port: PortId,
    /// `orders.getOrder`, or `connect`.
    pub(crate) action_name: String,
    pub(crate) action: EntityUid,
    pub(crate) resource: EntityUid,
    /// `None` for a connection.
    pub(crate) route: Option<TargetRoute>,
    action_groups: Vec<EntityUid>,
    resource_groups: Vec<EntityUid>,
}

/// What is special to a route.
#[derive(Debug, Clone)]
pub(crate) struct TargetRoute {
    pub(crate) method: String,
    pub(crate) path: PathPattern,
}

impl Target {
    /// The action and its groups.
    pub(crate) fn action_names(&self) -> impl Iterator<Item = &str> {
        self.action_groups.iter().chain([&self.action]).map(|uid| uid.id().unescaped())
    }
}

/// Index into [`Universe::subjects`].
pub(crate) type SubjectIndex = usize;
/// Index into [`Universe::targets`].
pub(crate) type TargetIndex = usize;

/// All subjects, all targets, and which names cover which.
#[derive(Debug)]
pub(crate) struct Universe {
    /// The host first, then services by name.
    pub(crate) subjects: Vec<Subject>,
    pub(crate) targets: Vec<Target>,
    subjects_in: HashMap<EntityUid, Vec<SubjectIndex>>,
    actions_in: HashMap<EntityUid, Vec<TargetIndex>>,
    resources_in: HashMap<EntityUid, BTreeSet<TargetIndex>>,
    /// Ports by their name, which is no resource.
    l7_ports: BTreeMap<String, (String, &'static str)>,
}

/// The pairs that a rule's scope covers: each of `subjects` with each of `targets`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) subjects: Vec<SubjectIndex>,
    pub(crate) targets: Vec<TargetIndex>,
}

impl Scope {
    pub(crate) fn is_empty(&self) -> bool {
        self.subjects.is_empty() || self.targets.is_empty()
    }
}

impl Universe {
    /// The tables' services with their numbers, and the declarations' groups.
    pub(crate) fn new(declarations: &Declarations, tables: &Tables) -> Self {
        let host =
            Subject { principal: Principal::Host, name: "host".into(), uid: uid("Host", "self"), groups: Vec::new() };
        let mut universe = Self {
            subjects: vec![host],
            targets: Vec::new(),
            subjects_in: HashMap::new(),
            actions_in: HashMap::new(),
            resources_in: HashMap::new(),
            l7_ports: BTreeMap::new(),
        };
        for service in &tables.services {
            let declared = declarations.services.get(&service.name);
            let groups = declared.map(|d| d.groups.iter().map(|g| uid("Group", g)).collect()).unwrap_or_default();
            universe.subjects.push(Subject {
                principal: Principal::Service(service.id),
                name: service.name.clone(),
                uid: uid("Service", &service.name),
                groups,
            });
        }
        for service in &tables.services {
            if let Some(declared) = declarations.services.get(&service.name) {
                universe.targets.extend(targets_of(service, declared));
                let l7 = service.ports.iter().filter(|port| port.protocol == Protocol::Http);
                let names = l7.map(|port| (port_name(&service.name, port.number), (service.name.clone(), "HTTP")));
                universe.l7_ports.extend(names);
            }
        }
        universe.index();
        universe
    }

    /// Every entity but the actions, which the schema adds with their groups.
    pub(crate) fn entities(&self, schema: &Schema) -> Result<Entities, String> {
        let mut entities = Vec::new();
        let mut groups = BTreeSet::new();
        for subject in &self.subjects {
            groups.extend(subject.groups.iter().cloned());
            let parents: HashSet<EntityUid> = subject.groups.iter().cloned().collect();
            entities.push(Entity::new_no_attrs(subject.uid.clone(), parents));
        }
        let ports = self.targets.iter().filter(|target| target.route.is_none()).map(|target| target.resource.clone());
        entities.extend(ports.chain(groups).map(|uid| Entity::new_no_attrs(uid, HashSet::new())));
        Entities::from_entities(entities, Some(schema)).map_err(|error| error.to_string())
    }

    /// Expands the scope of a rule.
    pub(crate) fn scope(&self, policy: &Policy) -> Scope {
        Scope { subjects: self.principals(&policy.principal_constraint()), targets: self.asked(policy) }
    }

    pub(crate) fn principals(&self, constraint: &PrincipalConstraint) -> Vec<SubjectIndex> {
        let of_type = |wanted: &EntityTypeName| {
            let is = |(_, subject): &(usize, &Subject)| subject.uid.type_name() == wanted;
            self.subjects.iter().enumerate().filter(is).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let within = |group: &EntityUid| self.subjects_in.get(group).cloned().unwrap_or_default();
        match constraint {
            PrincipalConstraint::Any => (0..self.subjects.len()).collect(),
            PrincipalConstraint::Eq(uid) => {
                within(uid).into_iter().filter(|i| self.subjects.get(*i).is_some_and(|s| s.uid == *uid)).collect()
            }
            PrincipalConstraint::In(uid) => within(uid),
            PrincipalConstraint::Is(wanted) => of_type(wanted),
            PrincipalConstraint::IsIn(wanted, uid) => {
                let members: BTreeSet<_> = within(uid).into_iter().collect();
                of_type(wanted).into_iter().filter(|index| members.contains(index)).collect()
            }
        }
    }

    /// The targets whose action fits, whatever their resource.
    pub(crate) fn actions(&self, constraint: &ActionConstraint) -> Vec<TargetIndex> {
        let within = |group: &EntityUid| self.actions_in.get(group).cloned().unwrap_or_default();
        match constraint {
            ActionConstraint::Any => (0..self.targets.len()).collect(),
            ActionConstraint::Eq(uid) => {
                within(uid).into_iter().filter(|i| self.targets.get(*i).is_some_and(|t| t.action == *uid)).collect()
            }
            ActionConstraint::In(uids) => {
                let all: BTreeSet<_> = uids.iter().flat_map(within).collect();
                all.into_iter().collect()
            }
        }
    }

    /// Whether the target's resource fits.
    pub(crate) fn resource_fits(&self, constraint: &ResourceConstraint, target: TargetIndex) -> bool {
        let Some(resource) = self.targets.get(target).map(|target| &target.resource) else { return false };
        let within = |uid| self.resources_in.get(uid).is_some_and(|members| members.contains(&target));
        match constraint {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) => resource == uid,
            ResourceConstraint::In(uid) => within(uid),
            ResourceConstraint::Is(wanted) => resource.type_name() == wanted,
            ResourceConstraint::IsIn(wanted, uid) => resource.type_name() == wanted && within(uid),
        }
    }

    /// Whether some rule could name this: a principal, a group, an action, an action group or a port.
    pub(crate) fn has(&self, uid: &EntityUid) -> bool {
        self.subjects_in.contains_key(uid) || self.actions_in.contains_key(uid) || self.resources_in.contains_key(uid)
    }

    /// The services whose routes an action or an action group is about.
    pub(crate) fn services_of_action(&self, uid: &EntityUid) -> impl Iterator<Item = ServiceId> {
        let targets = self.actions_in.get(uid).into_iter().flatten().filter_map(|index| self.targets.get(*index));
        targets.map(|target| target.service)
    }

    /// Every subject but the host.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.principal != Principal::Host)
    }

    /// The service and the protocol of a port that is not judged as a flow.
    pub(crate) fn l7_port(&self, name: &str) -> Option<&(String, &'static str)> {
        self.l7_ports.get(name)
    }

    fn asked(&self, policy: &Policy) -> Vec<TargetIndex> {
        let constraint = policy.resource_constraint();
        let mut targets = self.actions(&policy.action_constraint());
        targets.retain(|target| self.resource_fits(&constraint, *target));
        targets
    }

    fn index(&mut self) {
        for (index, subject) in self.subjects.iter().enumerate() {
            for uid in subject.groups.iter().chain([&subject.uid]) {
                self.subjects_in.entry(uid.clone()).or_default().push(index);
            }
        }
        let groups: BTreeMap<ServiceId, &[EntityUid]> =
            self.subjects.iter().map(|subject| (subject.principal.service_id(), subject.groups.as_slice())).collect();
        for (index, target) in self.targets.iter_mut().enumerate() {
            if target.route.is_some() {
                target.resource_groups = groups.get(&target.service).map(|groups| groups.to_vec()).unwrap_or_default();
            }
            for uid in target.action_groups.iter().chain([&target.action]) {
                self.actions_in.entry(uid.clone()).or_default().push(index);
            }
            for uid in target.resource_groups.iter().chain([&target.resource]) {
                self.resources_in.entry(uid.clone()).or_default().insert(index);
            }
        }
    }
}

fn targets_of(service: &gate_tables::Service, declared: &crate::services::Service) -> Vec<Target> {
    let mut targets = Vec::new();
    for port in &service.ports {
        if port.protocol == Protocol::Opaque {
            targets.push(Target {
                service: service.id,
                port: port.id,
                action_name: "connect".to_owned(),
                action: uid("Action", "connect"),
                resource: uid("Port", &port_name(&service.name, port.number)),
                route: None,
                action_groups: Vec::new(),
                resource_groups: Vec::new(),
            });
        }
        let Some(declared) = declared.ports.get(&port.name) else { continue };
        for (name, route) in &declared.routes {
            let action_name = format!("{}.{name}", service.name);
            let groups = route.groups.iter().map(String::as_str).chain(["all"]);
            targets.push(Target {
                service: service.id,
                port: port.id,
                action: uid("Action", &action_name),
                action_name,
                resource: uid("Service", &service.name),
                route: Some(TargetRoute { method: route.method.clone(), path: route.path.clone() }),
                action_groups: groups.map(|group| uid("Action", &format!("{}:{group}", service.name))).collect(),
                resource_groups: Vec::new(),
            });
        }
    }
    targets
}

/// An entity of one of the schema's types.
pub(crate) fn uid(type_name: &'static str, id: &str) -> EntityUid {
    #[expect(clippy::expect_used, reason = "the callers' type names are literals of the schema, which parse")]
    let type_name = EntityTypeName::from_str(type_name).expect("a type name of the schema");
    EntityUid::from_type_name_and_id(type_name, EntityId::new(id))
}
