//! gate-net

use clap::Parser;
use gate_daemon::{Daemon, DaemonError, Limits, Needs};
use gate_host::Role;
use gate_net::{Maps, Service};
use std::path::PathBuf;
use std::rc::Rc;

/// Fills and flips the kernel's tables, admits grants, reports what the kernel judged.
#[derive(Parser)]
#[command(name = "gate-net", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml")]
    config: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    gate_daemon::run(Role::Net, &arguments.config, serve)?;
    Ok(())
}

async fn serve(daemon: Daemon) -> Result<(), DaemonError> {
    let failed = |error: &dyn std::fmt::Display| DaemonError::Duty(error.to_string());
    let maps = Maps::open(&daemon.context().config.bpffs_dir()).map_err(|error| failed(&error))?;
    let service = Rc::new(Service::new(daemon.context().clone(), maps).map_err(|error| failed(&error))?);
    let socket = daemon.listen(&[Role::Proxy])?;
    let confined = daemon.confine(Needs::default())?;
    let mut serving = confined.begin(Rc::clone(&service)).await?;
    let watching = Rc::clone(&service).watch().map_err(|error| failed(&error))?;
    serving.spawn(socket, service, Limits::default());
    serving.until_stopped().await;
    watching.iter().for_each(tokio::task::JoinHandle::abort);
    serving.stop().await
}
