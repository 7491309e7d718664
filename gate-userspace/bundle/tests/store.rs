//! The chain on disk is believed only as far as it can be admitted again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use std::{fs, path::Path};
use support::*;
use tempfile::TempDir;

const LATER: u64 = NOW + 1_000_000;

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, root(&duties(1)), ENVIRONMENT, Limits::default(), &clock(0))
}

/// A bundle that follows what is in force.
fn next(store: &Store) -> Bundle {
    signed(&unsigned(&duties(1), store.current()), &[AUTHOR, APPROVER])
}

fn load(store: &mut Store) -> Digest {
    let bundle = next(store);
    assert!(matches!(store.stage(bundle.to_tar().as_slice(), NOW).unwrap(), Admission::Admitted(_)));
    store.activate(bundle.digest(), NOW).unwrap().digest()
}

/// A store with a chain of three.
fn chain_of_three() -> (TempDir, Digest) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    load(&mut store);
    load(&mut store);
    let last = load(&mut store);
    (dir, last)
}

fn message(result: Result<Store, StoreError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_chain_is_in_force_again_after_a_restart_although_it_expired() {
    let (dir, last) = chain_of_three();
    let mut store = open(dir.path()).unwrap();
    let current = store.current().unwrap();
    assert_eq!((current.version(), current.digest()), (3, last));
    assert_eq!(current.signers().approvers[0].person, "bob");
    let expired = next(&store).to_tar();
    assert!(matches!(store.stage(expired.as_slice(), LATER), Err(StoreError::Refused(_))));
    let same = store.current().unwrap().bundle().to_tar();
    assert!(matches!(store.stage(same.as_slice(), LATER).unwrap(), Admission::AlreadyActive));
}

#[test]
fn staging_changes_nothing_and_does_not_outlive_the_process() {
    let (dir, last) = chain_of_three();
    let mut store = open(dir.path()).unwrap();
    let bundle = next(&store);
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    assert_eq!(store.current().unwrap().digest(), last);
    assert_eq!(store.staged().unwrap().digest(), bundle.digest());
    assert!(dir.path().join("staged.tar").exists());
    drop(store);
    let mut store = open(dir.path()).unwrap();
    assert_eq!(store.current().unwrap().digest(), last);
    assert!(!dir.path().join("staged.tar").exists());
    assert!(matches!(store.activate(bundle.digest(), NOW), Err(StoreError::NotStaged { staged: None, .. })));
}

#[test]
fn only_what_was_staged_is_activated_and_only_in_time() {
    let (dir, last) = chain_of_three();
    let mut store = open(dir.path()).unwrap();
    let bundle = next(&store);
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    assert!(matches!(store.activate(last, NOW), Err(StoreError::NotStaged { staged: Some(_), .. })));
    assert!(matches!(store.activate(bundle.digest(), LATER), Err(StoreError::Refused(_))));
    assert_eq!(store.current().unwrap().digest(), last);
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    assert_eq!(store.activate(bundle.digest(), NOW).unwrap().version(), 4);
}

#[test]
fn a_refused_bundle_leaves_the_old_one_and_no_file() {
    let (dir, last) = chain_of_three();
    let mut store = open(dir.path()).unwrap();
    let unapproved = signed(&unsigned(&duties(1), store.current()), &[AUTHOR]);
    assert!(matches!(store.stage(unapproved.to_tar().as_slice(), NOW), Err(StoreError::Refused(_))));
    assert_eq!(store.current().unwrap().digest(), last);
    assert!(store.staged().is_none() && !dir.path().join("staged.tar").exists());
}

#[test]
fn a_flipped_byte_in_any_stored_file_is_named() {
    let (dir, _) = chain_of_three();
    for file in ["chain/1.tar", "chain/2.tar", "chain/3.tar", "current.tar"] {
        let path = dir.path().join(file);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(331) {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            fs::write(&path, &bad).unwrap();
            let told = message(open(dir.path()));
            assert!(told.contains(file), "byte {at} of {file}: {told}");
        }
        fs::write(&path, good).unwrap();
    }
    open(dir.path()).unwrap();
}

#[test]
fn a_gap_a_stranger_and_a_lost_copy_are_named() {
    let (dir, _) = chain_of_three();
    let chain = dir.path().join("chain");
    fs::rename(chain.join("2.tar"), dir.path().join("kept")).unwrap();
    assert!(message(open(dir.path())).contains("chain/2.tar: is missing, although later bundles are there"));
    fs::rename(dir.path().join("kept"), chain.join("2.tar")).unwrap();
    for stranger in ["04.tar", "x.tar", "4.tar.new"] {
        fs::write(chain.join(stranger), b"").unwrap();
        assert!(message(open(dir.path())).contains(&format!("chain/{stranger}: is no bundle of this store")));
        fs::remove_file(chain.join(stranger)).unwrap();
    }
    fs::remove_file(dir.path().join("current.tar")).unwrap();
    assert!(message(open(dir.path())).contains("current.tar: is missing"));
}

#[test]
fn an_older_copy_does_not_roll_the_chain_back() {
    let (dir, last) = chain_of_three();
    let copy = dir.path().join("current.tar");
    let link = |version| dir.path().join(format!("chain/{version}.tar"));
    // The process ended after the bundle was in force and before the copy: the copy is mended.
    fs::copy(link(2), &copy).unwrap();
    assert_eq!(open(dir.path()).unwrap().current().unwrap().digest(), last);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(link(3)).unwrap());
    // No ending leaves it two behind.
    fs::copy(link(1), &copy).unwrap();
    assert!(message(open(dir.path())).contains("current.tar: is not the last bundle of the chain"));
}

#[test]
fn a_chain_from_another_root_is_refused() {
    let (dir, _) = chain_of_three();
    let told = message(Store::open(dir.path(), root(&duties(2)), ENVIRONMENT, Limits::default(), &clock(0)));
    assert!(told.contains("chain/1.tar") && told.contains("root enrolled"), "{told}");
    let told = message(Store::open(dir.path(), root(&duties(1)), "prod", Limits::default(), &clock(0)));
    assert!(told.contains("this host is in \"prod\""), "{told}");
}

#[test]
fn one_process_at_a_time() {
    let (dir, _) = chain_of_three();
    let store = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(StoreError::Busy { .. })));
    drop(store);
    open(dir.path()).unwrap();
}

#[test]
fn others_cannot_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state/net");
    let mut store = open(&dir).unwrap();
    load(&mut store);
    for (file, mode) in [("", 0o40700), ("chain", 0o40700), ("chain/1.tar", 0o100600), ("current.tar", 0o100600)] {
        assert_eq!(fs::metadata(dir.join(file)).unwrap().permissions().mode(), mode, "{file}");
    }
}
