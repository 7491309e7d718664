//! gate-authz

use clap::{Parser, Subcommand};
use gate_authz::Service;
use gate_daemon::{Daemon, DaemonError, Limits, Needs};
use gate_host::{Role, system_random};
use std::path::PathBuf;
use std::rc::Rc;

/// Decides requests by the rules of the bundle in force.
#[derive(Parser)]
#[command(name = "gate-authz", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes this role's key where there is none, and prints the public half for root to enrol as `authz.pub`.
    InitKey,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::InitKey) => println!("{}", gate_daemon::init_key(Role::Authz, &arguments.config)?),
        None => gate_daemon::run(Role::Authz, &arguments.config, serve)?,
    }
    Ok(())
}

async fn serve(mut daemon: Daemon) -> Result<(), DaemonError> {
    let key = daemon.take_key().ok_or_else(|| DaemonError::Duty("gate-authz has no key to sign with".into()))?;
    let service = Rc::new(Service::new(daemon.context().clone(), key.signing_key().clone(), system_random));
    let socket = daemon.listen(&[Role::Proxy])?;
    let confined = daemon.confine(Needs::default())?;
    let mut serving = confined.begin(Rc::clone(&service)).await?;
    serving.spawn(socket, service, Limits::default());
    serving.until_stopped().await;
    serving.stop().await
}
