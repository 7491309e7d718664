//! The operators' socket: stage, activate, status, explain, read.

pub(crate) mod candidate;

use crate::confirmation::{Kept, check, is_needed_by, wire_digest};
use crate::{Active, Call, Context, Duty, Handler, Health, Misuse, Question};
use gate_bundle::{Admission, Admitted, Digest, Store};
use gate_ipc::messages::{AdminReply, AdminRequest, Refused};
use gate_record::Event;
use gate_statements::{BundleDigest, Confirmation, Signed};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::sync::Mutex;

/// Serves operators for one daemon.
pub(crate) struct Administrators<D> {
    context: Context,
    duty: Rc<D>,
    kept: Kept,
    sandbox: String,
    /// One act after the other.
    bundles: Mutex<Bundles>,
}

struct Bundles {
    store: Store,
    staged: Option<Staged>,
    in_force: Option<Digest>,
}

struct Staged {
    bundle: Admitted,
    confirmation: Option<Signed<Confirmation>>,
}

type Reasons = Vec<String>;

impl<D: Duty> Administrators<D> {
    pub(crate) fn new(context: Context, duty: Rc<D>, store: Store, sandbox: String) -> Self {
        let kept = Kept::of(&context);
        let bundles = Mutex::new(Bundles { store, staged: None, in_force: None });
        Self { context, duty, kept, sandbox, bundles }
    }

    /// Puts the stored bundle into force. Its chain was admitted when the store was opened; that its tables follow
    /// from its rules is believed only with gate-authz's kept confirmation.
    pub(crate) async fn restore(&self) {
        let mut bundles = self.bundles.lock().await;
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

    async fn stage(
        &self,
        descriptors: Vec<OwnedFd>,
        confirmation: Option<Signed<Confirmation>>,
    ) -> Result<Result<AdminReply, Reasons>, Misuse> {
        let [descriptor] = <[OwnedFd; 1]>::try_from(descriptors).map_err(|all| Misuse {
            found: format!("stage came with {} descriptors; exactly one, the bundle, is right", all.len()),
        })?;
        let tar = match candidate::read(&descriptor) {
            Ok(tar) => tar,
            Err(reason) => {
                self.record_unread(&reason);
                return Ok(Err(vec![reason]));
            }
        };
        let mut bundles = self.bundles.lock().await;
        bundles.staged = None;
        Ok(self.stage_bytes(&mut bundles, &tar, confirmation).await)
    }

    async fn stage_bytes(
        &self,
        bundles: &mut Bundles,
        tar: &[u8],
        confirmation: Option<Signed<Confirmation>>,
    ) -> Result<AdminReply, Reasons> {
        let bundle = match bundles.store.stage(tar, self.context.unix_s()) {
            Ok(Admission::Admitted(bundle)) => bundle,
            Ok(Admission::AlreadyActive) => match bundles.store.current() {
                Some(current) => current.clone(),
                None => return Err(vec!["no bundle is stored".into()]),
            },
            Err(error) => {
                let reasons = candidate::reasons(&error);
                self.record_refused(tar, reasons.clone());
                return Err(reasons);
            }
        };
        match self.judge(&bundle, confirmation).await {
            Ok(confirmation) => {
                self.record("staged", &bundle, Vec::new());
                let reply = AdminReply::Staged {
                    bundle: wire_digest(bundle.digest()),
                    version: bundle.version(),
                    confirmation: confirmation.clone().filter(|_| !is_needed_by(self.context.role)),
                };
                bundles.staged = Some(Staged { bundle, confirmation });
                Ok(reply)
            }
            Err(reasons) => {
                self.record("refused", &bundle, reasons.clone());
                Err(reasons)
            }
        }
    }

    /// What the store cannot judge: gate-authz's confirmation, and the daemon's own duty.
    async fn judge(
        &self,
        bundle: &Admitted,
        confirmation: Option<Signed<Confirmation>>,
    ) -> Result<Option<Signed<Confirmation>>, Reasons> {
        if is_needed_by(self.context.role) {
            check(&self.context, bundle, confirmation.as_ref()).map_err(|reason| vec![reason])?;
            self.duty.stage(bundle).await?;
            return Ok(confirmation);
        }
        let own = self.duty.stage(bundle).await?;
        // What this role states must hold for itself after a restart, too.
        check(&self.context, bundle, own.as_ref()).map_err(|reason| vec![reason])?;
        Ok(own)
    }

    async fn activate(&self, wanted: BundleDigest) -> Result<AdminReply, Reasons> {
        let mut bundles = self.bundles.lock().await;
        let staged = bundles.staged.take_if(|staged| wire_digest(staged.bundle.digest()) == wanted);
        let Some(Staged { bundle, confirmation }) = staged else {
            let there = bundles.staged.as_ref().map_or("none is".to_owned(), |s| format!("{} is", s.bundle.digest()));
            return Err(vec![format!("bundle {wanted} is not staged, {there}; load it again")]);
        };
        match self.put_into_force(&mut bundles, &bundle, confirmation.as_ref()).await {
            Ok(()) => {
                self.now_in_force(&mut bundles, &bundle);
                self.kept.forget_others(bundle.digest());
                self.record("activated", &bundle, Vec::new());
                Ok(AdminReply::Activated { version: bundle.version() })
            }
            Err(reasons) => {
                self.record("refused", &bundle, reasons.clone());
                Err(reasons)
            }
        }
    }

    /// On the disk first: what is in force must still be after a crash.
    async fn put_into_force(
        &self,
        bundles: &mut Bundles,
        bundle: &Admitted,
        confirmation: Option<&Signed<Confirmation>>,
    ) -> Result<(), Reasons> {
        let digest = bundle.digest();
        if let Some(confirmation) = confirmation {
            let stored = self.kept.store(digest, confirmation);
            stored.map_err(|error| vec![format!("the confirmation cannot be kept: {error}")])?;
        }
        if bundles.store.current().map(Admitted::digest) != Some(digest) {
            let activated = bundles.store.activate(digest, self.context.unix_s());
            activated.map_err(|error| candidate::reasons(&error))?;
        }
        self.duty.activate(bundle).await
    }

    fn now_in_force(&self, bundles: &mut Bundles, bundle: &Admitted) {
        bundles.in_force = Some(bundle.digest());
        let active = Active { version: bundle.version(), bundle: Some(wire_digest(bundle.digest())) };
        self.context.reporter.set_active(active);
    }

    async fn status(&self) -> AdminReply {
        let bundles = self.bundles.lock().await;
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

    fn record_act(&self, uid: u32, act: String) {
        self.context.reporter.report(Event::Administration { uid, act });
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
        let answer = match request {
            AdminRequest::Stage { confirmation } => {
                self.record_act(peer.uid, "stage a bundle".into());
                self.stage(descriptors, confirmation).await?
            }
            AdminRequest::Activate { bundle } => {
                self.record_act(peer.uid, format!("activate bundle {bundle}"));
                self.activate(bundle).await
            }
            AdminRequest::Status => Ok(self.status().await),
            AdminRequest::Explain { source, destination, action, port, parameters } => {
                self.record_act(
                    peer.uid,
                    candidate::shortened(format!("explain {source:?} {action:?} {destination:?} {port:?}")),
                );
                let question = Question { source, destination, action, port, parameters };
                self.duty.explain(&question).await.map(|value| AdminReply::Json(value.to_string()))
            }
            AdminRequest::Read { from, count } => {
                self.record_act(peer.uid, format!("read {count} entries from {from} on"));
                self.duty.read(from, count).await
            }
        };
        Ok(answer.unwrap_or_else(|reasons| self.refused(reasons)))
    }
}
