//! Services, their ports, and the routes of those.

use crate::{HostPattern, ParameterKind, PathPattern, PortId, Selector, ServiceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One service of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its number in the kernel's maps.
    pub id: ServiceId,
    /// Its name, as rules and people write it.
    pub name: String,
    /// The team that answers for it.
    pub owner: String,
    /// The cgroup it is recognized by, relative to the host's cgroup root, without a leading slash:
    /// `system.slice/orders.service`.
    pub cgroup: String,
    /// Of its cgroup's processes, only those of this Unix user are the service; others are unattested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Of its cgroup's processes, only those of this executable (an absolute path) are the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// `true`: judged and recorded as would-deny, not enforced.
    pub observe: bool,
    /// The groups it is in, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The hosts it is on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub on: Selector,
    /// Its declared ports, sorted by name.
    pub ports: Vec<Port>,
}

/// One declared listener of a service, or one port of a network that may be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its number inside the service.
    pub id: PortId,
    /// Its name: `api`; a network's are `tcp-443`.
    pub name: String,
    /// The transport.
    pub transport: Transport,
    /// The port number.
    pub number: u16,
    /// What is spoken on it.
    pub protocol: Protocol,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "Channel::is_traffic")]
    pub channel: Channel,
    /// The name of the one issuer whose tokens are accepted on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The named routes of an L7 port, sorted by action; empty for [`Protocol::Plain`].
    pub routes: Vec<Route>,
}

impl Port {
    /// Why gate-proxy of this version serves nothing on this L7 port; `None` where it does, and for a plain port.
    #[must_use]
    pub fn not_served(&self) -> Option<&'static str> {
        match (self.protocol, self.channel) {
            (Protocol::Http2 | Protocol::Grpc, _) => Some("its protocol is HTTP/2, which this version does not speak"),
            (Protocol::Http, Channel::Admin) => {
                Some("it is of channel \"admin\", for which this version has no listener")
            }
            (Protocol::Http, Channel::Traffic) | (Protocol::Plain, _) => None,
        }
    }

    /// Whether gate-proxy decides the requests on it.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.protocol.is_l7() && self.not_served().is_none()
    }
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP over IPv4 or IPv6.
    #[default]
    Tcp,
    /// UDP over IPv4 or IPv6.
    Udp,
}

impl Transport {
    /// As `services.toml` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Judged as a flow only (L4).
    #[default]
    Plain,
    /// HTTP/1.1; reached only through the proxy (L7), as those below.
    Http,
    /// HTTP/2.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
}

impl Protocol {
    /// Whether it is reached only through the proxy, which decides each request.
    #[must_use]
    pub const fn is_l7(self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// As `services.toml` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
        }
    }
}

/// Whom a port is for. No caller and no issuer is on both channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// What the service is there for.
    #[default]
    Traffic,
    /// Its administration.
    Admin,
}

impl Channel {
    fn is_traffic(&self) -> bool {
        *self == Self::Traffic
    }

    /// As `services.toml` writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Admin => "admin",
        }
    }
}

/// A named route of an L7 port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The Cedar action that it is: `orders.getOrder`.
    pub action: String,
    /// The method, upper case: `GET`.
    pub method: String,
    /// The path it matches.
    pub path: PathPattern,
    /// The groups of its service's routes that it is in, sorted; rules are expanded already, these are for people's
    /// questions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The hosts that a request may name, sorted; none: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
    /// The headers that rules may read, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Field>,
    /// The parameters of the query that rules may read, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Field>,
}

impl Route {
    /// Whether some request could be of both routes.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let hosts = || self.hosts.iter().any(|host| other.hosts.iter().any(|other| host.overlaps(other)));
        self.method == other.method
            && self.path.overlaps(&other.path)
            && (self.hosts.is_empty() || other.hosts.is_empty() || hosts())
    }
}

/// A header or a query parameter that rules may read: absent, or once and of this type. Anything else is a malformed
/// request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name; a header's in lower case.
    pub name: String,
    /// What it must be.
    pub kind: ParameterKind,
}
