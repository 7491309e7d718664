//! gate-proxy's part in what all daemons do: bundles and status.

use crate::counters::{Counters, summary};
use crate::policy::Policy;
use crate::registration::{Registration, State};
use gate_daemon::{Admitted, Duty};
use gate_statements::{Confirmation, Signed};
use gate_tables::Labels;
use serde_json::{Value, json};
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::watch;

/// Hands bundles to the workers.
pub struct Proxy {
    policy: watch::Sender<Arc<Policy>>,
    counters: Vec<Arc<Counters>>,
    registration: Rc<Registration>,
    port: u16,
    labels: Labels,
}

impl Proxy {
    /// For these workers, on a host of these labels.
    #[must_use]
    pub fn new(
        policy: watch::Sender<Arc<Policy>>,
        counters: Vec<Arc<Counters>>,
        registration: Rc<Registration>,
        port: u16,
        labels: Labels,
    ) -> Self {
        Self { policy, counters, registration, port, labels }
    }
}

impl Duty for Proxy {
    async fn stage(&self, candidate: &Admitted) -> Result<Option<Signed<Confirmation>>, Vec<String>> {
        read(candidate, &self.labels)?;
        Ok(None)
    }

    /// From here on each worker looks before each request and finds the new policy.
    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        self.policy.send_replace(Arc::new(read(bundle, &self.labels)?));
        Ok(())
    }

    fn status(&self) -> Value {
        let listener = match self.registration.state() {
            State::Registered => json!({ "port": self.port, "registered": true }),
            State::Unknown => json!({ "port": self.port, "registered": false, "why": "gate-net was not asked yet" }),
            State::Missing(why) => json!({ "port": self.port, "registered": false, "why": why }),
        };
        let policy = self.policy.borrow();
        json!({
            "version": policy.version(),
            "l7_ports": policy.ports(),
            "listener": listener,
            "workers": self.counters.len(),
            "activity": summary(self.counters.iter().map(Arc::as_ref)),
        })
    }
}

fn read(bundle: &Admitted, labels: &Labels) -> Result<Policy, Vec<String>> {
    let tables = bundle.tables().for_host(labels).map_err(|error| vec![error.to_string()])?;
    Policy::new(bundle.version(), &tables).map_err(|why| vec![why])
}
