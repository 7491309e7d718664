//! The layer of each node.

use super::Input;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// The layer of each node: even numbers, so that there is a layer for labels between any two.
pub(super) fn ranks(input: &Input) -> Vec<usize> {
    let count = input.nodes.len();
    let forward = without_cycles(input);
    let mut ranks = longest_ways(count, &forward);
    // A node that nobody reaches stands beside the first that it reaches, not at the far left.
    let reached: Vec<bool> = (0..count).map(|node| forward.iter().any(|(_, to)| *to == node)).collect();
    for node in (0..count).filter(|node| reached.get(*node) == Some(&false)) {
        let next = forward.iter().filter(|(from, _)| *from == node).filter_map(|(_, to)| ranks.get(*to)).min().copied();
        if let (Some(next), Some(rank)) = (next, ranks.get_mut(node)) {
            *rank = next.saturating_sub(1);
        }
    }
    ranks.into_iter().map(|rank| rank * 2).collect()
}

/// The edges, with those turned around that would close a cycle.
fn without_cycles(input: &Input) -> Vec<(usize, usize)> {
    let count = input.nodes.len();
    let mut out: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
    for (number, (from, to, _)) in input.edges.iter().enumerate() {
        if let Some(out) = out.get_mut(*from) {
            out.push((number, *to));
        }
    }
    // Those that nobody reaches come first, so that an edge is turned only within what is a cycle.
    let reached = |node: &usize| input.edges.iter().any(|(_, to, _)| to == node);
    let (inner, first): (Vec<usize>, Vec<usize>) = (0..count).partition(reached);
    let mut visits = vec![Visit::Not; count];
    let mut turned = vec![false; input.edges.len()];
    for start in first.into_iter().chain(inner) {
        visit(start, &out, &mut visits, &mut turned);
    }
    let edges = input.edges.iter().zip(turned);
    edges.map(|((from, to, _), turned)| if turned { (*to, *from) } else { (*from, *to) }).collect()
}

/// Depth first, on a stack of its own: chains of services may be long.
fn visit(start: usize, out: &[Vec<(usize, usize)>], visits: &mut [Visit], turned: &mut [bool]) {
    let mut stack = vec![(start, 0)];
    while let Some((node, next)) = stack.pop() {
        let Some(state) = visits.get_mut(node) else { continue };
        if next == 0 {
            if *state != Visit::Not {
                continue;
            }
            *state = Visit::Open;
        }
        match out.get(node).and_then(|edges| edges.get(next)) {
            None => *state = Visit::Done,
            Some((number, to)) => {
                stack.push((node, next + 1));
                match visits.get(*to) {
                    Some(Visit::Open) => {
                        if let Some(turned) = turned.get_mut(*number) {
                            *turned = true;
                        }
                    }
                    Some(Visit::Not) => stack.push((*to, 0)),
                    _ => {}
                }
            }
        }
    }
}

/// For each node, the number of edges on the longest way to it.
fn longest_ways(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut open = vec![0usize; count];
    for (_, to) in edges {
        if let Some(open) = open.get_mut(*to) {
            *open += 1;
        }
    }
    let mut ranks = vec![0usize; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| open.get(*node) == Some(&0)).collect();
    while let Some(node) = ready.pop() {
        let rank = ranks.get(node).copied().unwrap_or_default();
        for (_, to) in edges.iter().filter(|(from, _)| *from == node) {
            if let Some(other) = ranks.get_mut(*to) {
                *other = (*other).max(rank + 1);
            }
            if let Some(open) = open.get_mut(*to) {
                *open -= 1;
                if *open == 0 {
                    ready.push(*to);
                }
            }
        }
    }
    ranks
}
