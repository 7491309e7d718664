//! The map as DOT, the language of Graphviz.

use super::{Layer, ServiceMap, State};
use crate::page::plain;

impl ServiceMap {
    /// As DOT; ends in a newline.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text =
            "digraph gate {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n  edge \
                        [fontname=\"sans-serif\", fontsize=10];\n"
                .to_owned();
        for (number, node) in self.nodes.iter().enumerate() {
            let below: String = node.below().iter().map(|line| format!("\\n{}", quoted(line))).collect();
            let label = format!("{}{}{below}", node.state.mark(), quoted(&node.name));
            let shape = if node.kind.is_outside() { ", shape=ellipse, peripheries=2" } else { "" };
            text.push_str(&format!("  n{number} [label=\"{label}\"{}];\n", style(node.state, shape)));
        }
        for edge in &self.edges {
            let label: Vec<String> = edge.label().iter().map(|line| quoted(line)).collect();
            let head = match edge.layer {
                Layer::L4 => ", arrowhead=vee",
                Layer::L7 => ", arrowhead=normal, penwidth=2",
            };
            let (from, to, style) = (edge.from, edge.to, style(edge.state, head));
            text.push_str(&format!("  n{from} -> n{to} [label=\"{}\"{style}];\n", label.join("\\n")));
        }
        text + "}\n"
    }
}

fn style(state: State, other: &str) -> String {
    let own = match state {
        State::Same => "",
        State::New => ", color=\"#1a7f37\", fontcolor=\"#1a7f37\"",
        State::Gone => ", color=\"#cf222e\", fontcolor=\"#cf222e\", style=dashed",
        State::Changed => ", color=\"#9a6700\", fontcolor=\"#9a6700\", style=dotted",
    };
    format!("{own}{other}")
}

/// The inside of a quoted string.
fn quoted(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}
