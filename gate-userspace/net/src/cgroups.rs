//! The tables of identities: by path for cgroups that will be made, by id for those that are there.

use crate::maps::{Maps, MapsError, using};
use gate_common::identity::{CgroupIdentity, FIRST_RESERVED, PATH_SIZE};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Writes who is who: new and changed entries first, then those that are gone are removed.
pub(crate) fn write(
    maps: &mut Maps,
    root: &Path,
    prefix: &str,
    services: &[(String, CgroupIdentity)],
) -> Result<(), MapsError> {
    let mut paths = BTreeSet::new();
    let mut ids = BTreeMap::new();
    for (cgroup, identity) in services {
        if let Some(key) = path_key(prefix, cgroup) {
            maps.paths.insert(key, identity.to_bytes(), 0).map_err(using("PATHS"))?;
            paths.insert(key);
        }
        // A cgroup that vanishes while it is read needs no entry.
        let _ = collect(&root.join(cgroup), *identity, &mut ids);
    }
    for (id, identity) in &ids {
        maps.cgroups.insert(id, identity.to_bytes(), 0).map_err(using("CGROUPS"))?;
    }
    remove_old(maps, &paths, services)
}

/// Entries of services that the bundle does not have. Gate's own roles stay.
fn remove_old(
    maps: &mut Maps,
    paths: &BTreeSet<[u8; PATH_SIZE]>,
    services: &[(String, CgroupIdentity)],
) -> Result<(), MapsError> {
    let known: BTreeSet<u32> = services.iter().map(|(_, identity)| identity.service).collect();
    let gone = |value: [u8; 8]| {
        let service = CgroupIdentity::from_bytes(&value).service;
        service < FIRST_RESERVED && !known.contains(&service)
    };
    let old: Vec<_> = maps
        .paths
        .iter()
        .filter_map(Result::ok)
        .filter(|(key, value)| !paths.contains(key) && CgroupIdentity::from_bytes(value).service < FIRST_RESERVED)
        .map(|(key, _)| key)
        .collect();
    for key in old {
        maps.paths.remove(&key).map_err(using("PATHS"))?;
    }
    let old: Vec<u64> =
        maps.cgroups.iter().filter_map(Result::ok).filter(|(_, value)| gone(*value)).map(|(id, _)| id).collect();
    for id in old {
        // Its rmdir may have been faster.
        let _ = maps.cgroups.remove(&id);
    }
    Ok(())
}

/// A cgroup and everything below it. The inode's number is the cgroup's id.
fn collect(directory: &Path, identity: CgroupIdentity, ids: &mut BTreeMap<u64, CgroupIdentity>) -> io::Result<()> {
    ids.insert(fs::metadata(directory)?.ino(), identity);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), identity, ids)?;
        }
    }
    Ok(())
}

/// A cgroup's path as the kernel writes it, zero-padded. None: longer than what can be matched.
pub(crate) fn path_key(prefix: &str, cgroup: &str) -> Option<[u8; PATH_SIZE]> {
    let path = format!("{prefix}/{cgroup}");
    let mut key = [0; PATH_SIZE];
    key.get_mut(..path.len()).filter(|_| path.len() < PATH_SIZE)?.copy_from_slice(path.as_bytes());
    Some(key)
}
