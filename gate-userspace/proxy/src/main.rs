//! gate-proxy

use clap::Parser;
use gate_daemon::{Context, Daemon, DaemonError, Needs};
use gate_host::Role;
use gate_ipc::Client;
use gate_proxy::duty::Proxy;
use gate_proxy::fleet::Fleet;
use gate_proxy::listener::listeners;
use gate_proxy::policy::Policy;
use gate_proxy::registration::{self, Registration};
use std::net::TcpListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use tokio::sync::watch;

/// Serves the requests that the kernel diverts, as gate-authz decides them.
#[derive(Parser)]
#[command(name = "gate-proxy", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, value_name = "FILE", default_value = "/etc/gate/gate.toml")]
    config: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    gate_daemon::run(Role::Proxy, &arguments.config, serve)?;
    Ok(())
}

async fn serve(daemon: Daemon) -> Result<(), DaemonError> {
    let context = daemon.context().clone();
    let port = context.config.proxy().port;
    let listeners = open(&context).map_err(DaemonError::system(format!("listening on port {port}")))?;
    let shown = listeners.first().map(TcpListener::try_clone).transpose();
    let shown = shown.ok().flatten().ok_or_else(|| DaemonError::Duty("there is no listener to register".into()))?;
    let confined = daemon.confine(Needs::default())?;

    let (policy, policies) = watch::channel(Arc::<Policy>::default());
    let mut fleet =
        Fleet::start(&context, listeners, &policies).map_err(DaemonError::system("starting the workers"))?;
    let registration: Rc<Registration> = Rc::default();
    let labels = context.config.labels().clone();
    let duty = Rc::new(Proxy::new(policy, fleet.counters(), Rc::clone(&registration), port, labels));
    let mut serving = confined.begin(duty).await?;

    let net = Client::to_role(&context.config, Role::Net, registration::DEADLINE);
    tokio::select! {
        () = serving.until_stopped() => {}
        () = registration.keep(&net, &shown) => {}
        () = fleet.until_one_ends() => {
            serving.stop().await?;
            return Err(DaemonError::Duty("a worker has ended; the process ends with it".into()));
        }
    }
    drop(shown);
    fleet.stop().await;
    serving.stop().await
}

fn open(context: &Context) -> std::io::Result<Vec<TcpListener>> {
    let workers = match context.config.proxy().workers {
        0 => thread::available_parallelism()?.get(),
        workers => workers.into(),
    };
    listeners(context.config.proxy().port, workers)
}
