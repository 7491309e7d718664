//! gate-audit

use clap::{Parser, Subcommand};
use gate_audit::{Budgets, Opener, Service, WINDOW, Writer, origin, replay};
use gate_daemon::{Daemon, DaemonError, Limits, Needs};
use gate_host::Role;
use std::path::PathBuf;
use std::rc::Rc;

/// Keeps the record of what every other process of Gate does.
#[derive(Parser)]
#[command(name = "gate-audit", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes this role's key where there is none, and prints the public half for root to enrol as `audit.pub`.
    InitKey,
}

/// A role reports over one connection; a few more are left for restarts.
const CONNECTIONS: Limits = Limits { connections: 8, idle: None };

const REPORTERS: [Role; 5] = [Role::Loader, Role::Net, Role::Proxy, Role::Authn, Role::Authz];

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::InitKey) => println!("{}", gate_daemon::init_key(Role::Audit, &arguments.config)?),
        None => gate_daemon::run(Role::Audit, &arguments.config, serve)?,
    }
    Ok(())
}

async fn serve(mut daemon: Daemon) -> Result<(), DaemonError> {
    let key = daemon.take_key().ok_or_else(|| DaemonError::Duty("gate-audit has no key to sign with".into()))?;
    let context = daemon.context().clone();
    let directory = context.config.state_dir(Role::Audit).join("log");
    let opener =
        Opener { directory: directory.clone(), origin: origin(&context.config), key: key.signing_key().clone() };
    let socket = daemon.listen(&REPORTERS)?;
    let mut confined = daemon.confine(Needs::default())?;
    let reports = confined.take_reports().ok_or_else(|| DaemonError::Duty("the own reports are taken".into()))?;

    // From here on in the sandbox, the writer's thread too.
    let failed = |what: &str, error: String| DaemonError::Duty(format!("{}: {what}: {error}", directory.display()));
    let reporter = context.reporter.clone();
    let writer = Writer::start(opener, WINDOW, move |event| reporter.report(event));
    let writer = writer.map_err(|e| failed("the log", e.to_string()))?;
    let verifier = writer.state().verifier_key.parse();
    let verifier = verifier.map_err(|e: gate_audit_log::NoteError| failed("the key", e.to_string()))?;
    let known = replay(&directory, &verifier, context.clock.unix_ms()).map_err(|e| failed("the last entries", e))?;
    let service = Rc::new(Service::new(context, writer, directory.clone(), verifier, Budgets::default(), known));

    let own = Rc::clone(&service);
    tokio::task::spawn_local(async move { own.write_own(reports).await });
    let looking = Rc::clone(&service);
    tokio::task::spawn_local(async move { looking.look().await });
    let mut serving = confined.begin(Rc::clone(&service)).await?;
    serving.spawn(socket, service, CONNECTIONS);
    serving.until_stopped().await;
    serving.stop().await
}
