//! The tables of identities: by path for cgroups that will be made, by id for those that are there.

use crate::maps::{Maps, MapsError, using};
use aya::maps::{HashMap, MapData};
use gate_common::identity::{CgroupIdentity, FIRST_RESERVED, PATH_SIZE, UNATTESTED};
use std::{collections::BTreeSet, fs, io, os::unix::fs::MetadataExt, path::Path};

/// Identities that were there before the new ones were written: what of them is not declared any more goes once the
/// flip has happened.
pub(crate) struct Before {
    paths: Vec<[u8; PATH_SIZE]>,
    cgroups: Vec<u64>,
    nested: Vec<u64>,
}

/// What is there now. Gate's own roles are left out.
pub(crate) fn snapshot(maps: &Maps) -> Before {
    let of_bundle = |value: &[u8; 8]| CgroupIdentity::from_bytes(value).service < FIRST_RESERVED;
    let ids = |map: &HashMap<MapData, u64, [u8; 8]>| {
        map.iter().filter_map(Result::ok).filter(|(_, value)| of_bundle(value)).map(|(id, _)| id).collect()
    };
    let paths = maps.paths.iter().filter_map(Result::ok).filter(|(_, value)| of_bundle(value));
    Before { paths: paths.map(|(key, _)| key).collect(), cgroups: ids(&maps.cgroups), nested: ids(&maps.nested) }
}

/// What the bundle declares, as it was written.
pub(crate) struct Declared {
    paths: BTreeSet<[u8; PATH_SIZE]>,
    cgroups: BTreeSet<u64>,
    nested: BTreeSet<u64>,
}

/// The same, for the time before the flip: under the old table nobody is a service that he becomes only with the new
/// one. What `known` numbers move to is allowed nothing until then; a number that the old table does not know is allowed
/// nothing under it anyway.
pub(crate) fn until_the_flip(
    maps: &Maps,
    prefix: &str,
    services: &[(String, CgroupIdentity)],
    known: &BTreeSet<u32>,
) -> Vec<(String, CgroupIdentity)> {
    let nobody = CgroupIdentity { service: UNATTESTED, flags: 0 };
    let is_there = |cgroup: &str, identity: CgroupIdentity| {
        let entry = path_key(prefix, cgroup).and_then(|key| maps.paths.get(&key, 0).ok());
        entry.is_some_and(|entry| entry == identity.to_bytes())
    };
    let moves =
        |cgroup: &str, identity: CgroupIdentity| known.contains(&identity.service) && !is_there(cgroup, identity);
    let until_then = |(cgroup, identity): &(String, CgroupIdentity)| {
        (cgroup.clone(), if moves(cgroup, *identity) { nobody } else { *identity })
    };
    services.iter().map(until_then).collect()
}

/// Writes who is who. Paths first: a cgroup that is made meanwhile is matched by the kernel.
pub(crate) fn write(
    maps: &mut Maps,
    root: &Path,
    prefix: &str,
    services: &[(String, CgroupIdentity)],
) -> Result<Declared, MapsError> {
    let mut declared = Declared { paths: BTreeSet::new(), cgroups: BTreeSet::new(), nested: BTreeSet::new() };
    for (cgroup, identity) in services {
        if let Some(key) = path_key(prefix, cgroup) {
            maps.paths.insert(key, identity.to_bytes(), 0).map_err(using("PATHS"))?;
            declared.paths.insert(key);
        }
    }
    for (cgroup, identity) in services {
        let directory = root.join(cgroup);
        // It is not running now.
        let Ok(metadata) = fs::metadata(&directory) else { continue };
        maps.cgroups.insert(metadata.ino(), identity.to_bytes(), 0).map_err(using("CGROUPS"))?;
        declared.cgroups.insert(metadata.ino());
        let mut below = BTreeSet::new();
        // A cgroup that vanishes while it is read needs no entry.
        let _ = collect(&directory, &mut below);
        for id in &below {
            // A full table is no failure: the kernel asks the ancestors then.
            let _ = maps.nested.insert(id, identity.to_bytes(), 0);
        }
        declared.nested.append(&mut below);
    }
    Ok(declared)
}

/// Removes what was there before and is not declared any more: services that are gone, and cgroups that belong to
/// another service or to none.
pub(crate) fn remove_old(maps: &mut Maps, before: &Before, declared: &Declared) {
    // An entry that is gone already (its rmdir was faster) is as good.
    for key in before.paths.iter().filter(|key| !declared.paths.contains(*key)) {
        let _ = maps.paths.remove(key);
    }
    for id in before.cgroups.iter().filter(|id| !declared.cgroups.contains(id)) {
        let _ = maps.cgroups.remove(id);
    }
    for id in before.nested.iter().filter(|id| !declared.nested.contains(id)) {
        let _ = maps.nested.remove(id);
    }
}

/// The cgroups below a directory. The inode's number is the cgroup's id.
fn collect(directory: &Path, ids: &mut BTreeSet<u64>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            ids.insert(entry.metadata()?.ino());
            collect(&entry.path(), ids)?;
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
