//! The price of a decision that gate-authz makes: questions over its real socket, asked as gate-proxy asks them, by a
//! process in gate-proxy's place; and the same questions asked of an [`Echo`], which answers without thinking.
//!
//! With one question after the other, both processes sleep in turn. On one processor that is a switch; on two, each has
//! to wake a processor that has gone to sleep, which takes many times longer than the decision on some machines. Which of
//! the two happens is up to the scheduler, unless it is said: so it is said, and both are measured.

use super::{
    Extent,
    cpu::{self, Used},
    echo::Echo,
    figures::{Series, against_goal, percentile, table},
};
use crate::{Host, ORDERS_PORT, Output, wait};
use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use gate_host::{Clock, Role};
use gate_ipc::{
    Client,
    messages::{AuthzReply, AuthzRequest, Question},
};
use gate_record::Outcome;
use gate_statements::{Assertion, MAX_ASSERTION_MS, SessionId, Signed};
use gate_tables::Value as Parameter;
use serde_json::{Value, json};
use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

/// The goal for the median, in microseconds.
const GOAL: f64 = 30.0;
/// Longer than any answer takes.
const DEADLINE: Duration = Duration::from_secs(5);
/// The record is written when gate-authz and gate-audit together used less than this in [`LOOK`], which is longer than
/// gate-audit gathers entries for one commit.
const AT_REST: Duration = Duration::from_micros(500);
const LOOK: Duration = Duration::from_millis(150);
/// Questions in one frame, and whether a grant is wanted.
const KINDS: [(&str, usize, bool); 3] =
    [("one question", 1, false), ("one question, with a grant", 1, true), ("32 questions in a frame", 32, false)];

/// Where the asking process runs. Who answers is on the measured processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// There, too.
    Same,
    /// On the others.
    Other,
}

impl Place {
    fn processors(self) -> Vec<usize> {
        match self {
            Self::Same => cpu::measured(),
            Self::Other => cpu::others(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Same => "one processor",
            Self::Other => "two processors",
        }
    }
}

/// What was measured of one kind in one place: p50, p90 and p99 in microseconds.
struct Found {
    kind: (&'static str, usize, bool),
    place: Place,
    authz: [Series; 3],
    echo: [Series; 3],
}

/// Measures on this host, where the shop's policy is in force.
///
/// # Errors
/// What kept it from measuring.
pub fn measure(host: &Host, extent: Extent) -> anyhow::Result<Value> {
    let file = host.path("question.json");
    let request = AuthzRequest { version: host.bundle()?.manifest().version(), questions: vec![question(host)?] };
    fs::write(&file, serde_json::to_vec(&request)?)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    for role in [Role::Net, Role::Proxy, Role::Authn, Role::Audit] {
        cpu::pin(&host.stand(role).cgroup, &cpu::others())?;
    }
    cpu::pin(&host.stand(Role::Authz).cgroup, &cpu::measured())?;
    let (authz, echo) = (host.path("run/authz.sock"), Echo::start(host)?);
    let places: &[Place] = if cpu::count() > 1 { &[Place::Same, Place::Other] } else { &[Place::Same] };
    let new = |kind, place| Found { kind, place, authz: Default::default(), echo: Default::default() };
    let mut all: Vec<Found> = places.iter().flat_map(|place| KINDS.map(|kind| new(kind, *place))).collect();
    for _ in 0..extent.rounds {
        for found in &mut all {
            let frames = (extent.questions / found.kind.1).max(1);
            for (socket, series) in [(echo.socket(), &mut found.echo), (&*authz, &mut found.authz)] {
                let times = ask_there(host, found.place, socket, &file, frames, found.kind)?;
                series.iter_mut().zip(times).for_each(|(series, micros)| series.push(micros));
            }
            written(host)?;
        }
    }
    Ok(report(&all))
}

/// One turn of [`ask`], by a process in gate-proxy's place.
fn ask_there(
    host: &Host,
    place: Place,
    socket: &Path,
    file: &Path,
    frames: usize,
    (_, batch, grant): (&str, usize, bool),
) -> anyhow::Result<[f64; 3]> {
    let words = [
        "-c".to_owned(),
        cpu::list(&place.processors()),
        host.installed("gate-bench")?.display().to_string(),
        "ask".to_owned(),
        socket.display().to_string(),
        file.display().to_string(),
        frames.to_string(),
        batch.to_string(),
        grant.to_string(),
    ];
    let asked = Output::of(&mut host.stand(Role::Proxy).command("taskset".to_owned(), &words)?)?;
    anyhow::ensure!(asked.succeeded(), "asking {}: {}", socket.display(), asked.text());
    Ok(serde_json::from_str(&asked.out)?)
}

/// Waits until the record of the questions is written, so that it is in no other turn.
fn written(host: &Host) -> anyhow::Result<()> {
    let used = || -> anyhow::Result<Duration> {
        let audit = Used::by(&host.stand(Role::Audit).cgroup)?.total();
        Ok(audit + Used::by(&host.stand(Role::Authz).cgroup)?.total())
    };
    let mut last = used()?;
    wait::until("the record to be written", || {
        std::thread::sleep(LOOK);
        let before = std::mem::replace(&mut last, used()?);
        Ok((last.saturating_sub(before) < AT_REST).then_some(()))
    })
}

fn report(all: &[Found]) -> Value {
    let (mut rows, mut json) = (Vec::new(), Vec::new());
    for Found { kind: (name, batch, grant), place, authz, echo } in all {
        let [p50, p90, p99] = authz;
        let [echo_p50, ..] = echo;
        let middle = match (batch, grant) {
            (1, false) => against_goal(p50.median(), GOAL),
            _ => format!("{:.1}", p50.median()),
        };
        let own = p50.less(echo_p50);
        rows.push(vec![
            (*name).into(),
            place.name().into(),
            middle,
            format!("{:.1}", p90.median()),
            format!("{:.1}", p99.median()),
            format!("{:.1}", echo_p50.median()),
            format!("{:.1}", own.median()),
            format!("{:.1}", p50.median() / *batch as f64),
        ]);
        json.push(json!({ "kind": name, "batch": batch, "grant": grant, "place": place.name(),
                          "p50_us": p50.json(), "p90_us": p90.json(), "p99_us": p99.json(),
                          "echo_p50_us": echo_p50.json(), "own_us": own.json() }));
    }
    let head = ["", "on", "p50, µs", "p90", "p99", "echo's p50", "gate-authz's own", "p50 per question"];
    table("A decision asked of gate-authz, there and back", &head, &rows);
    json!({ "goal_p50_us": GOAL, "kinds": json })
}

/// A question of `web`, as attested: this process may read gate-authn's key, and signs in its place.
fn question(host: &Host) -> anyhow::Result<Question> {
    let seed = fs::read(host.path("state/authn/role.key")).context("gate-authn's key")?;
    let key = SigningKey::from_bytes(&seed.as_slice().try_into().context("gate-authn's key is no seed")?);
    let bundle = host.bundle()?;
    let id = |name: &str| bundle.tables().service_named(name).map(|service| service.id).context("no such service");
    let now_ms = Clock::system().unix_ms();
    let assertion = Assertion {
        session: SessionId([7; 16]),
        connection: 1,
        token: [0; 32],
        source: id("web")?,
        source_name: "web".into(),
        uid: 1_000,
        destination: SocketAddr::from(([127, 0, 0, 1], ORDERS_PORT)),
        environment: bundle.tables().environment.clone(),
        version: bundle.manifest().version(),
        issued_ms: now_ms,
        expires_ms: now_ms + MAX_ASSERTION_MS,
    };
    Ok(Question {
        assertion: Signed::sign(&assertion, &key)?,
        destination: id("orders")?,
        action: "orders.getOrder".into(),
        method: "GET".into(),
        path: "/orders/1".into(),
        parameters: vec![("id".into(), Parameter::Int(1))],
        host: "orders".into(),
        headers: vec![],
        query: vec![],
        want_grant: false,
    })
}

/// In gate-proxy's place: asks, one frame after the other, and prints p50, p90 and p99 in microseconds. The file holds a
/// frame with one question, which is asked `batch` times in each.
///
/// # Errors
/// The first question that was not answered with an allow.
pub fn ask(socket: &Path, frame: &Path, frames: usize, batch: usize, grant: bool) -> anyhow::Result<()> {
    let AuthzRequest { version, questions } = serde_json::from_slice(&fs::read(frame)?)?;
    let question = questions.into_iter().next().context("the frame has no question")?;
    let request = AuthzRequest { version, questions: vec![Question { want_grant: grant, ..question }; batch] };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut times = tokio::task::LocalSet::new().block_on(&runtime, async {
        let client: Client<AuthzRequest, AuthzReply> = Client::new(socket, None, DEADLINE);
        // A tenth more, not counted: the connection, gate-authz's memory of the assertion.
        let mut times = Vec::with_capacity(frames + frames / 10 + 1);
        for _ in 0..times.capacity() {
            let began = Instant::now();
            let reply = client.call(&request, &[]).await?;
            times.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
            match reply {
                AuthzReply::Decided(answers) if answers.iter().all(|answer| answer.outcome == Outcome::Allow) => {}
                other => anyhow::bail!("the answer was {other:?}"),
            }
        }
        Ok(times.split_off(frames / 10 + 1))
    })?;
    times.sort_unstable();
    println!("{}", json!([50, 90, 99].map(|percent| percentile(&times, percent) as f64 / 1_000.0)));
    Ok(())
}
