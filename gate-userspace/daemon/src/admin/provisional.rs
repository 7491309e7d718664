//! Bundles that go back by themselves, unless an operator confirms them.

use super::{Administrators, Bundles, Reasons, candidate};
use crate::Duty;
use crate::confirmation::check;
use gate_bundle::{Admitted, Digest, StoreError, Uptime, WentBack};
use gate_ipc::messages::AdminReply;
use gate_statements::BundleDigest;
use serde_json::{Value, json};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Timers stand still while the host sleeps, and the deadline does not: it is looked at this often.
const LOOK: Duration = Duration::from_secs(1);

impl<D: Duty> Administrators<D> {
    /// Goes back whenever it is time, for as long as the process lives.
    pub(crate) async fn keep_deadlines(self: Rc<Self>) {
        loop {
            let wait = {
                let bundles = self.settled_bundles().await;
                let until = bundles.store.provisional_until().map(|until| until.ns);
                let now = self.context.clock.boottime_ns();
                until
                    .map(|until| Duration::from_nanos(until.saturating_sub(now)).min(LOOK))
                    .or(bundles.stuck.then_some(LOOK))
            };
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => self.deadline.notified().await,
            }
        }
    }

    /// The bundles, once what is over went back.
    pub(super) async fn settled_bundles(&self) -> MutexGuard<'_, Bundles> {
        let mut bundles = self.bundles.lock().await;
        if let Some(gone) = bundles.store.go_back(&self.clock()) {
            bundles.staged = None;
            bundles.stuck = true;
            self.record_expired(&gone, "nobody confirmed it in time");
        }
        if bundles.stuck {
            self.put_back(&mut bundles).await;
        }
        bundles
    }

    /// The bundle was in force here with gate-authz's word. Where it cannot be now, that is tried again and again.
    async fn put_back(&self, bundles: &mut Bundles) {
        let Some(bundle) = bundles.store.current().cloned() else { return };
        match self.duty.activate(&bundle).await {
            Ok(()) => {
                bundles.stuck = false;
                self.now_in_force(bundles, &bundle);
                self.record("restored", &bundle, Vec::new());
            }
            Err(reasons) => {
                if bundles.in_force.take().is_some() {
                    self.record("refused", &bundle, reasons);
                }
            }
        }
    }

    pub(super) fn activate_until(&self, bundles: &mut Bundles, digest: Digest, until: u64) -> Result<(), StoreError> {
        let until = Uptime { boot: self.boot.clone(), ns: until };
        let activated = bundles.store.activate_until(digest, self.context.unix_s(), &self.clock(), until).map(|_| ());
        self.deadline.notify_one();
        activated
    }

    /// Whether the bundle in force could be put into force again.
    pub(super) fn way_back(&self, bundles: &Bundles) -> Result<(), Reasons> {
        let Some(current) = bundles.store.current() else { return Ok(()) };
        let kept = self.kept.load(current.digest());
        check(&self.context, current, kept.as_ref())
            .map_err(|reason| vec![format!("a provisional bundle could not go back to the one in force: {reason}")])
    }

    pub(super) async fn confirm(&self, wanted: BundleDigest) -> Result<AdminReply, Reasons> {
        let mut bundles = self.settled_bundles().await;
        let confirmed = bundles.store.confirm(Digest::from_bytes(wanted.0), &self.clock());
        match confirmed.cloned() {
            Ok(bundle) => {
                self.kept.forget_others(&bundles.store.within_reach());
                self.record("confirmed", &bundle, Vec::new());
                Ok(AdminReply::Activated { version: bundle.version() })
            }
            Err(error) => {
                let reasons = candidate::reasons(&error);
                self.record_current("refused", &bundles, reasons.clone());
                Err(reasons)
            }
        }
    }

    pub(super) async fn abandon(&self, wanted: BundleDigest) -> Result<AdminReply, Reasons> {
        let mut bundles = self.settled_bundles().await;
        match bundles.store.abandon(Digest::from_bytes(wanted.0)) {
            Ok(gone) => {
                bundles.stuck = true;
                self.record_expired(&gone, "an operator abandoned it");
                self.put_back(&mut bundles).await;
                Ok(AdminReply::Activated { version: bundles.store.current().map_or(0, Admitted::version) })
            }
            Err(error) => {
                let reasons = candidate::reasons(&error);
                self.record_current("refused", &bundles, reasons.clone());
                Err(reasons)
            }
        }
    }

    /// For `gatectl status`.
    pub(super) fn provisional(&self, bundles: &Bundles) -> Value {
        let (until, back) = (bundles.store.provisional_until(), bundles.store.goes_back_to());
        match (until, back) {
            (Some(until), Some(back)) => json!({
                "until_boottime_ns": until.ns,
                "seconds": until.ns.saturating_sub(self.context.clock.boottime_ns()) / 1_000_000_000,
                "goes_back_to": back.digest().to_string(),
                "goes_back_to_version": back.version(),
            }),
            _ => Value::Null,
        }
    }

    /// About the bundle in force: a request that changed nothing.
    pub(super) fn record_current(&self, step: &str, bundles: &Bundles, reasons: Reasons) {
        match bundles.store.current() {
            Some(bundle) => self.record(step, bundle, reasons),
            None => self.record_unread(&reasons.join("; ")),
        }
    }

    pub(super) fn record_expired(&self, gone: &WentBack, why: &str) {
        let mut reasons = vec![why.to_owned()];
        reasons.extend(gone.kept.as_ref().err().map(|error| format!("the disk does not say so yet: {error}")));
        self.record("expired", &gone.bundle, reasons);
    }
}
