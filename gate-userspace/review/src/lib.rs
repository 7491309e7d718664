//! Policies as people read them: what changes between two, who may do what, and the map of services.
//!
//! Everything is computed from [`gate_tables::Tables`] alone: no Cedar, no files. What is shown is a [`Page`], written
//! for a terminal or as Markdown, or a [`ServiceMap`], written as DOT or SVG. Texts of a policy reach a page only as
//! names and quotes, which every form escapes: a rule's reason is never read as Gate's own word.

mod diff;
mod graph;
mod near;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "clippy knows functions marked as tests alone")]
mod outside;
mod page;
mod rules;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "clippy knows functions marked as tests alone")]
mod testing;
mod who;

pub use diff::{
    Cause, Counts, Declared, Diff, Group, Kind, Notice, Part, Role, RuleChange, RuleEvent, Side, Target, diff,
};
pub use graph::{Edge, Layer, MapTooLarge, Node, NodeKind, ServiceMap, State};
pub use near::did_you_mean;
pub use page::{Block, Item, Line, Page, plain};
pub use rules::RuleView;
pub use who::{Grant, Question, Unknown, describe_grants, what_can, who_can};
