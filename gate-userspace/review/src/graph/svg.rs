//! The map as SVG, without any program but this one.

use super::layout::{Input, Layout, Placed, layout};
use super::{Edge, Layer, MapTooLarge, Node, NodeKind, ServiceMap, State};
use crate::page::plain;
use std::fmt::Write as _;

/// Of one character of the labels, which are monospaced so that this is known without the font.
const CHARACTER: f64 = 7.0;
const LINE: f64 = 15.0;
const MARGIN: f64 = 20.0;

/// Both of a light and of a dark page; without a style sheet the light one.
const STYLE: &str = "\
svg{color-scheme:light dark;--page:#fff;--ink:#1f2328;--soft:#59636e;--box:#f6f8fa;--new:#1a7f37;--gone:#cf222e;--changed:#9a6700}
@media(prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--soft:#9198a1;--box:#161b22;--new:#3fb950;--gone:#f85149;--changed:#d29922}}
.page{fill:#fff;fill:var(--page)}
text{font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328;fill:var(--ink)}
.name{font-weight:600;font-size:13px}
.soft{fill:#59636e;fill:var(--soft)}
.node{fill:#f6f8fa;fill:var(--box);stroke:#59636e;stroke:var(--soft);stroke-width:1.2}
.host{stroke-dasharray:1 3}
.outside{fill:#fff;fill:var(--page);stroke-width:2}
.way{fill:none;stroke:#59636e;stroke:var(--soft);stroke-width:1.2}
.l7{stroke-width:2.4}
.label{fill:#fff;fill:var(--page);stroke:none}
.head{fill:none;stroke:#59636e;stroke:var(--soft);stroke-width:1.4}
.head.l7{fill:#59636e;fill:var(--soft);stroke-width:1.4}
.new{stroke:#1a7f37;stroke:var(--new)}
.gone{stroke:#cf222e;stroke:var(--gone);stroke-dasharray:7 4}
.changed{stroke:#9a6700;stroke:var(--changed);stroke-dasharray:2 3}
text.new{fill:#1a7f37;fill:var(--new);stroke:none}
text.gone{fill:#cf222e;fill:var(--gone);stroke:none}
text.changed{fill:#9a6700;fill:var(--changed);stroke:none}
.head.new.l7{fill:#1a7f37;fill:var(--new)}
.head.gone.l7{fill:#cf222e;fill:var(--gone)}
.head.changed.l7{fill:#9a6700;fill:var(--changed)}
.head{stroke-dasharray:none}
";

impl ServiceMap {
    /// As SVG; ends in a newline. The same map is the same bytes.
    ///
    /// # Errors
    /// When it is too much for one picture.
    pub fn to_svg(&self) -> Result<String, MapTooLarge> {
        let (input, shown) = self.input();
        let too_large = MapTooLarge { services: self.nodes.len(), edges: self.edges.len() };
        let placed = layout(&input).ok_or(too_large)?;
        let alone = self.alone(&placed);
        Ok(self.draw(&placed, &shown, &alone))
    }

    /// What is placed, and which nodes and edges that is: not those without neighbours.
    fn input(&self) -> (Input, Shown) {
        let joined = |node: &usize| self.edges.iter().any(|edge| edge.is_between(*node));
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(joined).collect();
        let edges: Vec<usize> =
            (0..self.edges.len()).filter(|n| !self.edges.get(*n).is_none_or(Edge::is_own)).collect();
        let place = |node: usize| nodes.iter().position(|other| *other == node).unwrap_or_default();
        let input = Input {
            nodes: nodes.iter().map(|node| self.size(*node)).collect(),
            edges: edges
                .iter()
                .filter_map(|n| self.edges.get(*n))
                .map(|edge| (place(edge.from), place(edge.to), label_size(&edge.label())))
                .collect(),
        };
        (input, Shown { nodes, edges })
    }

    /// Wide enough for its lines, and high enough for its edges.
    fn size(&self, node: usize) -> (f64, f64) {
        let lines = self.lines(node);
        let width = lines.iter().map(|(text, _)| width_of(text)).fold(0.0, f64::max);
        let side =
            |end: fn(&Edge) -> usize| self.edges.iter().filter(|edge| !edge.is_own() && end(edge) == node).count();
        let ends = side(|edge| edge.from).max(side(|edge| edge.to));
        let height = (lines.len() as f64 * LINE + 16.0).max(ends as f64 * 9.0 + 12.0);
        (width * 1.08 + 24.0, height)
    }

    /// The lines of a node: its name, its owner, and what it may ask of itself.
    fn lines(&self, node: usize) -> Vec<(String, &'static str)> {
        let Some(found) = self.nodes.get(node) else { return Vec::new() };
        let mut lines = vec![(format!("{}{}", found.state.mark(), found.name), "name")];
        if found.kind != NodeKind::Service && found.kind != NodeKind::World {
            lines.push((found.kind.words().to_owned(), "soft"));
        }
        lines.extend(found.below().into_iter().map(|line| (line, "soft")));
        for edge in self.edges.iter().filter(|edge| edge.is_own() && edge.from == node) {
            lines.push(("reaches itself:".to_owned(), "soft"));
            lines.extend(edge.label().into_iter().map(|line| (line, state_class(edge.state))));
        }
        lines
    }

    /// Nodes without neighbours, in rows below the rest.
    fn alone(&self, placed: &Layout) -> Vec<(usize, Placed)> {
        let joined = |node: usize| self.edges.iter().any(|edge| edge.is_between(node));
        let limit = placed.width.max(640.0);
        let (mut x, mut y, mut highest) = (0.0, placed.height + if placed.height > 0.0 { 34.0 } else { 0.0 }, 0.0f64);
        let mut alone = Vec::new();
        for node in (0..self.nodes.len()).filter(|node| !joined(*node)) {
            let (width, height) = self.size(node);
            if x > 0.0 && x + width > limit {
                (x, y, highest) = (0.0, y + highest + 18.0, 0.0);
            }
            alone.push((node, Placed { x: x + width / 2.0, y: y + height / 2.0, width, height }));
            x += width + 18.0;
            highest = highest.max(height);
        }
        alone
    }

    fn draw(&self, placed: &Layout, shown: &Shown, alone: &[(usize, Placed)]) -> String {
        let boxes = || placed.nodes.iter().chain(alone.iter().map(|(_, placed)| placed));
        let right = |placed: &Placed| placed.x + placed.width / 2.0;
        let bottom = |placed: &Placed| placed.y + placed.height / 2.0;
        let legend = self.legend();
        let legend_width = legend.iter().map(|(_, text)| width_of(text) + 46.0).fold(0.0, f64::max);
        let width = boxes().map(right).fold(placed.width, f64::max).max(legend_width) + 2.0 * MARGIN;
        let drawn = boxes().map(bottom).fold(placed.height, f64::max);
        let height = drawn + 2.0 * MARGIN + 16.0 + legend.len() as f64 * 18.0;
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} \
             {height:.0}\" role=\"img\">\n<title>Services of {}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"page\" width=\"100%\" height=\"100%\"/>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n",
            escaped(&self.environment)
        );
        let edges = || shown.edges.iter().filter_map(|number| self.edges.get(*number));
        for (edge, way) in edges().zip(&placed.ways) {
            draw_way(edge, way, &mut text);
        }
        for (edge, label) in edges().zip(&placed.labels) {
            draw_label(edge, label, &mut text);
        }
        let nodes = shown.nodes.iter().copied().zip(placed.nodes.iter());
        for (node, placed) in nodes.chain(alone.iter().map(|(node, placed)| (*node, placed))) {
            self.draw_node(node, placed, &mut text);
        }
        for (line, (class, words)) in legend.iter().enumerate() {
            let y = drawn + 26.0 + line as f64 * 18.0;
            let _ = writeln!(
                text,
                "<path class=\"way {class}\" d=\"M0 {y:.1}H34\"/><text class=\"soft\" x=\"42\" y=\"{:.1}\">{words}</text>",
                y + 4.0
            );
        }
        text + "</g>\n</svg>\n"
    }

    fn legend(&self) -> Vec<(&'static str, &'static str)> {
        let mut legend = vec![
            ("l7", "L7: through gate-proxy, request by request (filled head)"),
            ("l4", "L4: straight, judged by the kernel (open head)"),
        ];
        if self.compares {
            legend.extend([
                ("new", "+ gained"),
                ("gone", "- lost"),
                ("changed", "~ more, less or other requests than before"),
            ]);
        }
        legend
    }

    fn draw_node(&self, node: usize, placed: &Placed, text: &mut String) {
        let Some(Node { kind, state, .. }) = self.nodes.get(node) else { return };
        let class = match kind {
            NodeKind::Service => "node",
            NodeKind::Host => "node host",
            NodeKind::Network | NodeKind::World => "node outside",
        };
        let Placed { x, y, width, height } = placed;
        let _ = writeln!(
            text,
            "<rect class=\"{class}{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{:.1}\"/>",
            space(state_class(*state)),
            x - width / 2.0,
            y - height / 2.0,
            if kind.is_outside() { (height / 2.0).min(26.0) } else { 7.0 }
        );
        let lines = self.lines(node);
        let first = y - (lines.len() as f64 - 1.0) * LINE / 2.0 + 4.0;
        for (number, (line, class)) in lines.iter().enumerate() {
            let state = if *class == "name" { space(state_class(*state)) } else { String::new() };
            let _ = writeln!(
                text,
                "<text class=\"{class}{state}\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                first + number as f64 * LINE,
                escaped(line)
            );
        }
    }
}

/// Which nodes and edges a layout has, by their numbers.
struct Shown {
    nodes: Vec<usize>,
    edges: Vec<usize>,
}

impl Edge {
    fn is_own(&self) -> bool {
        self.from == self.to
    }

    fn is_between(&self, node: usize) -> bool {
        !self.is_own() && (self.from == node || self.to == node)
    }

    fn class(&self) -> String {
        let layer = match self.layer {
            Layer::L4 => "l4",
            Layer::L7 => "l7",
        };
        format!("{layer}{}", space(state_class(self.state)))
    }
}

const fn state_class(state: State) -> &'static str {
    match state {
        State::Same => "",
        State::New => "new",
        State::Gone => "gone",
        State::Changed => "changed",
    }
}

fn space(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" {class}") }
}

fn label_size(lines: &[String]) -> (f64, f64) {
    let width = lines.iter().map(|line| width_of(line)).fold(0.0, f64::max);
    (width + 12.0, lines.len() as f64 * LINE + 4.0)
}

fn width_of(text: &str) -> f64 {
    plain(text).chars().count() as f64 * CHARACTER
}

/// Straight through the places that the layout kept free, and curves between them.
fn draw_way(edge: &Edge, way: &[(f64, f64)], text: &mut String) {
    let Some(((x, y), rest)) = way.split_first() else { return };
    let mut path = format!("M{x:.1} {y:.1}");
    let (mut from, mut curve) = ((*x, *y), false);
    for (x, y) in rest {
        if curve {
            let middle = (from.0 + x) / 2.0;
            let _ = write!(path, "C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}", from.1);
        } else {
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
        from = (*x, *y);
        curve = !curve;
    }
    let class = edge.class();
    let _ = writeln!(text, "<path class=\"way {class}\" d=\"{path}\"/>");
    let back = match way {
        [.., (before, _), (last, _)] if before > last => 9.0,
        _ => -9.0,
    };
    let (x, y) = from;
    let close = if edge.layer == Layer::L7 { "Z" } else { "" };
    let _ = writeln!(
        text,
        "<path class=\"head {class}\" d=\"M{:.1} {:.1}L{x:.1} {y:.1}L{:.1} {:.1}{close}\"/>",
        x + back,
        y - 4.5,
        x + back,
        y + 4.5
    );
}

fn draw_label(edge: &Edge, label: &Placed, text: &mut String) {
    let Placed { x, y, width, height } = label;
    let (left, top) = (x - width / 2.0, y - height / 2.0);
    let _ = writeln!(
        text,
        "<rect class=\"label\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
    let lines = edge.label();
    let first = y - (lines.len() as f64 - 1.0) * LINE / 2.0 + 4.0;
    for (number, line) in lines.iter().enumerate() {
        let class = match (number, state_class(edge.state)) {
            (0, "") => String::new(),
            (_, "") => " class=\"soft\"".to_owned(),
            (_, state) => format!(" class=\"{state}\""),
        };
        let _ = writeln!(
            text,
            "<text{class} text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            first + number as f64 * LINE,
            escaped(line)
        );
    }
}

/// For the text of an element and for attributes.
fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
