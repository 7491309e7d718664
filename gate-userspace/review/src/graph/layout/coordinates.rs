//! From orders to coordinates.

use super::{Input, Item, Layers, Layout, Placed};

/// Between neighbours of one layer.
const GAP: f64 = 18.0;
/// Between layers.
const BETWEEN: f64 = 44.0;
/// How often items move towards their neighbours.
const ROUNDS: usize = 30;

pub(super) fn place(input: &Input, layers: &mut Layers) -> Layout {
    let width = columns(layers);
    stack(layers);
    for round in 0..ROUNDS {
        let forward = round % 2 == 0;
        let count = layers.ranks.len();
        for step in 0..count {
            settle(layers, if forward { step } else { count - 1 - step }, forward);
        }
    }
    let top = layers.items.iter().map(|item| item.y - item.height / 2.0).fold(f64::INFINITY, f64::min);
    for item in &mut layers.items {
        item.y -= if top.is_finite() { top } else { 0.0 };
    }
    let height = layers.items.iter().map(|item| item.y + item.height / 2.0).fold(0.0, f64::max);
    let placed = |item: &Item| Placed { x: item.x, y: item.y, width: item.width, height: item.height };
    let nodes: Vec<Placed> = layers.items.iter().take(input.nodes.len()).map(placed).collect();
    let label = |chain: &super::Chain| layers.items.get(chain.label).map(placed).unwrap_or_default();
    let labels = layers.chains.iter().map(label).collect();
    Layout { nodes, labels, ways: ways(layers), width, height }
}

/// Gives every layer its column; the width of all.
fn columns(layers: &mut Layers) -> f64 {
    let mut x = 0.0;
    for of_rank in &layers.ranks {
        let width = of_rank.iter().filter_map(|n| layers.items.get(*n)).map(|item| item.width).fold(0.0, f64::max);
        for number in of_rank {
            if let Some(item) = layers.items.get_mut(*number) {
                item.x = x + width / 2.0;
                item.column = width;
            }
        }
        x += width + BETWEEN;
    }
    (x - BETWEEN).max(0.0)
}

/// One below the other, each layer around the same middle.
fn stack(layers: &mut Layers) {
    for of_rank in &layers.ranks {
        let total: f64 = of_rank.iter().filter_map(|n| layers.items.get(*n)).map(|item| item.height + GAP).sum();
        let mut y = -total / 2.0;
        for number in of_rank {
            if let Some(item) = layers.items.get_mut(*number) {
                item.y = y + item.height / 2.0;
                y += item.height + GAP;
            }
        }
    }
}

/// Moves the items of one layer as near to the mean of their neighbours as their order and their distances allow: the
/// least squares under constraints of order, found by pooling neighbours that would overlap.
fn settle(layers: &mut Layers, rank: usize, forward: bool) {
    let Some(of_rank) = layers.ranks.get(rank) else { return };
    let mut pools: Vec<Pool> = Vec::new();
    let mut offset = 0.0;
    let mut previous = 0.0;
    for number in of_rank {
        let Some(item) = layers.items.get(*number) else { continue };
        if !pools.is_empty() {
            offset += (previous + item.height) / 2.0 + GAP;
        }
        previous = item.height;
        // Long edges are straight before nodes are in the middle.
        let weight = if item.is_node { 1.0 } else { 4.0 };
        pools.push(Pool {
            sum: (wish(layers, item, forward) - offset) * weight,
            weight,
            members: vec![(*number, offset)],
        });
        while let Some(merged) = overlapping(&mut pools) {
            pools.push(merged);
        }
    }
    for pool in pools {
        for (number, offset) in pool.members {
            if let Some(item) = layers.items.get_mut(number) {
                item.y = pool.sum / pool.weight + offset;
            }
        }
    }
}

/// Items that touch, and where they would be.
struct Pool {
    sum: f64,
    weight: f64,
    /// With the distance from the first item of the layer.
    members: Vec<(usize, f64)>,
}

/// Takes the last two pools away and joins them, if the last would stand above the one before it.
fn overlapping(pools: &mut Vec<Pool>) -> Option<Pool> {
    let [.., above, below] = pools.as_slice() else { return None };
    if below.sum / below.weight >= above.sum / above.weight {
        return None;
    }
    let (below, above) = (pools.pop()?, pools.pop()?);
    let members = above.members.into_iter().chain(below.members).collect();
    Some(Pool { sum: above.sum + below.sum, weight: above.weight + below.weight, members })
}

fn wish(layers: &Layers, item: &Item, forward: bool) -> f64 {
    let mean = |numbers: &[usize]| {
        let places: Vec<f64> = numbers.iter().filter_map(|n| layers.items.get(*n)).map(|other| other.y).collect();
        (!places.is_empty()).then(|| places.iter().sum::<f64>() / places.len() as f64)
    };
    let (first, second) = if forward { (&item.before, &item.after) } else { (&item.after, &item.before) };
    mean(first).or_else(|| mean(second)).unwrap_or(item.y)
}

/// The points of each edge, from its source to its destination.
fn ways(layers: &Layers) -> Vec<Vec<(f64, f64)>> {
    layers.chains.iter().enumerate().map(|(number, chain)| way(layers, number, chain)).collect()
}

/// Within a layer's column an edge is level, so that it meets no other item of the layer.
fn way(layers: &Layers, number: usize, chain: &super::Chain) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let last = chain.items.len().saturating_sub(1);
    for (place, item) in chain.items.iter().enumerate().filter_map(|(place, n)| Some((place, layers.items.get(*n)?))) {
        let (half, column) = (item.width / 2.0, item.column / 2.0);
        let (left, right, off) = match place {
            0 => (half, column, spread(layers, number, chain.items.first(), false)),
            _ if place == last => (-column, -half, spread(layers, number, chain.items.last(), true)),
            _ => (-column, column, 0.0),
        };
        points.extend([(item.x + left, item.y + off), (item.x + right, item.y + off)]);
    }
    if chain.is_turned {
        points.reverse();
    }
    points
}

/// How far from the middle of a node's side an edge begins or ends: in the order of the edges' other ends.
fn spread(layers: &Layers, number: usize, node: Option<&usize>, left: bool) -> f64 {
    let mut here: Vec<(f64, usize)> = Vec::new();
    for (other, chain) in layers.chains.iter().enumerate() {
        let (end, next) = match chain.items.as_slice() {
            [.., next, last] if left => (last, next),
            [first, next, ..] if !left => (first, next),
            _ => continue,
        };
        if Some(end) == node {
            here.push((layers.items.get(*next).map(|item| item.y).unwrap_or_default(), other));
        }
    }
    here.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let height = node.and_then(|node| layers.items.get(*node)).map(|item| item.height).unwrap_or_default();
    let place = here.iter().position(|(_, other)| *other == number).unwrap_or_default() as f64;
    let step = (height - 12.0).max(0.0) / (here.len() as f64 + 1.0);
    (place + 1.0) * step - (height - 12.0).max(0.0) / 2.0
}
