//! What the writer puts on disk, and what it refuses.

use super::keep::{ORIGIN, entry, grow, key, log_with, open, read_all, verifier, write_all};
use crate::{Checkpoint, Finding, Log, LogError, MAX_ENTRY, Reader, Recovery, verify};
use ed25519_dalek::SigningKey;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

#[test]
fn a_tree_of_70000_has_the_tiles_that_the_specification_lists() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    let checkpoint = grow(&mut log, 70_000);
    let files = read_all(directory.path());
    let count = |prefix: &str, full: bool| {
        let matches = |path: &&PathBuf| path.starts_with(prefix) && path.to_str().unwrap().contains(".p/") != full;
        files.keys().filter(matches).count()
    };
    assert_eq!((count("tile/0", true), count("tile/1", true), count("tile/entries", true)), (273, 1, 273));
    for partial in ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/112"] {
        assert!(files.contains_key(&PathBuf::from(partial)), "{partial}");
    }
    assert_eq!(files.len(), 273 + 273 + 1 + 4 + 1, "and the checkpoint");
    let report = verify(directory.path(), &verifier(), Some(&checkpoint)).unwrap();
    assert_eq!((report.entries, report.tiles, report.continues), (70_000, 277, Some(70_000)));
    assert_eq!((report.unacknowledged, report.foreign), (vec![], vec![]));
    // And a log that is opened again goes on where it was.
    drop(log);
    let mut log = open(directory.path()).unwrap();
    grow(&mut log, 70_300);
    assert!(verify(directory.path(), &verifier(), Some(&checkpoint)).is_ok());
    drop(log);
    // Opening looks at the last full tile of every level.
    let tile = directory.path().join("tile/1/000");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[7 * 32] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let Some(LogError::Damaged(finding)) = open(directory.path()).err() else { panic!("opened") };
    assert!(matches!(&finding, Finding::TileHash { position: 7, entry: 1792, .. }), "{finding}");
    assert_eq!(finding.file(), Path::new("tile/1/000"));
}

#[test]
fn how_entries_are_batched_does_not_show_in_the_tree() {
    let (one, many) = (tempdir().unwrap(), tempdir().unwrap());
    let all = log_with(one.path(), &[600]).checkpoint().clone();
    for size in [1, 2, 255, 256, 257, 511, 600] {
        grow(&mut open(many.path()).unwrap(), size);
    }
    assert_eq!(open(many.path()).unwrap().checkpoint(), &all);
    for (path, bytes) in read_all(one.path()) {
        assert_eq!(fs::read(many.path().join(&path)).unwrap(), bytes, "{}", path.display());
    }
}

#[test]
fn partial_tiles_stay_until_the_full_one_is_there() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[]);
    let early = [1, 100, 255].map(|size| grow(&mut log, size));
    for checkpoint in &early {
        assert!(directory.path().join(format!("tile/entries/000.p/{}", checkpoint.size)).exists());
    }
    let late = grow(&mut log, 256);
    assert!(!directory.path().join("tile/0/000.p").exists());
    assert!(!directory.path().join("tile/entries/000.p").exists());
    for checkpoint in early.into_iter().chain([late]) {
        let size = checkpoint.size;
        let mut reader = Reader::at(directory.path(), checkpoint).unwrap();
        let indices: Vec<_> = reader.entries(0).map(|entry| entry.unwrap().0).collect();
        assert_eq!(indices, (0..size).collect::<Vec<_>>());
    }
}

#[test]
fn a_reader_goes_on_while_the_writer_does() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[10, 200]);
    let mut reader = Reader::open(directory.path(), &verifier()).unwrap();
    grow(&mut log, 700);
    for (expected, found) in (150..200).zip(reader.entries(150)) {
        assert_eq!(found.unwrap(), (expected, entry(expected)));
    }
    assert_eq!(reader.entries(150).count(), 50);
    assert_eq!(reader.entries(200).count(), 0);
}

#[test]
fn what_is_not_committed_is_not_there() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[300]);
    assert_eq!(log.append(&[entry(300), entry(301)]).unwrap(), 300..302);
    assert_eq!((log.size(), log.checkpoint().size), (302, 300));
    drop(log);
    let log = open(directory.path()).unwrap();
    assert_eq!((log.size(), log.recovery()), (300, &Recovery::default()));
}

#[test]
fn a_commit_of_nothing_changes_nothing() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[3]);
    let before = read_all(directory.path());
    assert_eq!(log.commit().unwrap().size, 3);
    assert_eq!(read_all(directory.path()), before);
    assert_eq!(before[&PathBuf::from("checkpoint")], log.signed_checkpoint().into_bytes());
}

#[test]
fn an_entry_that_is_too_long_leaves_out_its_whole_batch() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    let longest = vec![b'x'; MAX_ENTRY];
    let refused = log.append(&[longest.clone(), vec![b'x'; MAX_ENTRY + 1]]);
    assert!(matches!(refused, Err(LogError::EntryTooLong { position: 1, length }) if length == MAX_ENTRY + 1));
    assert_eq!(log.append(&vec![longest.clone(); 256]).unwrap(), 0..256);
    log.commit().unwrap();
    let mut reader = Reader::open(directory.path(), &verifier()).unwrap();
    assert!(reader.entries(0).all(|entry| entry.unwrap().1 == longest));
}

#[test]
fn a_second_writer_is_refused() {
    let directory = tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(open(directory.path()), Err(LogError::Locked { .. })));
    drop(first);
    assert!(open(directory.path()).is_ok());
}

#[test]
fn a_new_log_says_that_it_is_new() {
    let directory = tempdir().unwrap();
    let inner = directory.path().join("log");
    assert!(open(&inner).unwrap().recovery().created);
    assert!(!open(&inner).unwrap().recovery().created);
    assert_eq!(verify(&inner, &verifier(), None).unwrap().entries, 0);
}

#[test]
fn another_key_or_origin_does_not_open_the_log() {
    let directory = tempdir().unwrap();
    drop(log_with(directory.path(), &[5]));
    let before = read_all(directory.path());
    let other = SigningKey::from_bytes(&[8; 32]);
    for (origin, key) in [(ORIGIN, other), ("host.example/other", key())] {
        let refused = Log::open(directory.path(), origin, key, None).err();
        assert!(matches!(refused, Some(LogError::Damaged(Finding::Checkpoint { .. }))), "{refused:?}");
    }
    assert!(matches!(Log::open(directory.path(), "no name", key(), None), Err(LogError::Origin(_))));
    assert_eq!(read_all(directory.path()), before);
}

#[test]
fn a_log_whose_checkpoint_is_gone_is_not_begun_anew() {
    let directory = tempdir().unwrap();
    let checkpoint = log_with(directory.path(), &[5]).checkpoint().clone();
    fs::remove_file(directory.path().join("checkpoint")).unwrap();
    assert!(matches!(open(directory.path()), Err(LogError::Damaged(Finding::NoCheckpoint { .. }))));
    fs::remove_dir_all(directory.path().join("tile")).unwrap();
    let refused = Log::open(directory.path(), ORIGIN, key(), Some(&checkpoint)).err();
    assert!(matches!(refused, Some(LogError::Damaged(Finding::Shrunk { was: 5, now: 0 }))), "{refused:?}");
}

#[test]
fn a_log_that_does_not_continue_the_kept_checkpoint_is_refused_and_left_alone() {
    let (directory, copy) = (tempdir().unwrap(), tempdir().unwrap());
    let mut log = log_with(directory.path(), &[300]);
    write_all(copy.path(), &read_all(directory.path()));
    let kept = grow(&mut log, 301);
    let before = read_all(copy.path());
    let refused = Log::open(copy.path(), ORIGIN, key(), Some(&kept)).err();
    assert!(matches!(refused, Some(LogError::Damaged(Finding::Shrunk { was: 301, now: 300 }))), "{refused:?}");
    assert_eq!(read_all(copy.path()), before);
    drop(log);
    assert!(Log::open(directory.path(), ORIGIN, key(), Some(&kept)).is_ok());
}

#[test]
fn after_a_failed_commit_the_log_must_be_opened_again() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[10]);
    let kept: Checkpoint = log.checkpoint().clone();
    // A file stands where the next tile's directory has to be.
    let obstacle = directory.path().join("tile/0/001.p");
    fs::write(&obstacle, "").unwrap();
    let entries: Vec<_> = (10..300).map(entry).collect();
    log.append(&entries).unwrap();
    assert!(matches!(log.commit(), Err(LogError::Write(error)) if error.path == obstacle));
    assert!(matches!(log.commit(), Err(LogError::Failed)));
    assert!(matches!(log.append(&[entry(300)]), Err(LogError::Failed)));
    drop(log);
    fs::remove_file(obstacle).unwrap();
    let mut log = Log::open(directory.path(), ORIGIN, key(), Some(&kept)).unwrap();
    assert_eq!(log.size(), 10);
    assert!(log.recovery().discarded.contains(&PathBuf::from("tile/entries/000")), "{:?}", log.recovery());
    grow(&mut log, 300);
    assert_eq!(verify(directory.path(), &verifier(), Some(&kept)).unwrap().entries, 300);
}
