//! The price of a decision that gate-proxy has already: its own code, in this process.

use super::{
    Extent,
    figures::{Series, against_goal, table},
    turns,
};
use anyhow::{Context as _, anyhow};
use gate_host::Clock;
use gate_ipc::messages::Answer;
use gate_policy::{PolicySource, compile};
use gate_proxy::{
    decisions::Decisions,
    grants::{Grants, State},
    head::{self, Head},
    limits,
    policy::Policy,
};
use gate_record::Outcome;
use gate_statements::{DecisionId, SessionId};
use gate_tables::{ServiceId, Tables};
use serde_json::{Value, json};
use std::{hint::black_box, rc::Rc, time::Instant};

/// The goal, in nanoseconds.
const GOAL: f64 = 1_000.0;
/// What a client asks for.
const HEAD: &[u8] = b"GET /orders/1 HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n";
/// Where.
const PORT: u16 = crate::ORDERS_PORT;

/// Sessions of each side: a few clients, and as many as the cache can hold at least (half of its capacity).
const SESSIONS: [usize; 2] = [32, limits::DECISIONS / 2 - 1];

/// What gate-proxy has when a request comes.
struct Known {
    policy: Policy,
    decisions: Decisions,
    grants: Rc<Grants>,
    pair: (ServiceId, ServiceId),
    action: u32,
    sessions: Vec<SessionId>,
    clock: Clock,
}

/// Measures.
///
/// # Errors
/// When the shop's policy is not as it was.
pub fn measure(extent: Extent) -> anyhow::Result<Value> {
    let head = head::parse(HEAD).map_err(|refusal| anyhow!("{}", refusal.why))?;
    let mut sides = SESSIONS.into_iter().map(Known::new).collect::<anyhow::Result<Vec<_>>>()?;
    let mut look_ups = [(); SESSIONS.len()].map(|()| Series::default());
    let mut ways = look_ups.clone();
    for round in 0..extent.rounds {
        for index in turns::order(round, SESSIONS.len()) {
            let (Some(side), Some(look_up), Some(way)) =
                (sides.get_mut(index), look_ups.get_mut(index), ways.get_mut(index))
            else {
                continue;
            };
            look_up.push(each(&side.sessions.clone(), |session| side.look_up(session))?);
            way.push(each(&side.sessions.clone(), |session| side.decide(session, &head))?);
        }
    }
    Ok(report(&look_ups, &ways))
}

impl Known {
    fn new(sessions: usize) -> anyhow::Result<Self> {
        let tables = shop()?;
        let id = |name: &str| tables.service_named(name).map(|service| service.id).context("no such service");
        let pair = (id("web")?, id("orders")?);
        let policy = Policy::new(1, &tables).map_err(|why| anyhow!(why))?;
        let clock = Clock::system();
        let grants: Rc<Grants> = Rc::default();
        match grants.state(pair, clock.unix_ms()) {
            State::Yours(claim) => claim.granted(u64::MAX),
            other => anyhow::bail!("a grant before the first: {other:?}"),
        }
        let action = route(&policy, &head::parse(HEAD).map_err(|refusal| anyhow!("{}", refusal.why))?)?;
        let sessions: Vec<_> = (0..sessions as u64).map(session).collect();
        let mut decisions = Decisions::new(limits::DECISIONS);
        for session in &sessions {
            decisions.remember(*session, action, &allowed(), clock.unix_ms());
        }
        Ok(Self { policy, decisions, grants, pair, action, sessions, clock })
    }

    /// The cache alone.
    fn look_up(&mut self, session: SessionId) -> bool {
        self.decisions.find(session, self.action, 1).is_some_and(|decision| decision.allowed)
    }

    /// What a request goes through when nobody has to be asked: its port, its route, the time, decision and grant.
    fn decide(&mut self, session: SessionId, head: &Head) -> bool {
        let Ok(action) = route(&self.policy, head) else { return false };
        let now_ms = self.clock.unix_ms();
        let Some(decision) = self.decisions.find(session, action, now_ms) else { return false };
        decision.allowed && matches!(self.grants.state(self.pair, now_ms), State::Live)
    }
}

fn route(policy: &Policy, head: &Head) -> anyhow::Result<u32> {
    let port = policy.port(PORT).context("orders has no L7 port")?;
    Ok(port.route(&head.method, head.target.path(), &head.host)?.number)
}

/// Nanoseconds for each, all of which must be allowed. Once to warm up, then long enough to be counted.
fn each(sessions: &[SessionId], mut allowed: impl FnMut(SessionId) -> bool) -> anyhow::Result<f64> {
    const ENOUGH: usize = 200_000;
    let mut wrong = sessions.iter().filter(|session| !allowed(**session)).count();
    let began = Instant::now();
    for session in sessions.iter().cycle().take(ENOUGH) {
        wrong += usize::from(!allowed(black_box(*session)));
    }
    let took = began.elapsed();
    anyhow::ensure!(wrong == 0, "{wrong} of the decisions were not in the cache, or no allow");
    Ok(took.as_nanos() as f64 / ENOUGH as f64)
}

fn allowed() -> Answer {
    Answer {
        decision: DecisionId([7; 16]),
        outcome: Outcome::Allow,
        why: String::new(),
        cacheable: true,
        expires_ms: u64::MAX,
        grant: None,
    }
}

/// Numbers without a pattern that a hash could like.
fn session(number: u64) -> SessionId {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SessionId((u128::from(mixed) << 64 | u128::from(!mixed.rotate_left(17))).to_be_bytes())
}

fn shop() -> anyhow::Result<Tables> {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/shop");
    let source = PolicySource::from_dir(&directory).and_then(|source| compile(&source, None));
    Ok(source.map_err(|found| anyhow!("{} errors in {}", found.len(), directory.display()))?.tables)
}

fn report(look_ups: &[Series], ways: &[Series]) -> Value {
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for ((sessions, look_up), way) in SESSIONS.iter().zip(look_ups).zip(ways) {
        rows.push(vec![sessions.to_string(), format!("{:.0}", look_up.median()), against_goal(way.median(), GOAL)]);
        found.push(json!({ "sessions": sessions, "look_up_ns": look_up.json(), "decision_ns": way.json() }));
    }
    let head = ["sessions", "look-up, ns", "port, route, clock, decision and grant, ns"];
    table("A decision from gate-proxy's cache", &head, &rows);
    json!({ "goal_ns": GOAL, "sides": found })
}
