use super::*;

fn overlap(a: &Placed, b: &Placed) -> bool {
    (a.x - b.x).abs() * 2.0 < a.width + b.width - 0.5 && (a.y - b.y).abs() * 2.0 < a.height + b.height - 0.5
}

/// A small generator: the pictures of a test are the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

fn random(seed: u64, nodes: usize, edges: usize) -> Input {
    let mut random = Random(seed);
    let mut input = Input { nodes: vec![(90.0, 46.0); nodes], edges: Vec::new() };
    while input.edges.len() < edges {
        let (from, to) = (random.below(nodes), random.below(nodes));
        if from != to {
            input.edges.push((from, to, (100.0, 34.0)));
        }
    }
    input
}

#[test]
fn no_box_overlaps_another() {
    for seed in 0..40 {
        let nodes = 4 + seed as usize % 37;
        let layout = layout(&random(seed, nodes, nodes * 3 / 2)).unwrap();
        let boxes: Vec<&Placed> = layout.nodes.iter().chain(&layout.labels).collect();
        for (number, one) in boxes.iter().enumerate() {
            for other in &boxes[number + 1..] {
                assert!(!overlap(one, other), "seed {seed}: {one:?} and {other:?}");
            }
            assert!(one.x - one.width / 2.0 > -0.1 && one.x + one.width / 2.0 < layout.width + 0.1, "{one:?}");
            assert!(one.y - one.height / 2.0 > -0.1 && one.y + one.height / 2.0 < layout.height + 0.1, "{one:?}");
        }
    }
}

#[test]
fn an_edge_leads_from_its_source_to_its_destination_through_its_label() {
    for seed in 0..20 {
        let input = random(seed, 12, 20);
        let layout = layout(&input).unwrap();
        for (((from, to, _), way), label) in input.edges.iter().zip(&layout.ways).zip(&layout.labels) {
            let at = |node: usize, point: &(f64, f64)| {
                let node = layout.nodes[node];
                (point.0 - node.x).abs() < node.width / 2.0 + 0.1 && (point.1 - node.y).abs() < node.height / 2.0 + 0.1
            };
            assert!(at(*from, way.first().unwrap()) && at(*to, way.last().unwrap()), "seed {seed}");
            assert_eq!(way.len() % 2, 0);
            assert!(way.iter().any(|(x, y)| *y == label.y && (x - label.x).abs() <= label.width), "seed {seed}");
        }
    }
}

#[test]
fn neighbours_stand_in_order_and_a_plain_chain_is_straight() {
    let edge = |from, to| (from, to, (60.0, 20.0));
    let chain = Input { nodes: vec![(80.0, 40.0); 4], edges: vec![edge(0, 1), edge(1, 2), edge(2, 3)] };
    let placed = layout(&chain).unwrap();
    assert!(placed.nodes.windows(2).all(|pair| pair[0].x + 80.0 < pair[1].x && pair[0].y == pair[1].y));
    // Two chains side by side do not cross, whatever the order of their edges.
    let two = Input { nodes: vec![(80.0, 40.0); 4], edges: vec![edge(0, 3), edge(1, 2)] };
    let placed = layout(&two).unwrap();
    assert_eq!((placed.nodes[0].y < placed.nodes[1].y), (placed.nodes[3].y < placed.nodes[2].y));
}

#[test]
fn cycles_and_nothing_at_all_are_placed() {
    let edge = |from, to| (from, to, (60.0, 20.0));
    let cycle = Input { nodes: vec![(80.0, 40.0); 3], edges: vec![edge(0, 1), edge(1, 2), edge(2, 0), edge(0, 2)] };
    assert_eq!(layout(&cycle).unwrap().ways.len(), 4);
    assert!(layout(&Input::default()).unwrap().nodes.is_empty());
}

#[test]
fn too_much_is_refused_at_once() {
    assert!(layout(&random(1, 1_000, 10_000)).is_none());
    assert!(layout(&random(1, MAX_ITEMS + 1, 1)).is_none());
}

#[test]
fn edges_that_need_not_cross_do_not() {
    let edge = |from, to| (from, to, (60.0, 20.0));
    // batch -> orders, web -> ledger, web -> orders: ledger must stand below orders, although both are drawn alike.
    let shop = Input { nodes: vec![(80.0, 40.0); 4], edges: vec![edge(0, 2), edge(3, 1), edge(3, 2)] };
    let placed = layout(&shop).unwrap();
    let above = |a: usize, b: usize| placed.nodes[a].y < placed.nodes[b].y;
    assert_eq!(above(0, 3), above(2, 1));
}

#[test]
fn what_has_one_neighbour_stands_beside_it() {
    let edge = |from, to| (from, to, (60.0, 20.0));
    let uneven = Input { nodes: vec![(80.0, 40.0); 6], edges: vec![edge(0, 1), edge(0, 2), edge(0, 3), edge(4, 5)] };
    let placed = layout(&uneven).unwrap();
    assert!((placed.nodes[4].y - placed.nodes[5].y).abs() < 0.5, "{:?}", placed.nodes);
    assert!((placed.nodes[0].y - placed.nodes[2].y).abs() < 0.5, "{:?}", placed.nodes);
}
