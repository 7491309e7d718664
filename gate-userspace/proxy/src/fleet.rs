//! The workers' threads.

use crate::counters::Counters;
use crate::limits;
use crate::policy::Policy;
use crate::serve::serve;
use crate::upstream::KernelDial;
use crate::worker::{Parts, Worker};
use gate_daemon::Context;
use gate_host::Role;
use gate_ipc::Client;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;

/// The workers of this process.
pub struct Fleet {
    stop: watch::Sender<bool>,
    counters: Vec<Arc<Counters>>,
    ended: Vec<oneshot::Receiver<()>>,
}

impl Fleet {
    /// Starts one thread for each listener. To be called when the sandbox holds, so that it holds for them.
    ///
    /// # Errors
    /// Those of starting a thread or a runtime, and of `getrandom(2)`.
    pub fn start(
        context: &Context,
        listeners: Vec<TcpListener>,
        policy: &watch::Receiver<Arc<Policy>>,
    ) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut fleet = Self { stop, counters: Vec::new(), ended: Vec::new() };
        for (index, listener) in listeners.into_iter().enumerate() {
            let counters: Arc<Counters> = Arc::default();
            let (ending, ended) = oneshot::channel();
            let start = Start {
                context: context.clone(),
                listener,
                policy: policy.clone(),
                counters: Arc::clone(&counters),
                seed: getrandom::u64()?,
                stopped: stopped.clone(),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                LocalSet::new().block_on(&runtime, start.run());
                // Nobody waits when the process ends anyway.
                let _ = ending.send(());
            })?;
            fleet.counters.push(counters);
            fleet.ended.push(ended);
        }
        Ok(fleet)
    }

    /// What each worker has done.
    #[must_use]
    pub fn counters(&self) -> Vec<Arc<Counters>> {
        self.counters.clone()
    }

    /// Returns when a worker has ended although nobody asked it to: the process cannot go on as it was started.
    pub async fn until_one_ends(&mut self) {
        std::future::poll_fn(|cx| {
            let ended = |worker: &mut oneshot::Receiver<()>| {
                std::future::Future::poll(std::pin::Pin::new(worker), cx).is_ready()
            };
            if self.ended.iter_mut().any(ended) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// Accepts nothing more and waits for the requests that run.
    pub async fn stop(self) {
        // Fails when all workers have ended.
        let _ = self.stop.send(true);
        let all = async {
            for ended in self.ended {
                let _ = ended.await;
            }
        };
        let _ = tokio::time::timeout(limits::DRAIN * 2, all).await;
    }
}

/// What a worker's thread is given.
struct Start {
    context: Context,
    listener: TcpListener,
    policy: watch::Receiver<Arc<Policy>>,
    counters: Arc<Counters>,
    seed: u64,
    stopped: watch::Receiver<bool>,
}

impl Start {
    async fn run(self) {
        let config = &self.context.config;
        let worker = Worker::new(Parts {
            policy: self.policy,
            authn: Client::to_role(config, Role::Authn, limits::ASK),
            authz: Client::to_role(config, Role::Authz, limits::ASK),
            net: Client::to_role(config, Role::Net, limits::ASK),
            dial: Box::new(KernelDial),
            record: Rc::new(self.context.reporter.local()),
            clock: self.context.clock.clone(),
            counters: self.counters,
            seed: self.seed,
        });
        // A listener that cannot be registered with the runtime ends the worker, which ends the process.
        if let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) {
            serve(worker, listener, self.stopped).await;
        }
    }
}
