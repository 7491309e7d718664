//! Drops every capability that loading does not need, before anything is read from the disk but the configuration.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::io;

/// What loading, attaching and pinning need.
const NEEDED: CapabilitySet = CapabilitySet::BPF.union(CapabilitySet::NET_ADMIN).union(CapabilitySet::PERFMON);

/// Keeps exactly [`NEEDED`].
///
/// # Errors
/// When one of them is missing, or the others cannot be dropped.
pub fn keep_needed() -> io::Result<()> {
    let held = capabilities(None)?.permitted;
    let missing = NEEDED.difference(held);
    if !missing.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("missing: {missing:?}")));
    }
    let sets = CapabilitySets { effective: NEEDED, permitted: NEEDED, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}
