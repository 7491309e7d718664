//! One host for all tests of a file.

use crate::{Host, Report, steps::Step};
use std::sync::{Mutex, MutexGuard, PoisonError};

static HOST: Mutex<Option<Host>> = Mutex::new(None);

/// A host that other tests of this process have used, or will.
pub struct Shared(MutexGuard<'static, Option<Host>>);

/// The process's host, started at the first call. Nobody ends it: the reaper does, when the process ends.
///
/// # Errors
/// When it does not start.
pub fn shared() -> anyhow::Result<Shared> {
    // A test that failed while it had the host does not make the others fail.
    let mut host = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    if host.is_none() {
        *host = Some(Host::start()?);
    }
    Ok(Shared(host))
}

impl Shared {
    /// The host.
    ///
    /// # Errors
    /// Never: it is there as long as this is.
    pub fn host(&mut self) -> anyhow::Result<&mut Host> {
        self.0.as_mut().ok_or_else(|| anyhow::anyhow!("the host was ended"))
    }
}

/// Whether tests that need root are left out: said aloud without root, an error on a build server.
///
/// # Errors
/// In CI without root.
pub fn left_out() -> anyhow::Result<bool> {
    if rustix::process::geteuid().is_root() {
        return Ok(false);
    }
    anyhow::ensure!(std::env::var_os("CI").is_none(), "CI is set, and this test cannot run without root");
    eprintln!("left out: this test needs root (cgroups, network namespaces, BPF)");
    Ok(true)
}

/// Runs steps of the demo as one test, on the shared host.
///
/// # Errors
/// The lines that did not pass.
pub fn test(steps: &[Step]) -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut report = Report::default();
    let mut shared = shared()?;
    for step in steps {
        step.run(shared.host()?, &mut report);
    }
    match report.failures() {
        None => Ok(()),
        Some(failures) => anyhow::bail!("{failures}"),
    }
}
