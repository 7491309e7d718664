//! The operators' socket: stage, activate, confirm, status, explain, read.

pub(crate) mod candidate;
mod loading;
mod provisional;

use crate::confirmation::{Kept, check, wire_digest};
use crate::{Active, Call, Context, Duty, Handler, Health, Misuse, Question};
use gate_bundle::{Admitted, Digest, Signer, Store, Uptime};
use gate_ipc::messages::{AdminReply, AdminRequest, Refused};
use gate_record::Event;
use gate_statements::{Confirmation, Signed};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::sync::{Mutex, Notify};

/// Serves operators for one daemon.
pub(crate) struct Administrators<D> {
    context: Context,
    duty: Rc<D>,
    kept: Kept,
    sandbox: String,
    /// Which boot this is.
    boot: String,
    /// One act after the other.
    bundles: Mutex<Bundles>,
    /// There is a deadline that was not there before.
    deadline: Notify,
}

struct Bundles {
    store: Store,
    staged: Option<Staged>,
    in_force: Option<Digest>,
    /// A bundle's time was over and the one before it could not be put into force; told once.
    stuck: bool,
}

struct Staged {
    bundle: Admitted,
    confirmation: Option<Signed<Confirmation>>,
    /// Everything goes back to it, by this operator's word.
    back_by: Option<Signer>,
}

pub(crate) type Reasons = Vec<String>;

impl<D: Duty> Administrators<D> {
    pub(crate) fn new(context: Context, duty: Rc<D>, store: Store, boot: String, sandbox: String) -> Self {
        let kept = Kept::of(&context);
        let bundles = Mutex::new(Bundles { store, staged: None, in_force: None, stuck: false });
        Self { context, duty, kept, sandbox, boot, bundles, deadline: Notify::new() }
    }

    /// Puts the stored bundle into force. Its chain was admitted when the store was opened; that its tables follow
    /// from its rules is believed only with gate-authz's kept confirmation.
    pub(crate) async fn restore(&self) {
        let mut bundles = self.bundles.lock().await;
        if let Some(gone) = bundles.store.went_back() {
            self.record_expired(gone, "nobody confirmed it in time");
        }
        let Some(bundle) = bundles.store.current().cloned() else {
            return;
        };
        let confirmation = self.kept.load(bundle.digest());
        let restored = match check(&self.context, &bundle, confirmation.as_ref()) {
            Ok(()) => self.duty.activate(&bundle).await,
            Err(reason) => Err(vec![reason]),
        };
        match restored {
            Ok(()) => {
                self.now_in_force(&mut bundles, &bundle);
                self.record("restored", &bundle, Vec::new());
            }
            Err(reasons) => self.record("refused", &bundle, reasons),
        }
    }

    fn now_in_force(&self, bundles: &mut Bundles, bundle: &Admitted) {
        bundles.in_force = Some(bundle.digest());
        let active = Active { version: bundle.version(), bundle: Some(wire_digest(bundle.digest())) };
        self.context.reporter.set_active(active);
    }

    async fn status(&self) -> AdminReply {
        let bundles = self.settled_bundles().await;
        let active = self.context.reporter.active();
        let stored = bundles.store.current().map(|bundle| bundle.digest().to_string());
        let quorum = bundles.store.current().map(|bundle| bundle.signers().quorum.to_string());
        let health = match self.context.reporter.health() {
            Health::Recording => json!({"state": "recording"}),
            Health::Spooling { waiting, why } => json!({"state": "spooling", "waiting": waiting, "why": why}),
            Health::Full { lost } => json!({"state": "full", "lost": lost}),
        };
        let status = json!({
            "role": self.context.role.name(),
            "host": self.context.config.host(),
            "environment": self.context.config.environment(),
            "binary": self.context.binary,
            "version": active.version,
            "bundle": bundles.in_force.map(|digest| digest.to_string()),
            "stored": stored,
            "quorum": quorum,
            "predecessor": bundles.store.predecessor().map(|before| before.digest().to_string()),
            "provisional": self.provisional(&bundles),
            "used_up": bundles.store.used_up(),
            "staged": bundles.staged.as_ref().map(|staged| staged.bundle.digest().to_string()),
            "record": health,
            "sandbox": self.sandbox,
            "duty": self.duty.status(),
        });
        AdminReply::Json(status.to_string())
    }

    fn refused(&self, reasons: Reasons) -> AdminReply {
        AdminReply::Refused(Refused { by: self.context.name(), reasons })
    }

    fn record(&self, step: &str, bundle: &Admitted, reasons: Reasons) {
        let signers = bundle.signers();
        self.context.reporter.report(Event::Bundle {
            step: step.into(),
            candidate: bundle.digest().to_string(),
            candidate_version: bundle.version(),
            quorum: Some(signers.quorum.to_string()),
            author: signers.author.as_ref().map(|signer| signer.person.clone()),
            approvers: signers.approvers.iter().map(|signer| signer.person.clone()).collect(),
            reasons: candidate::bounded(reasons),
        });
    }

    /// A bundle that was not admitted: its name and version are what it claims, its signers are nobody's word.
    fn record_refused(&self, tar: &[u8], reasons: Reasons) {
        let (candidate, candidate_version) = candidate::claims(tar);
        self.context.reporter.report(Event::Bundle {
            step: "refused".into(),
            candidate,
            candidate_version,
            quorum: None,
            author: None,
            approvers: Vec::new(),
            reasons: candidate::bounded(reasons),
        });
    }

    fn record_unread(&self, reason: &str) {
        self.record_refused(&[], vec![reason.to_owned()]);
    }

    fn clock(&self) -> Uptime {
        Uptime { boot: self.boot.clone(), ns: self.context.clock.boottime_ns() }
    }

    fn record_act(&self, uid: u32, act: String) {
        self.context.reporter.report(Event::Administration { uid, act });
    }

    /// Answers one request of this user.
    pub(crate) async fn answer(
        &self,
        uid: u32,
        request: AdminRequest,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Result<AdminReply, Reasons>, Misuse> {
        Ok(match request {
            AdminRequest::Stage { confirmation } => {
                self.record_act(uid, "stage a bundle".into());
                self.stage(descriptors, confirmation).await?
            }
            AdminRequest::Activate { bundle } => {
                self.record_act(uid, format!("activate bundle {bundle}"));
                self.activate(bundle, None).await
            }
            AdminRequest::ActivateUntil { bundle, until_boottime_ns } => {
                self.record_act(uid, format!("activate bundle {bundle} until {until_boottime_ns} ns after boot"));
                self.activate(bundle, Some(until_boottime_ns)).await
            }
            AdminRequest::Confirm { bundle } => {
                self.record_act(uid, format!("confirm bundle {bundle}"));
                self.confirm(bundle).await
            }
            AdminRequest::Abandon { bundle } => {
                self.record_act(uid, format!("abandon bundle {bundle}"));
                self.abandon(bundle).await
            }
            AdminRequest::StageRevert { statement } => {
                self.record_act(uid, "stage a statement that goes back".into());
                self.stage_revert(statement.as_bytes()).await
            }
            AdminRequest::Status => Ok(self.status().await),
            AdminRequest::Explain { source, destination, action, port, parameters } => {
                self.record_act(
                    uid,
                    candidate::shortened(format!("explain {source:?} {action:?} {destination:?} {port:?}")),
                );
                let question = Question { source, destination, action, port, parameters };
                self.duty.explain(&question).await.map(|value| AdminReply::Json(value.to_string()))
            }
            AdminRequest::Read { from, count } => {
                self.record_act(uid, format!("read {count} entries from {from} on"));
                self.duty.read(from, count).await
            }
        })
    }
}

impl<D: Duty> Handler for Administrators<D> {
    type Request = AdminRequest;
    type Reply = AdminReply;
    const DESCRIPTORS: usize = 1;

    async fn handle(&self, call: Call<'_, AdminRequest>) -> Result<AdminReply, Misuse> {
        let Call { peer, request, descriptors, .. } = call;
        if !descriptors.is_empty() && !matches!(request, AdminRequest::Stage { .. }) {
            return Err(Misuse { found: "a descriptor beside a request that takes none".into() });
        }
        let answer = self.answer(peer.uid, request, descriptors).await?;
        Ok(answer.unwrap_or_else(|reasons| self.refused(reasons)))
    }
}
