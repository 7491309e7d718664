//! Capabilities: all dropped but those that a role's work needs.

use crate::error::{SandboxError, refused};
use gate_host::Role;
use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_ambient_set, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

/// What stays with a role.
pub(crate) fn kept(role: Role) -> CapabilitySet {
    match role {
        // Loading and attaching; reading kernel types and tracepoints.
        Role::Loader => CapabilitySet::BPF | CapabilitySet::NET_ADMIN | CapabilitySet::PERFMON,
        // SOCK_DESTROY.
        Role::Net => CapabilitySet::NET_ADMIN,
        Role::Proxy | Role::Authn | Role::Authz | Role::Audit => CapabilitySet::empty(),
    }
}

/// Drops the rest from every set. The bounding set needs `CAP_SETPCAP`, which a process that was started without root does
/// not have; `no_new_privs` and the missing `execve` make it moot there.
pub(crate) fn drop_all_but_kept(role: Role) -> Result<(), SandboxError> {
    let kept = kept(role);
    let held = capabilities(None).map_err(refused("capget"))?;
    let missing = kept - held.permitted;
    if !missing.is_empty() {
        return Err(SandboxError::MissingCapability { role, missing: names(missing).join(", ") });
    }
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for capability in each().filter(|one| !kept.contains(*one)) {
            match remove_capability_from_bounding_set(capability) {
                Ok(()) => {}
                // Above the last one that this kernel knows.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(refused("bounding set")(errno)),
            }
        }
    }
    clear_ambient_capability_set().map_err(refused("ambient set"))?;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(refused("capset"))
}

/// The five sets, as the kernel has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) sets: CapabilitySets,
    pub(crate) ambient: CapabilitySet,
    pub(crate) bounding: CapabilitySet,
}

pub(crate) fn held() -> Result<Held, SandboxError> {
    let known = |one: &CapabilitySet| capability_is_in_bounding_set(*one).is_ok();
    let ambient = |one: &CapabilitySet| capability_is_in_ambient_set(*one).unwrap_or(true);
    let bounding = |one: &CapabilitySet| capability_is_in_bounding_set(*one).unwrap_or(true);
    Ok(Held {
        sets: capabilities(None).map_err(refused("capget"))?,
        ambient: each().take_while(known).filter(ambient).collect(),
        bounding: each().take_while(known).filter(bounding).collect(),
    })
}

/// Names, as capabilities(7) has them.
pub(crate) fn names(set: CapabilitySet) -> Vec<String> {
    let named = CapabilitySet::all().iter_names().filter(|(_, one)| set.contains(*one));
    let mut names: Vec<_> = named.map(|(name, _)| format!("CAP_{name}")).collect();
    let nameless = each().filter(|one| set.contains(*one)).count();
    if nameless > names.len() {
        names.push(format!("and {} newer ones", nameless - names.len()));
    }
    names
}

fn each() -> impl Iterator<Item = CapabilitySet> {
    (0..64).map(|number| CapabilitySet::from_bits_retain(1 << number))
}
