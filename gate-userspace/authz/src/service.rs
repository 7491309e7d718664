//! gate-authz on its sockets: answers gate-proxy, compiles and confirms bundles, explains to operators, and reports.

use crate::ids::{Ids, Random};
use crate::{Asked, Authz, InForce, Surroundings, explain};
use ed25519_dalek::SigningKey;
use gate_bundle::Digest;
use gate_daemon::{Admitted, Call, Context, Duty, Handler, Misuse, Question};
use gate_ipc::messages::{AuthzReply, AuthzRequest};
use gate_statements::{BundleDigest, Confirmation, Signed};
use gate_tables::Tables;
use serde_json::{Value, json};
use std::cell::RefCell;

/// Where a bundle keeps its policy files.
const POLICY: &str = "policy/";

/// The duty with its surroundings.
pub struct Service {
    context: Context,
    key: SigningKey,
    ids: RefCell<Ids>,
    authz: RefCell<Authz>,
    /// The bundle that was staged last, compiled.
    staged: RefCell<Option<(Digest, InForce)>>,
}

impl Service {
    /// A service without a bundle in force: it refuses.
    #[must_use]
    pub fn new(context: Context, key: SigningKey, random: Random) -> Self {
        let environment = context.config.environment().to_owned();
        let authz = Authz::new(key.clone(), *context.public_keys.authn(), environment);
        Self { context, key, ids: Ids::new(random).into(), authz: authz.into(), staged: RefCell::default() }
    }

    /// Compiles beside the runtime, so that no decision waits for it.
    async fn compile(&self, bundle: &Admitted, previous: Option<Tables>) -> Result<InForce, Vec<String>> {
        let (bundle, labels) = (bundle.clone(), self.context.config.labels().clone());
        let compiled = tokio::task::spawn_blocking(move || {
            let files = bundle.bundle().files().iter();
            let policy = files.filter_map(|(name, bytes)| Some((name.strip_prefix(POLICY)?.to_owned(), bytes.clone())));
            let tables = bundle.file(gate_bundle::TABLES).unwrap_or_default();
            let compiled = InForce::compile(bundle.version(), policy, tables, previous.as_ref())?;
            compiled.on_host(&labels).map_err(|why| vec![why])
        });
        compiled.await.unwrap_or_else(|error| Err(vec![format!("the rules could not be compiled: {error}")]))
    }

    fn confirm(&self, candidate: &Admitted) -> Result<Signed<Confirmation>, Vec<String>> {
        let confirmation = Confirmation {
            bundle: BundleDigest(*candidate.digest().as_bytes()),
            environment: self.context.config.environment().to_owned(),
            version: candidate.version(),
        };
        Signed::sign(&confirmation, &self.key).map_err(|error| vec![error.to_string()])
    }
}

impl Handler for Service {
    type Request = AuthzRequest;
    type Reply = AuthzReply;
    const DESCRIPTORS: usize = 0;

    async fn handle(&self, call: Call<'_, AuthzRequest>) -> Result<AuthzReply, Misuse> {
        let mut ids = self.ids.borrow_mut();
        let reporter = &self.context.reporter;
        let world = Surroundings {
            now_ms: self.context.clock.unix_ms(),
            recording: reporter.accepts(),
            random: &mut || ids.draw(),
            record: &mut |event| reporter.report(event),
        };
        Ok(self.authz.borrow_mut().answer(call.request, world))
    }
}

impl Duty for Service {
    async fn stage(&self, candidate: &Admitted) -> Result<Option<Signed<Confirmation>>, Vec<String>> {
        let previous = self.authz.borrow().in_force().map(|in_force| in_force.tables().clone());
        let compiled = self.compile(candidate, previous).await?;
        let confirmation = self.confirm(candidate)?;
        self.staged.replace(Some((candidate.digest(), compiled)));
        Ok(Some(confirmation))
    }

    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        let staged = self.staged.take().filter(|(digest, _)| *digest == bundle.digest());
        let compiled = match staged {
            Some((_, compiled)) => compiled,
            // After a restart. Names keep the numbers that its own tables give them.
            None => self.compile(bundle, Some(bundle.tables().clone())).await?,
        };
        self.authz.borrow_mut().activate(compiled);
        Ok(())
    }

    fn status(&self) -> Value {
        let authz = self.authz.borrow();
        let (in_force, counts) = (authz.in_force(), authz.counts());
        json!({
            "version": in_force.map(InForce::version),
            "rules": in_force.map(|in_force| in_force.tables().rules.len()),
            "services": in_force.map(|in_force| in_force.tables().services.len()),
            "assertions": authz.remembered(),
            "allowed": counts.allowed,
            "denied": counts.denied,
            "grants": counts.grants,
        })
    }

    async fn explain(&self, question: &Question) -> Result<Value, Vec<String>> {
        let Question { source, destination, action, port, parameters } = question;
        let authz = self.authz.borrow();
        let in_force = authz.in_force().ok_or_else(|| vec!["no bundle is active in gate-authz".to_owned()])?;
        explain(in_force, Asked { source, destination, action, port, parameters }, self.context.clock.unix_ms())
    }
}
