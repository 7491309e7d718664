//! What Gate costs: measurements that compare, within one interleaved run, a host with Gate and the same without.
//!
//! [`l4`] is the price of a connection, [`decisions`] that of a decision, [`l7`] that of a proxied request. What each
//! figure means, and how to read it, is in `docs/performance.md`.

mod ask;
mod cpu;
mod decisions;
mod echo;
mod figures;
mod l4;
mod l7;
mod machine;
mod many;
mod nginx;
mod partner;
mod profile;
mod turns;
mod wrk;

#[cfg(test)]
mod tests;

pub use ask::ask;
pub use echo::echo;
pub use partner::{accept, connect};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum What {
    /// The price of a connection between two services.
    L4,
    /// The price of a decision and of a proxied request.
    L7,
    /// Both.
    #[default]
    All,
}

/// How much is done. Loads are bounded by these numbers, whatever the machine does.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Rounds; in each, every side has its turn.
    pub rounds: usize,
    /// Connections of one turn. Within the 2,048 events per second and source that the kernel emits, so that each
    /// connection is one that is recorded.
    pub connections: usize,
    /// Seconds of requests of one turn.
    pub seconds: u64,
    /// Questions of one turn.
    pub questions: usize,
}

/// Measures, and prints tables as it goes. The raw values of every round are in what it returns.
///
/// # Errors
/// What kept it from measuring. A goal that was missed is no error.
pub fn run(what: What, extent: Extent) -> anyhow::Result<Value> {
    let machine = machine::describe();
    machine::warn(&machine);
    let mut found = Map::from_iter([("machine".to_owned(), machine)]);
    found.insert(
        "extent".into(),
        json!({ "rounds": extent.rounds, "connections": extent.connections, "seconds": extent.seconds,
                "questions": extent.questions }),
    );
    if what != What::L7 {
        found.insert("connection".into(), l4::measure(extent)?);
    }
    if what != What::L4 {
        found.insert("decision_from_cache".into(), decisions::measure(extent)?);
        let (asked, requests) = l7::measure(extent)?;
        found.insert("decision_of_authz".into(), asked);
        found.insert("request".into(), requests);
    }
    Ok(found.into())
}
