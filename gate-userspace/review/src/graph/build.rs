//! From tables to the map.

use super::{Edge, Layer, Node, NodeKind, ServiceMap, State};
use crate::rules::Index;
use gate_tables::{Network, Parties, Party, Port, Protocol, Tables, compare};
use std::collections::{BTreeMap, BTreeSet};

/// Source, destination, port.
type Key = (String, String, String);

#[derive(Debug, Clone, Default)]
struct Reached {
    listens: String,
    is_l7: bool,
    routes: usize,
    conditional: usize,
}

impl ServiceMap {
    /// The map of one policy.
    #[must_use]
    pub fn of(tables: &Tables) -> Self {
        Self::build(None, tables)
    }

    /// The map of a policy, with what it gives and takes.
    #[must_use]
    pub fn against(old: &Tables, new: &Tables) -> Self {
        Self::build(Some(old), new)
    }

    fn build(old: Option<&Tables>, new: &Tables) -> Self {
        let before = old.map(reached).unwrap_or_default();
        let after = reached(new);
        let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
        let nodes = nodes(old, new, &keys);
        let number = |name: &str| nodes.iter().position(|node| node.name == name);
        let changes = old.map(|old| changes(old, new)).unwrap_or_default();
        let edge = |key: &&Key| {
            let (was, is) = (before.get(*key), after.get(*key));
            let (gained, lost) = changes.get(*key).copied().unwrap_or_default();
            let state = match (old, was, is) {
                (None, ..) => State::Same,
                (_, None, _) => State::New,
                (_, _, None) => State::Gone,
                _ if gained + lost > 0 => State::Changed,
                _ => State::Same,
            };
            let Reached { listens, is_l7, routes, conditional } = is.or(was)?.clone();
            let layer = if is_l7 { Layer::L7 } else { Layer::L4 };
            let (from, to, port) = (number(&key.0)?, number(&key.1)?, key.2.clone());
            Some(Edge { from, to, port, listens, layer, state, routes, conditional, gained, lost })
        };
        let edges = keys.iter().filter_map(edge).collect();
        Self { environment: new.environment.clone(), compares: old.is_some(), nodes, edges }
    }
}

fn nodes(old: Option<&Tables>, new: &Tables, keys: &BTreeSet<&Key>) -> Vec<Node> {
    let mut nodes: BTreeMap<&str, Node> = BTreeMap::new();
    let sides = [(old, State::Gone), (Some(new), State::New)];
    for (tables, alone) in sides.into_iter().filter_map(|(tables, alone)| Some((tables?, alone))) {
        for (_, party) in Parties::new(tables).iter() {
            let name = party.name();
            let joined = || keys.iter().any(|key| key.0 == name);
            if matches!(party, Party::Host | Party::World) && !joined() {
                continue;
            }
            let always = matches!(party, Party::Host | Party::World);
            let known = old.is_none() || always || nodes.contains_key(name);
            nodes.insert(name, node(party, &tables.environment, if known { State::Same } else { alone }));
        }
    }
    let mut nodes: Vec<Node> = nodes.into_values().collect();
    nodes.sort_by_key(|node| node.kind != NodeKind::Host);
    nodes
}

fn node(party: Party<'_>, own: &str, state: State) -> Node {
    let (kind, owner, about) = match party {
        Party::Service(service) => (NodeKind::Service, service.owner.clone(), Vec::new()),
        Party::Network(network) => (NodeKind::Network, network.owner.clone(), about(network, own)),
        Party::Host => (NodeKind::Host, String::new(), Vec::new()),
        Party::World => (NodeKind::World, String::new(), Vec::new()),
    };
    Node { name: party.name().to_owned(), kind, owner, about, state }
}

/// A few of a network's addresses, and its environment.
fn about(network: &Network, own: &str) -> Vec<String> {
    const FEW: usize = 3;
    let mut lines: Vec<String> = network.addresses.iter().take(FEW).map(ToString::to_string).collect();
    match network.addresses.len() {
        all if all > FEW => lines.push(format!("and {} more", all - FEW)),
        _ => {}
    }
    lines.extend(network.environment.as_ref().map(|environment| match environment.as_str() {
        environment if environment == own => format!("environment {environment}"),
        environment => format!("environment {environment}, not {own}"),
    }));
    lines
}

fn reached(tables: &Tables) -> BTreeMap<Key, Reached> {
    let index = Index::new(tables);
    let mut found: BTreeMap<Key, Reached> = BTreeMap::new();
    for line in &tables.access {
        let Some(destination) = index.parties().get(line.destination) else { continue };
        let Some(port) = destination.port(line.port) else { continue };
        let conditional = usize::from(index.is_conditional(line));
        for source in line.sources.iter().filter_map(|id| index.source(*id)) {
            let key = (source.to_owned(), destination.name().to_owned(), port.name.clone());
            let reached = found.entry(key).or_insert_with(|| Reached {
                listens: listens(port),
                is_l7: port.protocol.is_l7(),
                ..Reached::default()
            });
            reached.routes += usize::from(line.action.is_some());
            reached.conditional += conditional;
        }
    }
    found
}

/// HTTP/1.1 is what is meant where requests are counted and nothing is said.
fn listens(port: &Port) -> String {
    let number = format!("{}/{}", port.transport.name(), port.number);
    match port.protocol {
        Protocol::Plain | Protocol::Http => number,
        other => format!("{number} {}", other.name()),
    }
}

/// For each edge, how many of its cells may be asked more, and how many less.
fn changes(old: &Tables, new: &Tables) -> BTreeMap<Key, (usize, usize)> {
    let mut found: BTreeMap<Key, (usize, usize)> = BTreeMap::new();
    for change in compare(old, new).cells {
        let counts = found.entry((change.cell.source, change.cell.destination, change.cell.port)).or_default();
        counts.0 += usize::from(change.gains);
        counts.1 += usize::from(change.loses);
    }
    found
}
