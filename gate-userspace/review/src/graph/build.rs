//! From tables to the map.

use super::{Edge, Layer, Node, ServiceMap, State};
use crate::rules::{HOST, Index, port_of};
use gate_tables::{Protocol, ServiceId, Tables, compare};
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
    let tables = [(old, State::Gone), (Some(new), State::New)];
    for (tables, alone) in tables.into_iter().filter_map(|(tables, alone)| Some((tables?, alone))) {
        for service in &tables.services {
            let state = if old.is_none() || nodes.contains_key(&*service.name) { State::Same } else { alone };
            let node = Node { name: service.name.clone(), owner: service.owner.clone(), state };
            nodes.insert(&service.name, node);
        }
    }
    let host = keys.iter().any(|key| key.0 == HOST) && !nodes.contains_key(HOST);
    let host = host.then(|| Node { name: HOST.to_owned(), owner: String::new(), state: State::Same });
    host.into_iter().chain(nodes.into_values()).collect()
}

fn reached(tables: &Tables) -> BTreeMap<Key, Reached> {
    let index = Index::new(tables);
    let services: BTreeMap<ServiceId, _> = tables.services.iter().map(|service| (service.id, service)).collect();
    let mut found: BTreeMap<Key, Reached> = BTreeMap::new();
    for line in &tables.access {
        let Some(service) = services.get(&line.destination) else { continue };
        let Some(port) = port_of(service, line.port) else { continue };
        let conditional = usize::from(index.is_conditional(line));
        for source in line.sources.iter().filter_map(|id| index.source(*id)) {
            let reached =
                found.entry((source.to_owned(), service.name.clone(), port.name.clone())).or_insert_with(|| Reached {
                    listens: format!("tcp/{}", port.number),
                    is_l7: port.protocol != Protocol::Plain,
                    ..Reached::default()
                });
            reached.routes += usize::from(line.action.is_some());
            reached.conditional += conditional;
        }
    }
    found
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
