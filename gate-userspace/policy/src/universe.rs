//! Everything that a rule can speak of. The universe is finite, so scopes are expanded over it once.

mod build;
mod scope;

pub(crate) use scope::Scope;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use gate_tables::{Channel, Field, HostPattern, Issuer, PathPattern, PortId, Protocol, ServiceId, Transport};
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// Who asks: the number of a service or of a network, or one of two that are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(ServiceId);

impl Principal {
    /// `Host::"self"`: a process of this host that no service claims.
    pub const HOST: Self = Self(ServiceId::HOST);
    /// `World::"any"`: an address of no network.
    pub const WORLD: Self = Self(ServiceId::WORLD);

    /// The number in the tables.
    #[must_use]
    pub fn service_id(self) -> ServiceId {
        self.0
    }
}

impl From<ServiceId> for Principal {
    fn from(id: ServiceId) -> Self {
        Self(id)
    }
}

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Host,
    Service,
    Network,
    World,
}

/// A principal and what Cedar calls it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) principal: Principal,
    pub(crate) kind: Kind,
    /// The service's or the network's name, `host` or `world`.
    pub(crate) name: String,
    pub(crate) uid: EntityUid,
    /// All that it is in: groups, or the networks around it and the world.
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
    /// Whose it is: a service's or a network's number.
    pub(crate) service: ServiceId,
    pub(crate) port: PortId,
    pub(crate) transport: Transport,
    pub(crate) protocol: Protocol,
    pub(crate) channel: Channel,
    /// `orders.getOrder`, or `connect`.
    pub(crate) action_name: String,
    pub(crate) action: EntityUid,
    pub(crate) resource: EntityUid,
    /// `None` for a connection.
    pub(crate) route: Option<TargetRoute>,
    action_groups: Vec<EntityUid>,
    /// All that the resource is in.
    resource_groups: Vec<EntityUid>,
}

/// What is special to a route.
#[derive(Debug, Clone)]
pub(crate) struct TargetRoute {
    pub(crate) method: String,
    pub(crate) path: PathPattern,
    /// The hosts that its requests may name; none: any.
    pub(crate) hosts: Vec<HostPattern>,
    pub(crate) headers: Vec<Field>,
    pub(crate) query: Vec<Field>,
    /// Whose users its port knows.
    pub(crate) issuer: Option<Arc<Issuer>>,
    /// What its requests are made of, as the schema writes it.
    pub(crate) kind: String,
}

impl Target {
    /// The action and its groups.
    pub(crate) fn action_names(&self) -> impl Iterator<Item = &str> {
        self.action_groups.iter().chain([&self.action]).map(|uid| uid.id().unescaped())
    }

    /// All that the resource is in.
    pub(crate) fn resource_groups(&self) -> &[EntityUid] {
        &self.resource_groups
    }

    /// Whose users it knows.
    pub(crate) fn issuer(&self) -> Option<&Arc<Issuer>> {
        self.route.as_ref()?.issuer.as_ref()
    }
}

/// Index into [`Universe::subjects`].
pub(crate) type SubjectIndex = usize;
/// Index into [`Universe::targets`].
pub(crate) type TargetIndex = usize;

/// All subjects, all targets, and which names cover which.
#[derive(Debug)]
pub(crate) struct Universe {
    /// The host and the world first, then services by name, then networks by name.
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

impl Universe {
    /// Whether some rule could name this: a principal, a group, an action, an action group, a port or its owner.
    pub(crate) fn has(&self, uid: &EntityUid) -> bool {
        self.subjects_in.contains_key(uid) || self.actions_in.contains_key(uid) || self.resources_in.contains_key(uid)
    }

    /// The services whose routes an action or an action group is about.
    pub(crate) fn services_of_action(&self, uid: &EntityUid) -> impl Iterator<Item = ServiceId> {
        let targets = self.actions_in.get(uid).into_iter().flatten().filter_map(|index| self.targets.get(*index));
        targets.map(|target| target.service)
    }

    /// The service or the network of that name, the host or the world.
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

    /// Every subject of that kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(move |subject| subject.kind == kind)
    }

    /// Whether others are in it: a network, a network's port, or the world.
    pub(crate) fn holds_others(&self, uid: &EntityUid) -> bool {
        let subjects = self.subjects_in.get(uid).into_iter().flatten().filter_map(|index| self.subjects.get(*index));
        let targets = self.resources_in.get(uid).into_iter().flatten().filter_map(|index| self.targets.get(*index));
        // Its own ports are in a network, too, and no networks.
        let ports = targets.map(|target| &target.resource).filter(|inside| inside.type_name() == uid.type_name());
        subjects.map(|subject| &subject.uid).chain(ports).any(|inside| inside != uid)
    }

    /// The service and the protocol of a port that is not judged as a flow.
    pub(crate) fn l7_port(&self, name: &str) -> Option<&(String, &'static str)> {
        self.l7_ports.get(name)
    }
}

/// The schema's types. Cedar parses a name each time that one is made of text.
static TYPES: LazyLock<HashMap<&str, EntityTypeName>> = LazyLock::new(|| {
    let names = ["Action", "Group", "Host", "Network", "Port", "Service", "World"];
    names.into_iter().filter_map(|name| Some((name, EntityTypeName::from_str(name).ok()?))).collect()
});

/// An entity of one of the schema's types.
pub(crate) fn uid(type_name: &'static str, id: &str) -> EntityUid {
    #[expect(clippy::expect_used, reason = "the callers' type names are literals of the schema, which parse")]
    let type_name = TYPES.get(type_name).expect("a type name of the schema").clone();
    EntityUid::from_type_name_and_id(type_name, EntityId::new(id))
}
