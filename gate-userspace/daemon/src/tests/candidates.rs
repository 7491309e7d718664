use crate::admin::candidate::{bounded, claims, read, shortened};
use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;

#[test]
fn a_file_is_copied_from_its_beginning() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"a bundle").unwrap();
    file.seek(std::io::SeekFrom::Start(3)).unwrap();
    assert_eq!(read(&file.into()).unwrap(), b"a bundle");
}

#[test]
fn other_descriptors_are_not_read() {
    let (pipe, _writer) = rustix::pipe::pipe().unwrap();
    let directory: OwnedFd = File::open("/tmp").unwrap().into();
    let zero: OwnedFd = File::open("/dev/zero").unwrap().into();
    for descriptor in [pipe, directory, zero] {
        assert!(read(&descriptor).unwrap_err().contains("no regular file"));
    }
    let write_only: OwnedFd = File::create(tempfile::NamedTempFile::new().unwrap().path()).unwrap().into();
    rustix::io::write(&write_only, b"x").unwrap();
    assert!(read(&write_only).unwrap_err().contains("cannot be read"));
}

#[test]
fn a_file_larger_than_any_bundle_is_not_read() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(read(&file.into()).unwrap_err().contains("at most"));
}

#[test]
fn what_is_no_bundle_claims_nothing() {
    for bytes in [&b""[..], &[0; 100], &[0xff; 2048], b"manifest.json"] {
        assert_eq!(claims(bytes), (String::new(), 0));
    }
    // A size that no archive has.
    let mut huge = vec![0; 1024];
    huge[..13].copy_from_slice(b"manifest.json");
    huge[124..135].copy_from_slice(b"77777777777");
    assert_eq!(claims(&huge), (String::new(), 0));
    // A manifest that is none still has a digest.
    huge[124..135].copy_from_slice(b"00000000004");
    let (digest, version) = claims(&huge);
    assert_eq!((digest.len(), version), (64, 0));
}

#[test]
fn reasons_are_bounded_for_the_record() {
    let many = bounded(vec!["ä".repeat(2_000); 25]);
    assert_eq!(many.len(), 11);
    assert_eq!(many[10], "and 15 more");
    assert!(many[0].len() <= 1_030 && many[0].ends_with('…'));
    assert_eq!(shortened("short".into()), "short");
}
