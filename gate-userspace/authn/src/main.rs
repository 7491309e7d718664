//! gate-authn

use clap::{Parser, Subcommand};
use gate_authn::{Authn, Service};
use gate_daemon::{Daemon, DaemonError, Limits, Needs};
use gate_host::{Role, system_random};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// States who is at the other end of a connection, as the kernel attests it.
#[derive(Parser)]
#[command(name = "gate-authn", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes this role's key where there is none, and prints the public half for root to enrol as `authn.pub`.
    InitKey,
}

/// How often suppressed refusals are summed up in the record.
const SUM_UP: Duration = Duration::from_secs(10);

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::InitKey) => println!("{}", gate_daemon::init_key(Role::Authn, &arguments.config)?),
        None => gate_daemon::run(Role::Authn, &arguments.config, serve)?,
    }
    Ok(())
}

async fn serve(mut daemon: Daemon) -> Result<(), DaemonError> {
    let key = daemon.take_key().ok_or_else(|| DaemonError::Duty("gate-authn has no key to sign with".into()))?;
    let environment = daemon.context().config.environment().to_owned();
    let authn = Authn::new(key.signing_key().clone(), environment);
    let service = Rc::new(Service::new(daemon.context().clone(), authn, system_random));
    let socket = daemon.listen(&[Role::Proxy])?;
    let confined = daemon.confine(Needs::default())?;
    let mut serving = confined.begin(Rc::clone(&service)).await?;
    serving.spawn(socket, Rc::clone(&service), Limits::default());
    let mut interval = tokio::time::interval(SUM_UP);
    let sum_up = async {
        loop {
            interval.tick().await;
            service.sum_up();
        }
    };
    tokio::select! {
        () = serving.until_stopped() => {}
        () = sum_up => {}
    }
    service.sum_up();
    serving.stop().await
}
