use super::*;
use crate::testing::{permit, rule, shop};
use gate_tables::Tables;

fn old() -> Tables {
    let rules = [permit("a"), rule("b", "permit", Some((1, true)))];
    shop(
        &rules,
        &[
            (2, 1, None, vec![0], vec![], vec![4]),
            (3, 1, Some("orders.get"), vec![0], vec![], vec![4]),
            (3, 1, Some("orders.list"), vec![1], vec![], vec![4]),
        ],
    )
}

fn new() -> Tables {
    let rules = [permit("a"), rule("b", "permit", Some((1, true)))];
    shop(
        &rules,
        &[
            (2, 1, None, vec![0], vec![], vec![0]),
            (3, 1, Some("orders.get"), vec![0], vec![], vec![1, 4]),
            (3, 1, Some("orders.new"), vec![0], vec![], vec![4]),
        ],
    )
}

fn names(map: &ServiceMap) -> Vec<&str> {
    map.nodes.iter().map(|node| node.name.as_str()).collect()
}

#[test]
fn a_map_has_every_service_and_host_only_when_it_may_something() {
    let map = ServiceMap::of(&old());
    assert_eq!(names(&map), ["batch", "ledger", "orders", "web"]);
    let edges: Vec<_> = map.edges.iter().map(|e| (e.from, e.to, e.layer, e.routes, e.conditional, e.state)).collect();
    assert_eq!(edges, [(3, 1, Layer::L4, 0, 0, State::Same), (3, 2, Layer::L7, 2, 1, State::Same)]);
    assert_eq!(names(&ServiceMap::of(&new())), ["host", "batch", "ledger", "orders", "web"]);
}

#[test]
fn a_comparison_shows_what_came_and_went() {
    let map = ServiceMap::against(&old(), &new());
    let edge = |from: &str, to: &str| {
        let at = |name: &str| map.nodes.iter().position(|node| node.name == name).unwrap();
        map.edges.iter().find(|edge| (edge.from, edge.to) == (at(from), at(to))).unwrap()
    };
    assert_eq!(edge("host", "ledger").state, State::New);
    assert_eq!(edge("web", "ledger").state, State::Gone);
    assert_eq!(edge("batch", "orders").state, State::New);
    assert_eq!(edge("web", "orders").label(), ["~ api tcp/8080", "2 routes (+1 -1)"]);
    let mut fewer = new();
    fewer.services.retain(|service| service.name != "batch");
    fewer.access.iter_mut().for_each(|line| line.sources.retain(|source| source.0 != 1));
    let map = ServiceMap::against(&old(), &fewer);
    assert_eq!(map.nodes.iter().find(|node| node.name == "batch").unwrap().state, State::Gone);
}

#[test]
fn pictures_are_the_same_every_time_and_well_formed() {
    let map = ServiceMap::against(&old(), &new());
    let svg = map.to_svg().unwrap();
    assert_eq!(svg, map.to_svg().unwrap());
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
    // What is gained and lost is told by a sign and by the stroke, not by colours alone.
    for part in ["+ journal tcp/9000", "- journal tcp/9000", "~ api tcp/8080", "class=\"way l4 gone\""] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
    assert!(map.to_dot().contains("n0 -> n2 [label=\"+ journal tcp/9000\", color=\"#1a7f37\""), "{}", map.to_dot());
}

#[test]
fn names_are_text_and_nothing_else() {
    let mut tables = old();
    let hostile = "</text><script>alert('1')</script>\" onload=\"x\u{1b}[2J\u{202e}\\";
    tables.services[0].owner = hostile.into();
    tables.environment = hostile.into();
    let map = ServiceMap::of(&tables);
    let svg = map.to_svg().unwrap();
    assert!(!svg.contains("<script") && !svg.contains("\" onload") && !svg.contains(['\u{1b}', '\u{202e}']), "{svg}");
    let dot = map.to_dot();
    let line = dot.lines().find(|line| line.contains("script")).unwrap();
    assert!(line.contains("\\\" onload=\\\"x\\\\u{1b}") && line.ends_with("\\\\\"];"), "{line}");
    assert!(!dot.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn a_service_may_ask_itself() {
    let tables = shop(&[permit("a")], &[(3, 1, Some("orders.get"), vec![0], vec![], vec![3])]);
    let svg = ServiceMap::of(&tables).to_svg().unwrap();
    assert!(svg.contains("reaches itself:</text>") && svg.contains(">1 route</text>"), "{svg}");
}

#[test]
fn nothing_is_a_picture_too_and_too_much_is_none() {
    let mut tables = shop(&[], &[]);
    tables.services.clear();
    assert!(ServiceMap::of(&tables).to_svg().unwrap().contains("<svg"));
    let node = |number: usize| Node {
        name: format!("s{number}"),
        kind: NodeKind::Service,
        owner: "t".into(),
        about: vec![],
        state: State::Same,
    };
    let edge = Edge {
        from: 0,
        to: 0,
        port: "p".into(),
        listens: "tcp/1".into(),
        layer: Layer::L4,
        state: State::Same,
        routes: 0,
        conditional: 0,
        gained: 0,
        lost: 0,
    };
    let edges = (0..10_000).map(|number| Edge { from: number % 1_000, to: (number * 7 + 1) % 1_000, ..edge.clone() });
    let map = ServiceMap {
        environment: "demo".into(),
        compares: false,
        nodes: (0..1_000).map(node).collect(),
        edges: edges.filter(|edge| edge.from != edge.to).collect(),
    };
    assert!(map.to_svg().unwrap_err().to_string().contains("--dot"));
}
