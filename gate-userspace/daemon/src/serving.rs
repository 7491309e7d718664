//! A confined daemon at work: signs of life, the operators' socket, an orderly stop.

use crate::admin::Administrators;
use crate::daemon::Stop;
use crate::queue::Reports;
use crate::{Context, DaemonError, Duty, Handler, Limits, Socket, courier, serve};
use gate_bundle::Store;
use gate_host::Role;
use gate_record::Event;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;

const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long the last report may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// A daemon in its sandbox that does not serve yet.
pub struct Confined {
    pub(crate) context: Context,
    pub(crate) store: Store,
    /// Which boot this is.
    pub(crate) boot: String,
    pub(crate) reports: Option<Reports>,
    pub(crate) admin: Socket,
    pub(crate) stop: Stop,
    pub(crate) sandbox: String,
}

/// A daemon that serves.
pub struct Serving {
    context: Context,
    stop: Stop,
    tasks: Vec<JoinHandle<()>>,
}

impl Confined {
    /// What every part of the daemon may know.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The reports of this daemon itself. gate-audit takes them and writes them down; for all others
    /// [`Confined::begin`] has them carried to it.
    pub fn take_reports(&mut self) -> Option<Reports> {
        self.reports.take()
    }

    /// Reports the start, puts the bundle that was in force before into force again, and serves operators.
    ///
    /// A stored bundle that cannot be put into force is recorded, and the daemon goes on without one: it denies until
    /// an operator loads one.
    ///
    /// # Errors
    /// [`DaemonError::Duty`] when gate-audit has not taken its reports.
    pub async fn begin<D: Duty>(self, duty: Rc<D>) -> Result<Serving, DaemonError> {
        let Self { context, store, boot, reports, admin, stop, sandbox } = self;
        let mut tasks = Vec::new();
        match reports {
            Some(_) if context.role == Role::Audit => {
                return Err(DaemonError::Duty("gate-audit has to take its own reports".into()));
            }
            Some(reports) => {
                let carry = courier::carry(reports, courier::audit_of(&context.config));
                tasks.push(tokio::task::spawn_local(carry));
            }
            None => {}
        }
        let binary = context.binary.clone();
        let labels = context.config.labels().clone();
        context.reporter.report(Event::Start { binary, sandbox: sandbox.clone(), object: None, labels });
        let administrators = Rc::new(Administrators::new(context.clone(), duty, store, boot, sandbox));
        administrators.restore().await;
        tasks.push(tokio::task::spawn_local(Rc::clone(&administrators).keep_deadlines()));
        let admin = serve(admin, administrators, context.reporter.clone(), Limits::OPERATORS);
        tasks.push(tokio::task::spawn_local(admin));
        tasks.push(tokio::task::spawn_local(beat(context.clone())));
        Ok(Serving { context, stop, tasks })
    }
}

async fn beat(context: Context) {
    let mut interval = tokio::time::interval(HEARTBEAT);
    loop {
        interval.tick().await;
        context.reporter.report(Event::Heartbeat {});
    }
}

impl Serving {
    /// What every part of the daemon may know.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Serves a socket beside everything else, until [`Serving::stop`].
    pub fn spawn<H: Handler>(&mut self, socket: Socket, handler: Rc<H>, limits: Limits) {
        let task = serve(socket, handler, self.context.reporter.clone(), limits);
        self.tasks.push(tokio::task::spawn_local(task));
    }

    /// Returns when somebody asks the daemon to stop (SIGTERM, SIGINT).
    pub async fn until_stopped(&mut self) {
        tokio::select! {
            _ = self.stop.terminate.recv() => {}
            _ = self.stop.interrupt.recv() => {}
        }
    }

    /// Reports the stop and waits until everything that was reported is recorded, for two seconds at most.
    ///
    /// # Errors
    /// None so far; callers return it.
    pub async fn stop(self) -> Result<(), DaemonError> {
        // Whoever reads the log sees a missing stop as what it is.
        let _ = tokio::time::timeout(FAREWELL, self.context.reporter.durable(Event::Stop {})).await;
        self.tasks.iter().for_each(JoinHandle::abort);
        Ok(())
    }
}
