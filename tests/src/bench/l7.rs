//! The price of a proxied request: processor time of all of Gate's processes together, beside nginx as a plain reverse
//! proxy and the way without any proxy. The proxies have one processor, the client and the backend the others.

use super::{
    Extent, ask, cpu,
    cpu::Used,
    figures::{Series, table},
    nginx, profile, turns, wrk,
};
use crate::{Host, ORDERS_PORT, wait};
use gate_host::Role;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

/// A side is at rest when its processes used less than this in [`LOOK`]: the record has been written.
const AT_REST: Duration = Duration::from_millis(1);
const LOOK: Duration = Duration::from_millis(250);

/// Ways to the same backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Gate,
    Nginx,
    Direct,
}

const WAYS: [Way; 3] = [Way::Gate, Way::Nginx, Way::Direct];

/// The host with Gate, and the one where nothing is attached.
struct Hosts {
    gate: Host,
    plain: Host,
}

/// What was measured on one way.
#[derive(Default)]
struct Found {
    /// Microseconds of processor time per request: of the proxy, of each of its processes, of the backend.
    proxy: Series,
    user: Series,
    parts: BTreeMap<String, Series>,
    backend: Series,
    /// Requests per second.
    rate: Series,
    failed: Series,
}

/// Measures: what gate-authz takes, and what a request takes.
///
/// # Errors
/// What kept it from measuring.
pub fn measure(extent: Extent) -> anyhow::Result<(Value, Value)> {
    let mut hosts = Hosts::start()?;
    let asked = ask::measure(&hosts.gate, extent)?;
    hosts.pin()?;
    let mut found: BTreeMap<Way, Found> = WAYS.map(|way| (way, Found::default())).into();
    for way in WAYS {
        hosts.turn(way, 1)?;
    }
    for round in 0..extent.rounds {
        for way in turns::order(round, WAYS.len()).filter_map(|index| WAYS.get(index)) {
            let turn = hosts.turn(*way, extent.seconds)?;
            found.entry(*way).or_default().note(&turn);
        }
    }
    let profile = hosts.profile(extent.seconds.max(2));
    hosts.gate.end();
    hosts.plain.end();
    Ok((asked, report(&found, profile)))
}

/// One turn of one way.
struct Turn {
    load: wrk::Load,
    seconds: u64,
    parts: Vec<(String, Used)>,
    backend: Used,
}

impl Hosts {
    fn start() -> anyhow::Result<Self> {
        let gate = Host::start()?;
        let mut plain = Host::prepare()?;
        plain.start_orders()?;
        plain.wait_for_listener("orders", ORDERS_PORT)?;
        nginx::start(&mut plain)?;
        Ok(Self { gate, plain })
    }

    /// Client and backend here, who is measured there.
    fn pin(&mut self) -> anyhow::Result<()> {
        for way in WAYS {
            for (_, cgroup) in self.parts(way) {
                cpu::pin(&cgroup, &cpu::measured())?;
            }
            cpu::pin(&self.backend(way), &cpu::others())?;
        }
        Ok(())
    }

    fn host(&mut self, way: Way) -> (&mut Host, u16) {
        match way {
            Way::Gate => (&mut self.gate, ORDERS_PORT),
            Way::Nginx => (&mut self.plain, nginx::PORT),
            Way::Direct => (&mut self.plain, ORDERS_PORT),
        }
    }

    /// The cgroups of what stands between client and backend.
    fn parts(&mut self, way: Way) -> Vec<(String, PathBuf)> {
        match way {
            Way::Gate => Role::ALL
                .into_iter()
                .filter(|role| *role != Role::Loader)
                .map(|role| (format!("gate-{role}"), self.gate.stand(role).cgroup))
                .collect(),
            Way::Nginx => vec![("nginx".into(), self.plain.stand_of(nginx::SERVICE).cgroup)],
            Way::Direct => vec![],
        }
    }

    fn backend(&mut self, way: Way) -> PathBuf {
        self.host(way).0.stand_of("orders").cgroup
    }

    fn turn(&mut self, way: Way, seconds: u64) -> anyhow::Result<Turn> {
        let before = self.at_rest(way)?;
        let backend = Used::by(&self.backend(way))?;
        let (host, port) = self.host(way);
        let load = wrk::run(host, port, seconds)?;
        let backend = Used::by(&self.backend(way))?.since(backend);
        // What the requests leave to be done belongs to them: the record.
        let after = self.at_rest(way)?;
        let parts = before.into_iter().zip(after);
        let parts = parts.map(|((name, before), (_, after))| (name, after.since(before))).collect();
        Ok(Turn { load, seconds, parts, backend })
    }

    /// Waits until nothing is done any more, and says what was used until then.
    fn at_rest(&mut self, way: Way) -> anyhow::Result<Vec<(String, Used)>> {
        let mut last = self.used(way)?;
        let mut looked = Instant::now();
        wait::until("the processes to be at rest", || {
            if looked.elapsed() < LOOK {
                return Ok(None);
            }
            let (before, now) = (std::mem::take(&mut last), self.used(way)?);
            looked = Instant::now();
            let used: Duration =
                before.iter().zip(&now).map(|((_, before), (_, now))| now.since(*before).total()).sum();
            last.clone_from(&now);
            Ok((used < AT_REST).then_some(now))
        })
    }

    fn used(&mut self, way: Way) -> anyhow::Result<Vec<(String, Used)>> {
        self.parts(way).into_iter().map(|(name, cgroup)| Ok((name, Used::by(&cgroup)?))).collect()
    }

    /// Where Gate's processor time goes, or why that is not known.
    fn profile(&mut self, seconds: u64) -> Value {
        let cgroups: Vec<PathBuf> = self.parts(Way::Gate).into_iter().map(|(_, cgroup)| cgroup).collect();
        let words = wrk::words(ORDERS_PORT, seconds);
        profile::take(&mut self.gate, &cgroups, &words, seconds).unwrap_or_else(|error| {
            println!("\nno profile: {error:#}");
            json!({ "not_available": format!("{error:#}") })
        })
    }
}

impl Found {
    fn note(&mut self, turn: &Turn) {
        let requests = turn.load.requests.max(1) as f64;
        let each = |used: Duration| used.as_secs_f64() * 1e6 / requests;
        self.proxy.push(each(turn.parts.iter().map(|(_, used)| used.total()).sum()));
        self.user.push(each(turn.parts.iter().map(|(_, used)| used.user).sum()));
        for (name, used) in &turn.parts {
            self.parts.entry(name.clone()).or_default().push(each(used.total()));
        }
        self.backend.push(each(turn.backend.total()));
        self.rate.push(requests / turn.seconds.max(1) as f64);
        self.failed.push(turn.load.failed as f64);
    }

    fn json(&self) -> Value {
        let parts: Map<String, Value> = self.parts.iter().map(|(name, series)| (name.clone(), series.json())).collect();
        json!({
            "proxy_us": self.proxy.json(),
            "proxy_user_us": self.user.json(),
            "processes_us": parts,
            "backend_us": self.backend.json(),
            "requests_per_second": self.rate.json(),
            "failed": self.failed.json(),
        })
    }
}

fn report(found: &BTreeMap<Way, Found>, profile: Value) -> Value {
    let rows = found.iter().map(|(way, found)| {
        let parts = found.parts.iter().map(|(name, series)| format!("{name} {:.1}", series.median()));
        vec![
            format!("{way:?}"),
            format!("{:.1}", found.proxy.median()),
            format!("{:.1}", found.user.median()),
            parts.collect::<Vec<_>>().join(", "),
            format!("{:.1}", found.backend.median()),
            format!("{:.0}", found.rate.median()),
            format!("{:.0}", found.failed.median()),
        ]
    });
    let head = ["way", "proxy, µs per request", "of it in user space", "processes", "backend", "requests/s", "failed"];
    table("Processor time per request (wrk -t1 -c32, keep-alive)", &head, &rows.collect::<Vec<_>>());
    let median = |way| found.get(&way).map_or(0.0, |found| found.proxy.median());
    let (gate, nginx) = (median(Way::Gate), median(Way::Nginx));
    println!("\nGate over nginx: {:.2}", gate / nginx);
    let ways: Map<String, Value> =
        found.iter().map(|(way, found)| (format!("{way:?}").to_lowercase(), found.json())).collect();
    json!({ "ways": ways, "gate_over_nginx": gate / nginx, "profile": profile })
}
