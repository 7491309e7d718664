//! Bundles that are signed and not in force yet.

use super::{Host, Output, Process, built, text};
use crate::{operator::ORDER, policy::Policy};
use gate_bundle::Bundle;
use gate_host::Role;
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_statements::BundleDigest;
use std::{fs, path::PathBuf, process::Command};

/// The next bundle, authored and approved.
pub struct Candidate {
    /// What it says.
    pub policy: Policy,
    /// The bundle.
    pub bundle: Bundle,
    file: PathBuf,
}

impl Candidate {
    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.bundle.manifest().version()
    }

    /// As operators name it.
    #[must_use]
    pub fn digest(&self) -> BundleDigest {
        BundleDigest(*self.bundle.digest().as_bytes())
    }

    fn words(&self, host: &Host) -> Vec<String> {
        ["bundle", "load", &text(&self.file), "--config", &text(&host.config())].map(str::to_owned).to_vec()
    }
}

impl Host {
    /// Makes and signs the bundle after the one in force.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn candidate(&self, policy: Policy) -> anyhow::Result<Candidate> {
        let bundle = policy.signed(&self.people, Some(self.bundle()?))?;
        let file = self.bundle_file(bundle.manifest().version());
        fs::write(&file, bundle.to_tar())?;
        Ok(Candidate { policy, bundle, file })
    }

    /// `gatectl bundle load`, to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn load(&self, candidate: &Candidate) -> anyhow::Result<Output> {
        self.gatectl(&candidate.words(self))
    }

    /// `gatectl bundle load`, under way.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_loading(&self, candidate: &Candidate) -> anyhow::Result<Process> {
        let mut command = Command::new(built("gatectl")?);
        Process::start("gatectl", command.args(candidate.words(self)), &self.path("logs/gatectl.log"))
    }

    /// From here on it is the one in force.
    pub fn has_loaded(&mut self, candidate: Candidate) {
        self.bundle = Some(candidate.bundle);
        self.policy = candidate.policy;
    }

    /// Stages it everywhere, and activates it nowhere.
    ///
    /// # Errors
    /// The first refusal.
    pub fn stage_everywhere(&self, candidate: &Candidate) -> anyhow::Result<()> {
        let (tar, mut confirmed) = (candidate.bundle.to_tar(), None);
        for role in ORDER {
            match self.operator().stage(role, &tar, confirmed.clone())? {
                AdminReply::Staged { confirmation, .. } => confirmed = confirmed.or(confirmation),
                other => anyhow::bail!("gate-{role} answered {other:?}"),
            }
        }
        Ok(())
    }

    /// Has one role switch to what it has staged.
    ///
    /// # Errors
    /// When it does not.
    pub fn activate(&self, role: Role, candidate: &Candidate) -> anyhow::Result<()> {
        match self.operator().ask(role, &AdminRequest::Activate { bundle: candidate.digest() }, None)? {
            AdminReply::Activated { .. } => Ok(()),
            other => anyhow::bail!("gate-{role} answered {other:?}"),
        }
    }
}
