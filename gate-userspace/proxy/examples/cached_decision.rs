//! How long a decision from the cache takes: reading the head strictly, finding the route, the decision and the grant.
//! The goal is 1 µs for the decision itself (route, decision, grant).
//!
//! ```sh
//! cargo run --release -p gate-proxy --example cached_decision
//! ```

use gate_ipc::messages::Answer;
use gate_proxy::decisions::Decisions;
use gate_proxy::grants::{Grants, State};
use gate_proxy::head;
use gate_proxy::policy::Policy;
use gate_record::Outcome;
use gate_statements::{DecisionId, SessionId};
use gate_tables::{FORMAT, PathPattern, Port, PortId, Protocol, Route, Service, ServiceId, Tables, Transport};
use std::error::Error;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

const ROUTES: usize = 100;
const SESSIONS: u64 = 1_000;
const ROUNDS: u32 = 1_000_000;
const HEAD: &[u8] =
    b"GET /orders57/4711 HTTP/1.1\r\nHost: orders:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let policy = Policy::new(1, &tables()?)?;
    let port = policy.port(8080).ok_or("no port")?;
    let read = head::parse(HEAD)?;
    let action = port.route(&read.method, read.target.path(), &read.host)?.number;
    let mut decisions = Decisions::new(65_536);
    (0..SESSIONS).for_each(|number| decisions.remember(session(number), action, &answer(), 0));
    let grants = Rc::new(Grants::default());
    let pair = (ServiceId(1), ServiceId(7));
    if let State::Yours(claim) = grants.state(pair, 0) {
        claim.granted(u64::MAX);
    }

    let found = |number: u32| session(u64::from(number) % SESSIONS);
    print("strict reading of a head", measure(|_| drop(black_box(head::parse(black_box(HEAD))))));
    print(
        "route, one of 100",
        measure(|_| drop(black_box(port.route(&read.method, black_box(read.target.path()), &read.host)))),
    );
    print("decision, one of 1,000 sessions", measure(|n| drop(black_box(decisions.find(found(n), action, 1)))));
    print("grant", measure(|_| drop(black_box(grants.state(pair, 1)))));
    let all = measure(|number| {
        let matched = port.route(&read.method, black_box(read.target.path()), &read.host);
        if let Ok(matched) = &matched {
            drop(black_box(decisions.find(found(number), matched.number, 1)));
        }
        drop(black_box(grants.state(pair, 1)));
    });
    print("route, decision and grant together", all);
    Ok(())
}

/// The fastest of five runs, for one round.
fn measure(mut round: impl FnMut(u32)) -> Duration {
    let mut run = || {
        let start = Instant::now();
        (0..ROUNDS).for_each(&mut round);
        start.elapsed() / ROUNDS
    };
    (0..5).map(|_| run()).min().unwrap_or_default()
}

fn print(what: &str, time: Duration) {
    println!("{:>6} ns  {what}", time.as_nanos());
}

fn session(number: u64) -> SessionId {
    let mut id = [0; 16];
    let (low, _) = id.split_at_mut(8);
    low.copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    SessionId(id)
}

fn answer() -> Answer {
    Answer {
        decision: DecisionId([1; 16]),
        outcome: Outcome::Allow,
        why: String::new(),
        cacheable: true,
        expires_ms: u64::MAX,
        grant: None,
    }
}

fn tables() -> Result<Tables, Box<dyn Error>> {
    let route = |number: usize| -> Result<Route, Box<dyn Error>> {
        let path = PathPattern::parse(&format!("/orders{number}/{{id:int}}"))?;
        Ok(Route { action: format!("orders.get{number}"), method: "GET".into(), path, ..Route::default() })
    };
    let port = Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number: 8080,
        protocol: Protocol::Http,
        routes: (0..ROUTES).map(route).collect::<Result<_, _>>()?,
        ..Port::default()
    };
    let orders = Service {
        id: ServiceId(7),
        name: "orders".into(),
        owner: "team-orders".into(),
        cgroup: "orders.service".into(),
        observe: false,
        ports: vec![port],
        ..Service::default()
    };
    Ok(Tables {
        format: FORMAT,
        environment: "bench".into(),
        services: vec![orders],
        retired: std::collections::BTreeMap::default(),
        reach: vec![],
        access: vec![],
        rules: vec![],
        ..Tables::default()
    })
}
