//! The identities of Gate's own roles: they are governed before the first bundle, and by no bundle.

use anyhow::Context as _;
use aya::{Ebpf, maps::HashMap};
use gate_common::identity::{AUDIT, AUTHN, AUTHZ, CgroupIdentity, NET, PATH_SIZE, PROXY};
use gate_host::{HostConfig, Role};
use std::os::unix::fs::MetadataExt;

/// Enters each role's cgroup: by path for when it is made, and by id where it is there already.
///
/// # Errors
/// When the maps cannot be written or a path is too long.
pub fn roles(loaded: &mut Ebpf, config: &HostConfig, prefix: &str) -> anyhow::Result<()> {
    for (role, service) in
        [(Role::Net, NET), (Role::Proxy, PROXY), (Role::Authn, AUTHN), (Role::Authz, AUTHZ), (Role::Audit, AUDIT)]
    {
        let identity = CgroupIdentity { service, flags: 0 }.to_bytes();
        let path = path_key(prefix, &config.role(role).cgroup)
            .with_context(|| format!("the cgroup of gate-{role} is longer than {} bytes", PATH_SIZE - 1))?;
        let paths = loaded.map_mut("PATHS").context("the object has no map PATHS")?;
        HashMap::<_, [u8; PATH_SIZE], [u8; 8]>::try_from(paths)?.insert(path, identity, 0)?;
        if let Ok(directory) = std::fs::metadata(config.cgroup_dir(role)) {
            let cgroups = loaded.map_mut("CGROUPS").context("the object has no map CGROUPS")?;
            HashMap::<_, u64, [u8; 8]>::try_from(cgroups)?.insert(directory.ino(), identity, 0)?;
        }
    }
    Ok(())
}

/// A cgroup's path as the kernel writes it, zero-padded.
fn path_key(prefix: &str, cgroup: &str) -> Option<[u8; PATH_SIZE]> {
    let path = format!("{prefix}/{cgroup}");
    let mut key = [0; PATH_SIZE];
    // One zero byte ends it.
    key.get_mut(..path.len()).filter(|_| path.len() < PATH_SIZE)?.copy_from_slice(path.as_bytes());
    Some(key)
}
