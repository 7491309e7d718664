//! An operator's questions to the roles.

use anyhow::Context as _;
use gate_host::Role;
use gate_ipc::{
    Client,
    messages::{AdminReply, AdminRequest},
};
use gate_statements::{BundleDigest, Confirmation, Signed};
use serde_json::Value;
use std::{
    fs::File,
    io::{Seek as _, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than any answer takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// The order in which roles switch: gate-net, which flips the kernel, last.
pub const ORDER: [Role; 5] = [Role::Authz, Role::Authn, Role::Audit, Role::Proxy, Role::Net];

/// Operates one host, as root.
#[derive(Debug, Clone)]
pub struct Operator {
    run_dir: PathBuf,
}

impl Operator {
    /// Of the host with this run directory.
    #[must_use]
    pub fn new(run_dir: &Path) -> Self {
        Self { run_dir: run_dir.into() }
    }

    /// Asks one role.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask(&self, role: Role, request: &AdminRequest, descriptor: Option<&File>) -> anyhow::Result<AdminReply> {
        let path = self.run_dir.join(format!("admin/{role}.sock"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let client: Client<AdminRequest, AdminReply> = Client::new(&path, None, DEADLINE);
            let descriptors: Vec<_> = descriptor.iter().map(|file| file.as_fd()).collect();
            Ok(client.call(request, &descriptors).await?)
        })
    }

    /// The state of one role.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self, role: Role) -> anyhow::Result<Value> {
        match self.ask(role, &AdminRequest::Status, None)? {
            AdminReply::Json(text) => Ok(serde_json::from_str(&text)?),
            other => anyhow::bail!("gate-{role} answered {other:?}"),
        }
    }

    /// Gives a bundle to one role, which verifies it and keeps it ready.
    ///
    /// # Errors
    /// When there is no answer; a refusal is one.
    pub fn stage(
        &self,
        role: Role,
        tar: &[u8],
        confirmation: Option<Signed<Confirmation>>,
    ) -> anyhow::Result<AdminReply> {
        let mut file = File::from(rustix::fs::memfd_create("bundle", rustix::fs::MemfdFlags::CLOEXEC)?);
        file.write_all(tar)?;
        file.rewind()?;
        self.ask(role, &AdminRequest::Stage { confirmation }, Some(&file))
    }

    /// Stages at every one of these roles and switches them, in order. What was confirmed.
    ///
    /// # Errors
    /// The first refusal.
    pub fn load(&self, roles: &[Role], tar: &[u8]) -> anyhow::Result<()> {
        let mut confirmed = None;
        let mut digest = None;
        for role in roles {
            match self.stage(*role, tar, confirmed.clone())? {
                AdminReply::Staged { bundle, confirmation, .. } => {
                    confirmed = confirmed.or(confirmation);
                    digest = Some(bundle);
                }
                AdminReply::Refused(refused) => anyhow::bail!("{refused}"),
                other => anyhow::bail!("gate-{role} answered {other:?}"),
            }
        }
        let bundle: BundleDigest = digest.context("no role to load")?;
        for role in roles {
            match self.ask(*role, &AdminRequest::Activate { bundle }, None)? {
                AdminReply::Activated { .. } => {}
                other => anyhow::bail!("gate-{role} answered {other:?}"),
            }
        }
        Ok(())
    }
}
