//! Where everything of a map stands: layers from left to right, few crossings, labels that overlap nothing.
//!
//! Sugiyama's method: cycles are broken by turning edges around, nodes get layers by their longest way, each edge becomes
//! a chain of items, one per layer between its ends, of which one holds its label; items are ordered in their layer by
//! the mean place of their neighbours, and then moved towards it as far as their distances allow. The same map always
//! gives the same picture.

mod coordinates;
mod ranks;

/// What is to be placed.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    /// Width and height of each node.
    pub(super) nodes: Vec<(f64, f64)>,
    /// From, to, and the label's width and height. No edge leads from a node to itself.
    pub(super) edges: Vec<(usize, usize, (f64, f64))>,
}

/// A box by its centre.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Placed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where it stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) nodes: Vec<Placed>,
    pub(super) labels: Vec<Placed>,
    /// For each edge, from its source on: pairs of points. A pair is joined by a line, and with the next by a curve.
    pub(super) ways: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Most items that are placed: a picture of more is read by nobody.
const MAX_ITEMS: usize = 6_000;
/// How often the order of all layers is improved.
const SWEEPS: usize = 24;

/// Something in a layer: a node, or the place where an edge passes.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) rank: usize,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Of the widest item of its layer.
    pub(super) column: f64,
    /// Items of the layer before and after that it is joined to.
    pub(super) before: Vec<usize>,
    pub(super) after: Vec<usize>,
    pub(super) is_node: bool,
    /// Place in its layer.
    pub(super) order: usize,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The items, and which of them each edge passes.
pub(super) struct Layers {
    pub(super) items: Vec<Item>,
    /// From the end in the lower layer to that in the higher.
    pub(super) chains: Vec<Chain>,
    pub(super) ranks: Vec<Vec<usize>>,
}

pub(super) struct Chain {
    pub(super) items: Vec<usize>,
    /// The item that holds the label.
    pub(super) label: usize,
    /// Whether the edge leads from the higher layer to the lower.
    pub(super) is_turned: bool,
}

/// Places everything; `None` when it is too much.
pub(super) fn layout(input: &Input) -> Option<Layout> {
    let ranks = ranks::ranks(input);
    let chained: usize = input.edges.iter().map(|(from, to, _)| distance(&ranks, *from, *to)).sum();
    if chained + input.nodes.len() > MAX_ITEMS {
        return None;
    }
    let mut layers = build(input, &ranks);
    order(&mut layers);
    Some(coordinates::place(input, &mut layers))
}

fn rank(ranks: &[usize], node: usize) -> usize {
    ranks.get(node).copied().unwrap_or_default()
}

/// How many items an edge has between its ends.
fn distance(ranks: &[usize], from: usize, to: usize) -> usize {
    rank(ranks, from).abs_diff(rank(ranks, to)).saturating_sub(1)
}

fn build(input: &Input, ranks: &[usize]) -> Layers {
    let node = |(number, (width, height)): (usize, &(f64, f64))| item(rank(ranks, number), *width, *height, true);
    let mut items: Vec<Item> = input.nodes.iter().enumerate().map(node).collect();
    let mut chains = Vec::new();
    for (from, to, label) in &input.edges {
        let is_turned = rank(ranks, *from) > rank(ranks, *to);
        let (first, last) = if is_turned { (to, from) } else { (from, to) };
        let (low, high) = (rank(ranks, *first), rank(ranks, *last));
        // Nodes stand in even layers. The label is in an odd one, as near to the middle as can be.
        let middle = (low + high) / 2;
        let of_label = if middle % 2 == 1 { middle } else { middle + 1 }.min(high.saturating_sub(1));
        let mut chain = Chain { items: vec![*first], label: *first, is_turned };
        let mut previous = *first;
        for rank in low + 1..high {
            let (width, height) = if rank == of_label { *label } else { (0.0, 8.0) };
            let number = items.len();
            items.push(item(rank, width, height, false));
            join(&mut items, previous, number);
            if rank == of_label {
                chain.label = number;
            }
            chain.items.push(number);
            previous = number;
        }
        join(&mut items, previous, *last);
        chain.items.push(*last);
        chains.push(chain);
    }
    let mut of_rank = vec![Vec::new(); items.iter().map(|item| item.rank + 1).max().unwrap_or_default()];
    for (number, item) in items.iter_mut().enumerate() {
        if let Some(rank) = of_rank.get_mut(item.rank) {
            item.order = rank.len();
            rank.push(number);
        }
    }
    Layers { items, chains, ranks: of_rank }
}

fn item(rank: usize, width: f64, height: f64, is_node: bool) -> Item {
    let (before, after) = (Vec::new(), Vec::new());
    Item { rank, width, height, column: width, before, after, is_node, order: 0, x: 0.0, y: 0.0 }
}

fn join(items: &mut [Item], left: usize, right: usize) {
    if let Some(item) = items.get_mut(left) {
        item.after.push(right);
    }
    if let Some(item) = items.get_mut(right) {
        item.before.push(left);
    }
}

/// Orders each layer by its neighbours, to and fro, and keeps the best order that was seen.
fn order(layers: &mut Layers) {
    let mut best = layers.ranks.clone();
    let mut fewest = crossings(layers);
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        // Those that are drawn to the same place change places every other time: otherwise none would ever move.
        let turn_ties = sweep / 2 % 2 == 1;
        let count = layers.ranks.len();
        for step in 0..count {
            sort_rank(layers, if forward { step } else { count - 1 - step }, forward, turn_ties);
        }
        let now = crossings(layers);
        if now < fewest {
            fewest = now;
            best.clone_from(&layers.ranks);
        }
    }
    layers.ranks = best;
    number(layers);
}

/// The mean place of the neighbours in the layer before (`forward`) or after; an item without any keeps its place.
fn sort_rank(layers: &mut Layers, rank: usize, forward: bool, turn_ties: bool) {
    let Some(mut of_rank) = layers.ranks.get(rank).cloned() else { return };
    let mean = |number: &usize| {
        let item = layers.items.get(*number)?;
        let neighbours = if forward { &item.before } else { &item.after };
        let places: Vec<usize> = neighbours.iter().filter_map(|n| layers.items.get(*n)).map(|n| n.order).collect();
        Some(mean_of(&places).unwrap_or(item.order as f64))
    };
    let key: std::collections::BTreeMap<usize, f64> =
        of_rank.iter().map(|number| (*number, mean(number).unwrap_or_default())).collect();
    let of = |number: &usize| key.get(number).copied().unwrap_or_default();
    if turn_ties {
        of_rank.reverse();
    }
    of_rank.sort_by(|a, b| of(a).total_cmp(&of(b)));
    for (order, number) in of_rank.iter().enumerate() {
        if let Some(item) = layers.items.get_mut(*number) {
            item.order = order;
        }
    }
    if let Some(old) = layers.ranks.get_mut(rank) {
        *old = of_rank;
    }
}

fn mean_of(places: &[usize]) -> Option<f64> {
    (!places.is_empty()).then(|| places.iter().sum::<usize>() as f64 / places.len() as f64)
}

fn number(layers: &mut Layers) {
    for of_rank in &layers.ranks {
        for (order, number) in of_rank.iter().enumerate() {
            if let Some(item) = layers.items.get_mut(*number) {
                item.order = order;
            }
        }
    }
}

/// How many pairs of edges cross between neighbouring layers.
fn crossings(layers: &Layers) -> usize {
    let place = |number: &usize| layers.items.get(*number).map(|item| item.order).unwrap_or_default();
    let between = |of_rank: &Vec<usize>| {
        let mut ends: Vec<(usize, usize)> = Vec::new();
        for number in of_rank {
            let after = layers.items.get(*number).map(|item| item.after.as_slice()).unwrap_or_default();
            ends.extend(after.iter().map(|other| (place(number), place(other))));
        }
        ends.sort_unstable();
        inversions(ends.iter().map(|(_, right)| *right))
    };
    layers.ranks.iter().map(between).sum()
}

/// Pairs that are out of order, by a sum over a binary indexed tree.
fn inversions(places: impl Iterator<Item = usize>) -> usize {
    let mut seen: Vec<usize> = Vec::new();
    let mut count = 0;
    for place in places {
        let at = seen.partition_point(|other| *other <= place);
        count += seen.len() - at;
        seen.insert(at, place);
    }
    count
}

#[cfg(test)]
mod tests;
