//! Whatever is changed is found, and the right file and entry are named.

use super::keep::{Files, ORIGIN, entry, grow, key, log_with, open, read_all, verifier, write_all};
use crate::{EntryProblem, Finding, Log, LogError, Reader, proof, verify};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::tempdir;

/// Committed at several sizes, so that there are partial tiles of earlier checkpoints.
const SIZES: [u64; 6] = [100, 256, 520, 770, 780, 800];

static LOG: LazyLock<Files> = LazyLock::new(|| {
    let directory = tempdir().unwrap();
    log_with(directory.path(), &SIZES);
    read_all(directory.path())
});

/// The entry that byte `at` of a file belongs to.
fn entry_at(file: &Path, at: usize) -> Option<u64> {
    let text = file.to_str().unwrap();
    let mut first =
        if text.contains("/000") { 0 } else { 256 * text.split(['/', '.']).nth(2).unwrap().parse::<u64>().ok()? };
    if text.starts_with("tile/0/") {
        return Some(first + at as u64 / 32);
    }
    if text.starts_with("tile/1/") {
        return Some(at as u64 / 32 * 256);
    }
    let mut end = 0;
    loop {
        end += 2 + entry(first).len();
        if at < end {
            return Some(first);
        }
        first += 1;
    }
}

fn expect_found(files: &Files, file: &Path, at: usize) {
    let directory = tempdir().unwrap();
    write_all(directory.path(), files);
    let finding = verify(directory.path(), &verifier(), None).unwrap_err();
    assert_eq!(finding.file(), file, "byte {at}: {finding}");
    if file != Path::new("checkpoint") {
        assert_eq!(finding.entry(), entry_at(file, at), "byte {at}: {finding}");
    }
}

fn expect_flip_found(file: &Path, at: usize, with: u8) {
    let mut files = LOG.clone();
    files.get_mut(file).unwrap()[at] ^= with;
    expect_found(&files, file, at);
}

#[test]
fn the_log_under_test_is_good_and_has_every_kind_of_file() {
    let directory = tempdir().unwrap();
    write_all(directory.path(), &LOG);
    assert_eq!(verify(directory.path(), &verifier(), None).unwrap().entries, 800);
    let expected = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002",
        "tile/0/003.p/12",
        "tile/0/003.p/2",
        "tile/0/003.p/32",
        "tile/1/000.p/1",
        "tile/1/000.p/2",
        "tile/1/000.p/3",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002",
        "tile/entries/003.p/12",
        "tile/entries/003.p/2",
        "tile/entries/003.p/32",
    ];
    assert_eq!(LOG.keys().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(), expected);
}

#[test]
fn every_bit_of_the_checkpoint_counts() {
    let file = Path::new("checkpoint");
    let directory = tempdir().unwrap();
    write_all(directory.path(), &LOG);
    for at in 0..LOG[file].len() {
        for bit in 0..8 {
            let mut bytes = LOG[file].clone();
            bytes[at] ^= 1 << bit;
            fs::write(directory.path().join(file), &bytes).unwrap();
            let finding = Reader::open(directory.path(), &verifier()).err();
            assert!(matches!(&finding, Some(Finding::Checkpoint { .. })), "byte {at}, bit {bit}: {finding:?}");
        }
    }
}

#[test]
fn the_first_and_last_bytes_of_every_file_count() {
    for (file, bytes) in LOG.iter() {
        for at in [0, 1, 2, bytes.len() / 2, bytes.len() - 2, bytes.len() - 1] {
            expect_flip_found(file, at, 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_byte_of_any_file_counts(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in 1_u8..) {
        let (file, bytes) = LOG.iter().nth(file.index(LOG.len())).unwrap();
        expect_flip_found(file, at.index(bytes.len()), with);
    }
}

#[test]
fn a_file_that_is_cut_or_longer_is_found() {
    for (file, bytes) in LOG.iter() {
        let is_tile = file.starts_with("tile/0") || file.starts_with("tile/1");
        let mut files = LOG.clone();
        files.get_mut(file).unwrap().pop();
        expect_found(&files, file, if is_tile { 0 } else { bytes.len() - 1 });
        // A tile of one hash too many too: not only what is no number of hashes.
        files.insert(file.clone(), [bytes.as_slice(), &[b'x'; 32]].concat());
        if file.starts_with("tile/entries") {
            let directory = tempdir().unwrap();
            write_all(directory.path(), &files);
            let finding = verify(directory.path(), &verifier(), None).unwrap_err();
            assert!(matches!(finding, Finding::Entry { problem: EntryProblem::Extra, .. }), "{finding}");
            assert_eq!(finding.file(), file);
        } else {
            expect_found(&files, file, 0);
        }
    }
}

#[test]
fn a_file_that_is_gone_is_found() {
    let earlier = ["003.p/2", "003.p/12", "000.p/1", "000.p/2"];
    for file in LOG.keys().filter(|file| !earlier.iter().any(|partial| file.ends_with(partial))) {
        let mut files = LOG.clone();
        files.remove(file);
        let directory = tempdir().unwrap();
        write_all(directory.path(), &files);
        let finding = verify(directory.path(), &verifier(), None).unwrap_err();
        assert!(matches!(finding, Finding::Missing { .. }), "{finding}");
        assert_eq!(finding.file(), file);
    }
}

/// Flips a byte in each of these files, and expects this finding.
fn expect_named(flipped: &[&str], named: &str) {
    let mut files = LOG.clone();
    for file in flipped {
        files.get_mut(Path::new(file)).unwrap()[40] ^= 1;
    }
    let directory = tempdir().unwrap();
    write_all(directory.path(), &files);
    let finding = verify(directory.path(), &verifier(), None).unwrap_err();
    assert_eq!(finding.file(), Path::new(named), "{finding}");
}

#[test]
fn where_several_files_are_wrong_one_that_is_wrong_is_named() {
    // The bundle does not explain the root, the tile does.
    expect_named(&["tile/entries/003.p/32", "tile/1/000.p/3"], "tile/1/000.p/3");
    // Only both together explain it.
    expect_named(&["tile/0/003.p/32", "tile/1/000.p/3"], "tile/0/003.p/32");
    // Nothing that is left explains it.
    expect_named(&["tile/0/003.p/32", "tile/entries/003.p/32"], "checkpoint");
}

#[test]
fn an_entry_and_its_leaf_changed_together_are_found() {
    let mut files = LOG.clone();
    let bundle = files.get_mut(Path::new("tile/entries/000")).unwrap();
    let position = bundle.len() - 1;
    bundle[position] ^= 1;
    let length = entry(255).len();
    let changed = bundle[bundle.len() - length..].to_vec();
    let tile = files.get_mut(Path::new("tile/0/000")).unwrap();
    tile[255 * 32..].copy_from_slice(&crate::leaf_hash(&changed).0);
    let directory = tempdir().unwrap();
    write_all(directory.path(), &files);
    let finding = verify(directory.path(), &verifier(), None).unwrap_err();
    assert_eq!(finding.file(), Path::new("tile/0/000"), "{finding}");
}

#[test]
fn a_log_of_other_entries_under_an_old_checkpoint_is_found() {
    let directory = tempdir().unwrap();
    let mut log = open(directory.path()).unwrap();
    log.append(&vec![b"other"; 800]).unwrap();
    log.commit().unwrap();
    fs::write(directory.path().join("checkpoint"), &LOG[Path::new("checkpoint")]).unwrap();
    let finding = verify(directory.path(), &verifier(), None).unwrap_err();
    assert!(matches!(finding, Finding::Root { .. }), "{finding}");
}

#[test]
fn a_cut_tail_is_found_by_an_earlier_checkpoint_and_by_nothing_else() {
    let directory = tempdir().unwrap();
    let mut log = log_with(directory.path(), &[300]);
    let cut = read_all(directory.path());
    let kept = grow(&mut log, 600);
    let shorter = tempdir().unwrap();
    write_all(shorter.path(), &cut);
    assert_eq!(verify(shorter.path(), &verifier(), None).unwrap().entries, 300);
    let finding = verify(shorter.path(), &verifier(), Some(&kept)).unwrap_err();
    assert!(matches!(finding, Finding::Shrunk { was: 600, now: 300 }), "{finding}");
}

#[test]
fn a_past_written_anew_is_found_by_an_earlier_checkpoint() {
    let (directory, other) = (tempdir().unwrap(), tempdir().unwrap());
    let kept = log_with(directory.path(), &[300]).checkpoint().clone();
    let mut log = open(other.path()).unwrap();
    log.append(&[b"another past"]).unwrap();
    for size in [300, 600] {
        grow(&mut log, size);
        let finding = verify(other.path(), &verifier(), Some(&kept)).unwrap_err();
        assert!(matches!(finding, Finding::Rewritten { size: 300, .. }), "{finding}");
    }
    let other = crate::Checkpoint { origin: "host.example/other".into(), ..kept };
    let finding = verify(directory.path(), &verifier(), Some(&other)).unwrap_err();
    assert!(matches!(finding, Finding::OtherLog { .. }), "{finding}");
}

#[test]
fn the_writer_refuses_a_damaged_tail_by_name_and_leaves_it_as_it_is() {
    for file in ["tile/0/003.p/32", "tile/1/000.p/3", "tile/entries/003.p/32", "tile/0/002", "tile/entries/002"] {
        let mut files = LOG.clone();
        files.get_mut(Path::new(file)).unwrap()[33] ^= 4;
        let directory = tempdir().unwrap();
        write_all(directory.path(), &files);
        let refused = Log::open(directory.path(), ORIGIN, key(), None).err();
        let Some(LogError::Damaged(finding)) = refused else { panic!("{file}: {refused:?}") };
        assert_eq!(finding.file(), Path::new(file), "{finding}");
        assert_eq!(read_all(directory.path()), files);
    }
}

#[test]
fn links_and_pipes_are_not_followed() {
    let directory = tempdir().unwrap();
    write_all(directory.path(), &LOG);
    let (bundle, aside) = (directory.path().join("tile/entries/001"), directory.path().join("aside"));
    let expect_unreadable = || {
        let finding = verify(directory.path(), &verifier(), None).unwrap_err();
        assert!(matches!(finding, Finding::Unreadable { .. }), "{finding}");
        assert_eq!(finding.file(), Path::new("tile/entries/001"));
    };
    fs::rename(&bundle, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &bundle).unwrap();
    expect_unreadable();
    fs::remove_file(&bundle).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &bundle, rustix::fs::Mode::RUSR).unwrap();
    expect_unreadable();
}

#[test]
fn what_is_no_part_of_the_log_is_listed() {
    let directory = tempdir().unwrap();
    write_all(directory.path(), &LOG);
    fs::write(directory.path().join("tile/0/003.p/033"), "").unwrap();
    fs::write(directory.path().join("tile/0/003.p/33"), "").unwrap();
    let report = verify(directory.path(), &verifier(), None).unwrap();
    assert_eq!(report.foreign, [PathBuf::from("tile/0/003.p/033")]);
    assert_eq!(report.unacknowledged, [PathBuf::from("tile/0/003.p/33")]);
}

#[test]
fn proofs_from_the_tiles_hold() {
    let directory = tempdir().unwrap();
    let early = SIZES.map(|size| log_with(directory.path(), &[size]).checkpoint().clone());
    let mut reader = Reader::open(directory.path(), &verifier()).unwrap();
    let now = reader.checkpoint().clone();
    for index in [0, 1, 255, 256, 511, 512, 798, 799] {
        let proof = reader.inclusion_proof(index).unwrap();
        let leaf = crate::leaf_hash(&entry(index));
        assert_eq!(proof::verify_inclusion(leaf, index, now.size, &proof, now.root), Ok(()), "{index}");
    }
    for old in early {
        let proof = reader.consistency_proof(old.size).unwrap();
        assert_eq!(proof::verify_consistency(old.size, old.root, now.size, now.root, &proof), Ok(()), "{old:?}");
    }
}
