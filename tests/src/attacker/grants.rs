//! What a compromised gate-proxy can do with statements that it forges, with the keys that its attacker has.

use super::{Outcome, connect, hold};
use anyhow::Context as _;
use clap::Args;
use ed25519_dalek::SigningKey;
use gate_host::{Clock, HostConfig, Role};
use gate_ipc::{
    Client,
    messages::{NetReply, NetRequest},
    sockopt,
};
use gate_statements::{Assertion, DecisionId, Grant, SessionId, Signed};
use gate_tables::ServiceId;
use serde_json::{Value, json};
use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

/// What is asked for on an open connection when its grant has ended.
pub const AFTER_THE_END: &str = "/orders/666";

const DEADLINE: Duration = Duration::from_secs(10);

/// A forged grant, and a connection with it.
#[derive(Debug, Args)]
pub struct Forgery {
    /// The host's configuration.
    #[arg(long)]
    config: PathBuf,
    /// The backend.
    #[arg(long)]
    to: SocketAddr,
    /// On whose behalf.
    #[arg(long)]
    source: u32,
    /// Whose port it is.
    #[arg(long)]
    destination: u32,
    /// The version that the statements claim.
    #[arg(long)]
    version: u64,
    /// gate-authn's stolen key; without it the assertion is signed by a key of the attacker's own.
    #[arg(long)]
    authn_key: Option<PathBuf>,
    /// gate-authz's stolen key; the same.
    #[arg(long)]
    authz_key: Option<PathBuf>,
    /// How long the grant lives, in milliseconds.
    #[arg(long, default_value_t = 1_500)]
    life: u64,
    /// Presents nothing.
    #[arg(long)]
    no_grant: bool,
    /// Does not say on whose behalf.
    #[arg(long)]
    no_behalf: bool,
    /// Goes on until nothing comes back, and then once more on a new connection.
    #[arg(long)]
    until_it_ends: bool,
}

/// What came of it: `net`, gate-net's answer; `connect`, of the connection; and where asked for `last_byte`, how many
/// milliseconds after the end of the grant the last byte came (negative: before), `answers`, and `afterwards`.
///
/// # Errors
/// When the attack could not be tried.
pub fn try_it(forgery: &Forgery) -> anyhow::Result<Value> {
    let clock = Clock::system();
    let net = if forgery.no_grant { json!(null) } else { present(forgery, clock.unix_ms())? };
    let end = net.get("until_ms").and_then(Value::as_u64).unwrap_or(0);
    let stream = match open(forgery) {
        Ok(stream) => stream,
        Err(outcome) => return Ok(json!({ "net": net, "connect": outcome.to_json() })),
    };
    let first = request(&stream);
    if !forgery.until_it_ends || matches!(first, Outcome::Refused { .. }) {
        return Ok(json!({ "net": net, "connect": first.to_json() }));
    }
    let idle = open(forgery);
    anyhow::ensure!(idle.is_ok(), "a second connection under the grant: {idle:?}");
    let (mut answers, mut last) = (1, clock.unix_ms());
    let ended = loop {
        match request(&stream) {
            Outcome::Worked(_) => (answers, last) = (answers + 1, clock.unix_ms()),
            refused @ Outcome::Refused { .. } => break refused,
        }
    };
    // What is sent now must not even arrive: the step looks for it in the backend's own log. On a connection where
    // nothing is unacknowledged: elsewhere TCP itself would keep it back.
    if let Ok(idle) = &idle {
        let _ = hold::ask(idle, &format!("GET {AFTER_THE_END}"));
    }
    let afterwards = open(forgery).map_or_else(|outcome| outcome, |stream| request(&stream));
    Ok(json!({
        "net": net,
        "connect": first.to_json(),
        "answers": answers,
        "last_byte": i64::try_from(last)? - i64::try_from(end)?,
        "ended": ended.to_json(),
        "afterwards": afterwards.to_json(),
    }))
}

fn present(forgery: &Forgery, now: u64) -> anyhow::Result<Value> {
    let config = HostConfig::load(&forgery.config)?;
    let (assertion, grant) = statements(forgery, config.environment(), now);
    let request = NetRequest::PresentGrant {
        assertion: Signed::sign(&assertion, &key(forgery.authn_key.as_deref(), 1)?)?,
        grant: Signed::sign(&grant, &key(forgery.authz_key.as_deref(), 2)?)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = tokio::task::LocalSet::new().block_on(&runtime, async {
        let net: Client<NetRequest, NetReply> = Client::to_role(&config, Role::Net, DEADLINE);
        net.call(&request, &[]).await
    })?;
    Ok(match reply {
        NetReply::Granted { until_ms } => json!({ "until_ms": until_ms }),
        NetReply::Refused(refused) => json!({ "refused": refused.to_string() }),
        NetReply::Registered => json!({ "unexpected": "registered" }),
    })
}

fn statements(forgery: &Forgery, environment: &str, now: u64) -> (Assertion, Grant) {
    let session = SessionId([7; 16]);
    let (source, destination) = (ServiceId(forgery.source), ServiceId(forgery.destination));
    let assertion = Assertion {
        session,
        connection: 1,
        token: [0; 32],
        source,
        source_name: "web".into(),
        uid: 1,
        destination: forgery.to,
        environment: environment.into(),
        version: forgery.version,
        issued_ms: now,
        expires_ms: now + 60_000,
    };
    let grant = Grant {
        session,
        decision: DecisionId([8; 16]),
        source,
        destination,
        environment: environment.into(),
        version: forgery.version,
        issued_ms: now,
        until_ms: now + forgery.life,
    };
    (assertion, grant)
}

/// The stolen key, or one that nobody enrolled.
fn key(stolen: Option<&Path>, own: u8) -> anyhow::Result<SigningKey> {
    let Some(path) = stolen else { return Ok(SigningKey::from_bytes(&[own; 32])) };
    let seed = fs::read(path).with_context(|| format!("{}", path.display()))?;
    Ok(SigningKey::from_bytes(seed.as_slice().try_into().context("a key is 32 bytes")?))
}

fn open(forgery: &Forgery) -> Result<TcpStream, Outcome> {
    let socket = connect::socket(forgery.to)?;
    if !forgery.no_behalf {
        sockopt::set_behalf(&socket, forgery.source)
            .map_err(|error| Outcome::refused("setsockopt", &error, Duration::ZERO))?;
    }
    connect::connected(socket, forgery.to)
}

fn request(stream: &TcpStream) -> Outcome {
    hold::ask(stream, "GET /orders/1")
}
