//! The map of services: who reaches whom, on which port, and how.

mod build;
mod dot;
mod layout;
mod svg;

use serde::Serialize;
use std::fmt;

/// Services and what they reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceMap {
    /// The environment.
    pub environment: String,
    /// Whether it shows what changes between two policies.
    pub compares: bool,
    /// Services and networks by name; `host` and `world` only if something is permitted to them, the host first.
    pub nodes: Vec<Node>,
    /// One for each source, destination and port, in that order.
    pub edges: Vec<Edge>,
}

/// Somebody who reaches, or is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Who answers for it; empty for `host` and `world`.
    pub owner: String,
    /// Of a network: its addresses and its environment, in lines.
    pub about: Vec<String>,
    /// Whether it is new or gone.
    pub state: State,
}

/// That one service may reach a port of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Index of the source in [`ServiceMap::nodes`].
    pub from: usize,
    /// Index of the destination.
    pub to: usize,
    /// The port's name.
    pub port: String,
    /// `tcp/8080`, `udp/53`, `tcp/9090 grpc`.
    pub listens: String,
    /// As a flow, or request by request.
    pub layer: Layer,
    /// What became of it.
    pub state: State,
    /// Routes that may be asked; 0 for a flow.
    pub routes: usize,
    /// How many of them on a condition.
    pub conditional: usize,
    /// Routes (or the flow) of which more may be asked than before.
    pub gained: usize,
    /// Routes (or the flow) of which less may be asked than before.
    pub lost: usize,
}

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Every process that no service claims.
    Host,
    /// A service.
    Service,
    /// Addresses outside the host.
    Network,
    /// Every address of no network.
    World,
}

impl NodeKind {
    /// Said below its name, where nobody answers for it.
    const fn words(self) -> &'static str {
        match self {
            Self::Host => "no service",
            Self::Service => "",
            Self::Network => "outside this host",
            Self::World => "of no network",
        }
    }

    const fn is_outside(self) -> bool {
        matches!(self, Self::Network | Self::World)
    }
}

/// Where it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Layer {
    /// By the kernel, as a flow.
    L4,
    /// By the proxy, request by request.
    L7,
}

/// What became of a node or an edge. Without a comparison all is [`State::Same`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it was.
    Same,
    /// It was not there.
    New,
    /// It is not there any more.
    Gone,
    /// More, less or other requests are permitted on it.
    Changed,
}

/// A map that cannot be drawn legibly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapTooLarge {
    /// Its services.
    pub services: usize,
    /// Its edges.
    pub edges: usize,
}

impl fmt::Display for MapTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { services, edges } = self;
        write!(
            f,
            "{services} services and {edges} edges are too much for a picture that people read; --dot gives them to \
                   programs for graphs"
        )
    }
}

impl std::error::Error for MapTooLarge {}

impl State {
    /// What stands before a label, for those who do not see colours.
    const fn mark(self) -> &'static str {
        match self {
            Self::Same => "",
            Self::New => "+ ",
            Self::Gone => "- ",
            Self::Changed => "~ ",
        }
    }
}

impl Node {
    /// What stands below its name.
    fn below(&self) -> Vec<String> {
        let mut lines: Vec<String> = match (self.kind, self.owner.as_str()) {
            (NodeKind::Host, _) => Vec::new(),
            (NodeKind::Service | NodeKind::Network | NodeKind::World, "") => vec![self.kind.words().to_owned()],
            (_, owner) => vec![owner.to_owned()],
        };
        lines.extend(self.about.iter().cloned());
        lines
    }
}

impl Edge {
    /// `journal tcp/9000`; for L7 a second line: `2 routes, 1 conditional`, or what changed.
    fn label(&self) -> Vec<String> {
        // A network's ports are named by their numbers.
        let named = self.port != self.listens.replace('/', "-");
        let name = if named { format!("{} ", self.port) } else { String::new() };
        let mut lines = vec![format!("{}{name}{}", self.state.mark(), self.listens)];
        if self.layer == Layer::L7 {
            let routes = if self.routes == 1 { "1 route".to_owned() } else { format!("{} routes", self.routes) };
            lines.push(match (self.state, self.conditional) {
                (State::Changed, _) => format!("{routes} (+{} -{})", self.gained, self.lost),
                (_, 0) => routes,
                (_, conditional) => format!("{routes}, {conditional} conditional"),
            });
        } else if self.conditional > 0 {
            lines.push("on a condition".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests;
