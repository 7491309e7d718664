//! Everything that a rule can speak of. The universe is finite, so scopes are expanded over it once.

use crate::schema::port_name;
use crate::services::Declarations;
use cedar_policy::{
    ActionConstraint, Entities, Entity, EntityId, EntityTypeName, EntityUid, Policy, PrincipalConstraint,
    ResourceConstraint,
};
use gate_tables::{PathPattern, PortId, Protocol, ServiceId, Tables};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use std::sync::LazyLock;

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
    resources_in: HashMap<EntityUid, Vec<TargetIndex>>,
    /// Subjects by their name.
    names: HashMap<String, SubjectIndex>,
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
            names: HashMap::new(),
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

    /// Everything with its groups, as Cedar's evaluator wants it.
    pub(crate) fn entities(&self) -> Result<Entities, String> {
        let within = |uid: &EntityUid, groups: &[EntityUid]| {
            Entity::new_no_attrs(uid.clone(), groups.iter().cloned().collect::<HashSet<_>>())
        };
        let alone = |uid: &EntityUid| Entity::new_no_attrs(uid.clone(), HashSet::new());
        let subjects = self.subjects.iter().map(|subject| within(&subject.uid, &subject.groups));
        let routes = self.targets.iter().filter(|target| target.route.is_some());
        let routes = routes.map(|target| within(&target.action, &target.action_groups));
        let ports = self.targets.iter().filter(|target| target.route.is_none()).map(|target| alone(&target.resource));
        let groups: HashSet<&EntityUid> = (self.subjects.iter().flat_map(Subject::groups))
            .chain(self.targets.iter().flat_map(|target| &target.action_groups))
            .collect();
        let connect = alone(&uid("Action", "connect"));
        let entities = subjects.chain(routes).chain(ports).chain(groups.into_iter().map(alone)).chain([connect]);
        Entities::from_entities(entities, None).map_err(|error| error.to_string())
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

    /// Whether the target's action fits.
    pub(crate) fn action_fits(constraint: &ActionConstraint, target: &Target) -> bool {
        let within = |uid: &EntityUid| target.action == *uid || target.action_groups.contains(uid);
        match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => target.action == *uid,
            ActionConstraint::In(uids) => uids.iter().any(within),
        }
    }

    /// Whether the target's resource fits.
    pub(crate) fn resource_fits(constraint: &ResourceConstraint, target: &Target) -> bool {
        let resource = &target.resource;
        let within = |uid: &EntityUid| resource == uid || target.resource_groups.contains(uid);
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

    /// The service of that name, or the host.
    pub(crate) fn subject_named(&self, name: &str) -> Option<&Subject> {
        self.subjects.get(*self.names.get(name)?)
    }

    /// The route that is this action.
    pub(crate) fn route_named(&self, action: &str) -> Option<&Target> {
        let mut named =
            self.actions_in.get(&uid("Action", action))?.iter().filter_map(|index| self.targets.get(*index));
        named.find(|target| target.route.is_some() && target.action_name == action)
    }

    /// The L4 port of that name, `ledger:tcp/9000`.
    pub(crate) fn flow_named(&self, port: &str) -> Option<&Target> {
        let mut named = self.resources_in.get(&uid("Port", port))?.iter().filter_map(|index| self.targets.get(*index));
        named.find(|target| target.route.is_none())
    }

    /// Every subject but the host.
    pub(crate) fn services(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(|subject| subject.principal != Principal::Host)
    }

    /// The service and the protocol of a port that is not judged as a flow.
    pub(crate) fn l7_port(&self, name: &str) -> Option<&(String, &'static str)> {
        self.l7_ports.get(name)
    }

    /// The targets that a rule is about, found from whatever it names that is rare.
    fn asked(&self, policy: &Policy) -> Vec<TargetIndex> {
        let (action, resource) = (policy.action_constraint(), policy.resource_constraint());
        let named = match (&resource, &action) {
            (ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid), _) => {
                self.resources_in.get(uid).cloned().unwrap_or_default()
            }
            (_, ActionConstraint::Eq(uid)) => self.actions_in.get(uid).cloned().unwrap_or_default(),
            (_, ActionConstraint::In(uids)) => {
                let all: BTreeSet<_> = uids.iter().filter_map(|uid| self.actions_in.get(uid)).flatten().collect();
                all.into_iter().copied().collect()
            }
            (ResourceConstraint::Any | ResourceConstraint::Is(_), ActionConstraint::Any) => {
                (0..self.targets.len()).collect()
            }
        };
        let fits = |target: &Target| Self::action_fits(&action, target) && Self::resource_fits(&resource, target);
        named.into_iter().filter(|index| self.targets.get(*index).is_some_and(fits)).collect()
    }

    fn index(&mut self) {
        for (index, subject) in self.subjects.iter().enumerate() {
            self.names.insert(subject.name.clone(), index);
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
                self.resources_in.entry(uid.clone()).or_default().push(index);
            }
        }
    }
}

fn targets_of(service: &gate_tables::Service, declared: &crate::services::Service) -> Vec<Target> {
    let mut targets = Vec::new();
    for port in &service.ports {
        if port.protocol == Protocol::Plain {
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

/// The schema's types. Cedar parses a name each time that one is made of text.
static TYPES: LazyLock<HashMap<&str, EntityTypeName>> = LazyLock::new(|| {
    let names = ["Action", "Group", "Host", "Port", "Service"];
    names.into_iter().filter_map(|name| Some((name, EntityTypeName::from_str(name).ok()?))).collect()
});

/// An entity of one of the schema's types.
pub(crate) fn uid(type_name: &'static str, id: &str) -> EntityUid {
    #[expect(clippy::expect_used, reason = "the callers' type names are literals of the schema, which parse")]
    let type_name = TYPES.get(type_name).expect("a type name of the schema").clone();
    EntityUid::from_type_name_and_id(type_name, EntityId::new(id))
}
