//! A writer may stop at any moment. What it leaves is made here from two good states of a directory.

use super::keep::{Files, entry, grow, open, read_all, verifier, write_all};
use crate::{Checkpoint, Reader, verify};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// What became of a file that was being written.
#[derive(Debug, Clone)]
enum Fate {
    Whole,
    Absent,
    Cut(prop::sample::Index),
    Zeros,
}

/// Where the writer stopped.
#[derive(Debug, Clone)]
enum Stop {
    /// Before the tiles were synced.
    InTiles(Vec<Fate>),
    /// With so much of the new checkpoint written.
    InCheckpoint(prop::sample::Index),
    /// With the new checkpoint complete, but not in place.
    BeforeRename,
    /// Before all outdated partial tiles were removed.
    InRemoval(Vec<bool>),
}

fn stop() -> impl Strategy<Value = Stop> {
    let fate = prop_oneof![
        Just(Fate::Whole),
        Just(Fate::Absent),
        any::<prop::sample::Index>().prop_map(Fate::Cut),
        Just(Fate::Zeros)
    ];
    prop_oneof![
        4 => prop::collection::vec(fate, 16).prop_map(Stop::InTiles),
        1 => any::<prop::sample::Index>().prop_map(Stop::InCheckpoint),
        1 => Just(Stop::BeforeRename),
        1 => prop::collection::vec(any::<bool>(), 16).prop_map(Stop::InRemoval),
    ]
}

fn checkpoint_file() -> PathBuf {
    "checkpoint".into()
}

/// The directory after a commit that led from `before` to `after` stopped, and whether the commit counts.
fn stopped(before: &Files, after: &Files, stop: &Stop) -> (Files, bool) {
    let mut both = before.clone();
    both.extend(after.clone());
    let new = after[&checkpoint_file()].clone();
    let mut left = both.clone();
    left.insert(checkpoint_file(), before[&checkpoint_file()].clone());
    match stop {
        Stop::InTiles(fates) => {
            let written = after.keys().filter(|file| !before.contains_key(*file));
            for (file, fate) in written.zip(fates.iter().cycle()) {
                let bytes = left.get_mut(file).unwrap();
                match fate {
                    Fate::Whole => {}
                    Fate::Absent => drop(left.remove(file)),
                    Fate::Cut(at) => bytes.truncate(at.index(bytes.len())),
                    Fate::Zeros => bytes.fill(0),
                }
            }
            (left, false)
        }
        Stop::InCheckpoint(at) => {
            left.insert("checkpoint.new".into(), new[..at.index(new.len())].to_vec());
            (left, false)
        }
        Stop::BeforeRename => {
            left.insert("checkpoint.new".into(), new);
            (left, true)
        }
        Stop::InRemoval(removed) => {
            let outdated = before.keys().filter(|file| !after.contains_key(*file));
            for (file, _) in outdated.zip(removed.iter().cycle()).filter(|(_, removed)| **removed) {
                both.remove(file);
            }
            (both, true)
        }
    }
}

fn expect_entries(directory: &Path, size: u64) {
    let mut reader = Reader::open(directory, &verifier()).unwrap();
    let found: Vec<_> = reader.entries(0).map(Result::unwrap).collect();
    assert_eq!(found, (0..size).map(|index| (index, entry(index))).collect::<Vec<_>>());
}

/// Partial tiles beside the full one.
fn outdated(directory: &Path) -> Vec<PathBuf> {
    let is_outdated = |file: &PathBuf| {
        let full = file.to_str().unwrap().split_once(".p/").map(|(full, _)| directory.join(full));
        full.is_some_and(|full| full.exists())
    };
    read_all(directory).into_keys().filter(is_outdated).collect()
}

fn expect_recovery(files: &Files, acknowledged: &Checkpoint, size: u64) {
    let directory = tempdir().unwrap();
    write_all(directory.path(), files);
    let mut log = open(directory.path()).unwrap();
    assert_eq!((log.size(), log.checkpoint().size), (size, size));
    let report = verify(directory.path(), &verifier(), Some(acknowledged)).unwrap();
    assert_eq!(report.unacknowledged, Vec::<PathBuf>::new());
    assert!(!directory.path().join("checkpoint.new").exists());
    assert_eq!(outdated(directory.path()), Vec::<PathBuf>::new());
    expect_entries(directory.path(), size);
    // And it goes on, over whatever the first attempt left.
    let kept = grow(&mut log, size + 300);
    drop(log);
    assert_eq!(open(directory.path()).unwrap().checkpoint(), &kept);
    assert_eq!(verify(directory.path(), &verifier(), Some(acknowledged)).unwrap().entries, size + 300);
    expect_entries(directory.path(), size + 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stopped_commit_leaves_a_good_log(
        batches in prop::collection::vec(prop_oneof![1_u64..4, 100_u64..300], 1..5),
        last in prop_oneof![1_u64..4, 1_u64..600],
        stop in stop(),
    ) {
        let directory = tempdir().unwrap();
        let mut log = open(directory.path()).unwrap();
        for batch in batches {
            let size = log.size() + batch;
            grow(&mut log, size);
        }
        let acknowledged = log.checkpoint().clone();
        let before = read_all(directory.path());
        let whole = grow(&mut log, acknowledged.size + last).size;
        let (left, counts) = stopped(&before, &read_all(directory.path()), &stop);
        expect_recovery(&left, &acknowledged, if counts { whole } else { acknowledged.size });
    }
}

#[test]
fn a_commit_leaves_every_file_of_the_last_checkpoint_alone_until_its_own_is_in_place() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    grow(&mut log, 300);
    let before: Vec<_> = read_all(directory.path()).into_keys().filter(|file| *file != checkpoint_file()).collect();
    for file in &before {
        fs::write(directory.path().join(file), "as it was").unwrap();
    }
    grow(&mut log, 310);
    for file in &before {
        assert_eq!(fs::read(directory.path().join(file)).unwrap(), b"as it was", "{}", file.display());
    }
}

#[test]
fn what_a_first_start_left_does_not_hinder_the_next() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("checkpoint.new"), [b'x'; 4096]).unwrap();
    let mut log = open(directory.path()).unwrap();
    assert_eq!(verify(directory.path(), &verifier(), None).unwrap().entries, 0);
    grow(&mut log, 3);
    assert_eq!(verify(directory.path(), &verifier(), None).unwrap().entries, 3);
}

#[test]
fn a_signed_commit_is_completed_and_an_unsigned_one_is_reported() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    grow(&mut log, 10);
    let before = read_all(directory.path());
    grow(&mut log, 12);
    drop(log);
    let after = read_all(directory.path());

    let signed = tempdir().unwrap();
    write_all(signed.path(), &stopped(&before, &after, &Stop::BeforeRename).0);
    let log = open(signed.path()).unwrap();
    assert_eq!((log.recovery().completed, log.recovery().discarded.len()), (2, 0));

    let unsigned = tempdir().unwrap();
    write_all(unsigned.path(), &stopped(&before, &after, &Stop::InTiles(vec![Fate::Whole])).0);
    let log = open(unsigned.path()).unwrap();
    let discarded = ["tile/0/000.p/12", "tile/entries/000.p/12"].map(PathBuf::from);
    assert_eq!((log.recovery().completed, log.recovery().discarded.as_slice()), (0, discarded.as_slice()));
}

#[test]
fn a_signed_checkpoint_that_would_rewrite_the_past_is_not_put_in_place() {
    let (directory, other) = (tempdir().unwrap(), tempdir().unwrap());
    grow(&mut open(directory.path()).unwrap(), 10);
    let mut log = open(other.path()).unwrap();
    log.append(&[b"another past"]).unwrap();
    grow(&mut log, 12);
    let mut files = read_all(other.path());
    files.insert("checkpoint.new".into(), files[&checkpoint_file()].clone());
    files.insert(checkpoint_file(), fs::read(directory.path().join("checkpoint")).unwrap());
    let mixed = tempdir().unwrap();
    write_all(mixed.path(), &files);
    assert!(open(mixed.path()).is_err());
    assert_eq!(read_all(mixed.path()), files);
}
