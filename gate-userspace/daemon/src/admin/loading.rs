//! Staging and activation: bundles, and statements that go back to the one before.

use super::{Administrators, Bundles, Reasons, Staged, candidate};
use crate::confirmation::{check, is_needed_by, wire_digest};
use crate::{Duty, Misuse};
use gate_bundle::{Admission, Admitted};
use gate_ipc::messages::AdminReply;
use gate_statements::{BundleDigest, Confirmation, Signed};
use std::os::fd::OwnedFd;

impl<D: Duty> Administrators<D> {
    pub(super) async fn stage(
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
        let mut bundles = self.settled_bundles().await;
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
                bundles.staged = Some(Staged { bundle, confirmation, back_by: None });
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

    /// A statement that goes back names a bundle that was in force here before: it was judged then, and gate-authz's
    /// word of that time is kept.
    pub(super) async fn stage_revert(&self, statement: &[u8]) -> Result<AdminReply, Reasons> {
        let mut bundles = self.settled_bundles().await;
        bundles.staged = None;
        let staged = bundles.store.stage_revert(statement, self.context.unix_s());
        let (bundle, by) = match staged.map(|(bundle, by)| (bundle.clone(), by.clone())) {
            Ok(staged) => staged,
            Err(error) => {
                let reasons = candidate::reasons(&error);
                self.record_current("refused", &bundles, reasons.clone());
                return Err(reasons);
            }
        };
        let confirmation = self.kept.load(bundle.digest());
        let mut ready = check(&self.context, &bundle, confirmation.as_ref()).map_err(|reason| vec![reason]);
        // gate-authz would compare it with what follows the bundle in force; it compiles it when it goes back.
        if ready.is_ok() && is_needed_by(self.context.role) {
            ready = self.duty.stage(&bundle).await.map(|_| ());
        }
        if let Err(reasons) = ready {
            self.record("refused", &bundle, reasons.clone());
            return Err(reasons);
        }
        self.record("staged", &bundle, vec![format!("{} goes back to it, with key {}", by.person, by.fingerprint)]);
        let reply =
            AdminReply::Staged { bundle: wire_digest(bundle.digest()), version: bundle.version(), confirmation: None };
        bundles.staged = Some(Staged { bundle, confirmation, back_by: Some(by) });
        Ok(reply)
    }

    /// `until`: provisionally, in nanoseconds after the boot.
    pub(super) async fn activate(&self, wanted: BundleDigest, until: Option<u64>) -> Result<AdminReply, Reasons> {
        let mut bundles = self.settled_bundles().await;
        let staged = bundles.staged.take_if(|staged| wire_digest(staged.bundle.digest()) == wanted);
        let Some(staged) = staged else {
            let there = bundles.staged.as_ref().map_or("none is".to_owned(), |s| format!("{} is", s.bundle.digest()));
            return Err(vec![format!("bundle {wanted} is not staged, {there}; load it again")]);
        };
        let before = bundles.store.current().map(|before| (before.digest(), before.version()));
        if let Err(reasons) = self.put_into_force(&mut bundles, &staged, until).await {
            self.record("refused", &staged.bundle, reasons.clone());
            return Err(reasons);
        }
        let Staged { bundle, back_by, .. } = staged;
        self.now_in_force(&mut bundles, &bundle);
        self.kept.forget_others(&bundles.store.within_reach());
        match (back_by, before, until) {
            (Some(by), Some((digest, version)), _) => {
                let told = format!("{} went back from bundle {digest} (version {version})", by.person);
                self.record("reverted", &bundle, vec![told]);
            }
            (_, _, Some(_)) => self.record("provisional", &bundle, Vec::new()),
            _ => self.record("activated", &bundle, Vec::new()),
        }
        Ok(AdminReply::Activated { version: bundle.version() })
    }

    /// On the disk first: what is in force must still be after a crash.
    async fn put_into_force(&self, bundles: &mut Bundles, staged: &Staged, until: Option<u64>) -> Result<(), Reasons> {
        let Staged { bundle, confirmation, back_by } = staged;
        let digest = bundle.digest();
        if let Some(confirmation) = confirmation {
            let stored = self.kept.store(digest, confirmation);
            stored.map_err(|error| vec![format!("the confirmation cannot be kept: {error}")])?;
        }
        let is_new = bundles.store.current().map(Admitted::digest) != Some(digest);
        let activated = match until {
            Some(_) if back_by.is_some() => return Err(vec!["going back is not provisional".into()]),
            Some(_) if !is_new => {
                return Err(vec![format!("bundle {digest} is in force already, and not provisionally")]);
            }
            Some(until) => {
                self.way_back(bundles)?;
                self.activate_until(bundles, digest, until)
            }
            None if is_new => bundles.store.activate(digest, self.context.unix_s()).map(|_| ()),
            None => Ok(()),
        };
        activated.map_err(|error| candidate::reasons(&error))?;
        self.duty.activate(bundle).await
    }
}
