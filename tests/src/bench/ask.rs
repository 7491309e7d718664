//! The price of a decision that gate-authz makes: questions over its real socket, asked as gate-proxy asks them, by a
//! process in gate-proxy's place.

use super::{
    Extent,
    figures::{Series, against_goal, percentile, table},
};
use crate::{Host, ORDERS_PORT, Output};
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
/// Questions in one frame, and whether a grant is wanted.
const KINDS: [(&str, usize, bool); 3] =
    [("one question", 1, false), ("one question, with a grant", 1, true), ("32 questions in a frame", 32, false)];

/// Measures on this host, where the shop's policy is in force.
///
/// # Errors
/// What kept it from measuring.
pub fn measure(host: &Host, extent: Extent) -> anyhow::Result<Value> {
    let file = host.path("question.json");
    let request = AuthzRequest { version: host.bundle()?.manifest().version(), questions: vec![question(host)?] };
    fs::write(&file, serde_json::to_vec(&request)?)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    let program = host.installed("gate-bench")?.display().to_string();
    let socket = host.path("run/authz.sock").display().to_string();
    let mut rounds = KINDS.map(|_| [Series::default(), Series::default(), Series::default()]);
    for _ in 0..extent.rounds {
        for ((_, batch, grant), series) in KINDS.iter().zip(&mut rounds) {
            let words = [
                "ask".to_owned(),
                socket.clone(),
                file.display().to_string(),
                (extent.questions / batch).max(1).to_string(),
                batch.to_string(),
                grant.to_string(),
            ];
            let asked = Output::of(&mut host.stand(Role::Proxy).command(program.clone(), &words)?)?;
            anyhow::ensure!(asked.succeeded(), "asking gate-authz: {}", asked.text());
            let found: [f64; 3] = serde_json::from_str(&asked.out)?;
            series.iter_mut().zip(found).for_each(|(series, micros)| series.push(micros));
        }
    }
    Ok(report(&rounds))
}

fn report(rounds: &[[Series; 3]]) -> Value {
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for ((name, batch, grant), [p50, p90, p99]) in KINDS.iter().zip(rounds) {
        let middle = match (batch, grant) {
            (1, false) => against_goal(p50.median(), GOAL),
            _ => format!("{:.1}", p50.median()),
        };
        rows.push(vec![
            (*name).into(),
            middle,
            format!("{:.1}", p90.median()),
            format!("{:.1}", p99.median()),
            format!("{:.1}", p50.median() / *batch as f64),
        ]);
        found.push(json!({ "kind": name, "batch": batch, "grant": grant,
                           "p50_us": p50.json(), "p90_us": p90.json(), "p99_us": p99.json() }));
    }
    let head = ["", "p50, µs", "p90", "p99", "p50 per question"];
    table("A decision asked of gate-authz, there and back", &head, &rows);
    json!({ "goal_p50_us": GOAL, "kinds": found })
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
        let authz: Client<AuthzRequest, AuthzReply> = Client::new(socket, None, DEADLINE);
        // A tenth more, not counted: the connection, gate-authz's memory of the assertion.
        let mut times = Vec::with_capacity(frames + frames / 10 + 1);
        for _ in 0..times.capacity() {
            let began = Instant::now();
            let reply = authz.call(&request, &[]).await?;
            times.push(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
            match reply {
                AuthzReply::Decided(answers) if answers.iter().all(|answer| answer.outcome == Outcome::Allow) => {}
                other => anyhow::bail!("gate-authz answered {other:?}"),
            }
        }
        Ok(times.split_off(frames / 10 + 1))
    })?;
    times.sort_unstable();
    println!("{}", json!([50, 90, 99].map(|percent| percentile(&times, percent) as f64 / 1_000.0)));
    Ok(())
}
