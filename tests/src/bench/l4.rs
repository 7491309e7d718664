//! The price of a connection: connect, accept and close between two services on loopback, with Gate and without.
//!
//! Without Gate means: the same cgroup tree and network namespace, and nothing attached. Each turn begins in a second of
//! its own, so that each connection is within the budget of events and is recorded.

use super::{
    Extent, cpu,
    figures::{Series, against_goal, table},
    many,
    partner::{Cost, Partner},
    turns,
};
use crate::{Host, LEDGER_PORT};
use gate_host::{Clock, Role};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Duration};

/// Connections that the kernel queues before the server accepts them.
const BATCH: usize = 100;
/// Connections to one address.
const SHARE: usize = 2_000;
/// The goal for 1,000 rules.
const GOAL: f64 = 1.15;
/// The rules of each side; `None`: without Gate.
const SIDES: [Option<usize>; 3] = [None, Some(10), Some(1_000)];

/// One host with its two processes and what was measured there, in nanoseconds per connection.
struct Side {
    rules: Option<usize>,
    // Before the host: they run in it.
    client: Partner,
    server: Partner,
    host: Host,
    /// Connections so far.
    made: usize,
    wall: Series,
    processor: Series,
}

/// Measures.
///
/// # Errors
/// What kept it from measuring.
pub fn measure(extent: Extent) -> anyhow::Result<Value> {
    let mut sides = SIDES.into_iter().map(Side::start).collect::<anyhow::Result<Vec<_>>>()?;
    for side in &mut sides {
        // Not counted: first faults, first entries of the kernel's tables.
        side.turn(extent.connections.min(BATCH * 2))?;
    }
    for round in 0..extent.rounds {
        next_second();
        for index in turns::order(round, SIDES.len()) {
            if let Some(side) = sides.get_mut(index) {
                let cost = side.turn(extent.connections)?;
                side.note(cost, extent.connections);
            }
        }
    }
    let found = report(&sides);
    sides.into_iter().for_each(Side::end);
    Ok(found)
}

impl Side {
    fn start(rules: Option<usize>) -> anyhow::Result<Self> {
        let mut host = Host::prepare()?;
        if let Some(rules) = rules {
            host.policy = many::rules(host.policy.clone(), rules);
            host.start_roles(&Role::ALL)?;
            host.load_first()?;
            for role in Role::ALL.into_iter().filter(|role| *role != Role::Loader) {
                cpu::pin(&host.stand(role).cgroup, &cpu::others())?;
            }
        }
        let server = Partner::start(&mut host, "ledger", &["accept", &LEDGER_PORT.to_string()])?;
        let client = Partner::start(&mut host, "web", &["connect"])?;
        Ok(Self { rules, client, server, host, made: 0, wall: Series::default(), processor: Series::default() })
    }

    /// So many connections.
    fn turn(&mut self, connections: usize) -> anyhow::Result<Cost> {
        let mut cost = Cost::default();
        let mut left = connections;
        while left > 0 {
            let batch = left.min(BATCH);
            let to = self.address(batch);
            cost += self.client.tell(&format!("{to} {batch}"))?;
            cost += self.server.tell(&batch.to_string())?;
            left -= batch;
        }
        Ok(cost)
    }

    /// Another address after [`SHARE`] connections, so that what is left in TIME_WAIT is not in the way.
    fn address(&mut self, connections: usize) -> SocketAddr {
        let [.., high, low] = (self.made / SHARE).to_be_bytes();
        self.made += connections;
        SocketAddr::from(([127, 1, high, low], LEDGER_PORT))
    }

    fn note(&mut self, cost: Cost, connections: usize) {
        let each = |nanoseconds: u64| nanoseconds as f64 / connections.max(1) as f64;
        self.wall.push(each(cost.wall));
        self.processor.push(each(cost.processor));
    }

    fn name(&self) -> String {
        self.rules.map_or("without Gate".into(), |rules| format!("Gate, {rules} rules"))
    }

    fn end(self) {
        let Self { client, server, host, .. } = self;
        drop((client, server));
        host.end();
    }
}

fn report(sides: &[Side]) -> Value {
    let Some(without) = sides.iter().find(|side| side.rules.is_none()) else { return Value::Null };
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for side in sides {
        let (wall, processor) = (side.wall.over(&without.wall), side.processor.over(&without.processor));
        let ratio = match side.rules {
            None => "1".into(),
            Some(1_000) => against_goal(wall.median(), GOAL),
            Some(_) => format!("{:.2}", wall.median()),
        };
        rows.push(vec![
            side.name(),
            format!("{:.0}", side.wall.median()),
            ratio,
            format!("{:.0}", side.processor.median()),
            format!("{:.2}", processor.median()),
        ]);
        found.push(json!({
            "rules": side.rules,
            "wall_ns": side.wall.json(),
            "processor_ns": side.processor.json(),
            "wall_ratio": wall.json(),
            "processor_ratio": processor.json(),
        }));
    }
    let head = ["", "ns per connection", "ratio", "processor ns", "ratio"];
    table("connect + accept + close on loopback, one processor", &head, &rows);
    json!({ "goal": GOAL, "sides": found })
}

/// Waits for the beginning of the next second of the clock by which the kernel counts events.
fn next_second() {
    let past = Clock::system().boottime_ns() % 1_000_000_000;
    std::thread::sleep(Duration::from_nanos(1_000_000_000 - past));
}
