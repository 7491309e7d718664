//! What every daemon of Gate does the same way: configuration, keys, bundles, reports, the administrators' socket,
//! the sandbox, and an orderly start and stop. What differs is its [`Duty`].
//!
//! ```ignore
//! gate_daemon::run(Role::Authz, &arguments.config, |mut daemon| async move {
//!     let duty = Rc::new(Authz::new(daemon.context(), daemon.take_key()));
//!     let socket = daemon.listen(&[Role::Proxy])?;          // <run_dir>/authz.sock
//!     let confined = daemon.confine(Needs::default())?;     // from here on nothing else can be opened
//!     let mut serving = confined.begin(Rc::clone(&duty)).await?; // restores the bundle in force, serves operators
//!     serving.spawn(socket, duty, Limits::default());       // duty implements Handler, too
//!     serving.until_stopped().await;                        // SIGTERM, SIGINT
//!     serving.stop().await
//! })
//! ```

mod admin;
mod confine;
mod confirmation;
mod context;
mod courier;
mod daemon;
mod duty;
mod error;
mod in_order;
mod local;
mod queue;
mod reporter;
mod serve;
mod serving;

pub use confine::Needs;
pub use context::Context;
pub use courier::AHEAD;
pub use daemon::{Daemon, init_key, run};
pub use duty::{Duty, Question};
pub use error::DaemonError;
pub use gate_bundle::Admitted;
pub use local::LocalReporter;
pub use queue::{Batch, Reports};
pub use reporter::{Active, Health, NotRecorded, Reporter};
pub use serve::{Call, Handler, Limits, Misuse, Socket, serve};
pub use serving::{Confined, Serving};

#[cfg(test)]
mod tests;
