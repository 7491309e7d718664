//! The archive has one encoding; everything else is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use proptest::prelude::*;
use std::{process::Command, sync::LazyLock};
use support::*;

fn bundle() -> Bundle {
    signed(&unsigned(&duties(1), None), &[AUTHOR, APPROVER])
}

fn reason(tar: &[u8], limits: &Limits) -> ArchiveError {
    match Bundle::from_tar(tar, limits).unwrap_err().reasons() {
        [Reason::Archive(error)] => error.clone(),
        other => panic!("{other:?}"),
    }
}

/// The bundle's members, changed.
fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut all = members(&bundle().to_tar());
    change(&mut all);
    tar(&all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
}

#[test]
fn an_archive_is_the_same_after_reading_and_writing() {
    let bytes = bundle().to_tar();
    assert_eq!(Bundle::from_tar(bytes.as_slice(), &Limits::default()).unwrap().to_tar(), bytes);
    assert_eq!(changed(|_| ()), bytes, "the test's own archive writer agrees");
    assert_eq!(bundle().to_tar(), bytes, "made twice, it is the same");
}

#[test]
fn the_systems_tar_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bundle.tar");
    std::fs::write(&path, bundle().to_tar()).unwrap();
    let listed = Command::new("tar").arg("-tf").arg(&path).output().unwrap();
    assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
    let names = "manifest.json\npolicy/cases.toml\npolicy/duties.toml\npolicy/services.toml\npolicy/shop.cedar\n\
                 tables.json\nsignatures/0.sig\nsignatures/1.sig\n";
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), names);
}

#[test]
fn members_that_do_not_belong_are_refused() {
    for name in [
        "policy/../services.toml",
        "/etc/passwd",
        "policy/sub/a.cedar",
        "policy/.cedar",
        "policy/.hidden.cedar",
        "policy/a b.cedar",
        "policy/readme.md",
        "signatures/00.sig",
        "signatures/+1.sig",
        "./manifest.json",
        "MANIFEST.JSON",
    ] {
        let tar = changed(|all| all.insert(1, (name.into(), b"x".to_vec())));
        assert_eq!(reason(&tar, &Limits::default()), ArchiveError::UnknownMember { name: name.into() });
    }
}

#[test]
fn twice_or_out_of_order_is_refused() {
    let order = |name: &str| ArchiveError::Order { name: name.into() };
    let limits = Limits::default();
    let twice = changed(|all| all.insert(2, all[2].clone()));
    assert_eq!(reason(&twice, &limits), order(DUTIES));
    assert_eq!(reason(&changed(|all| all.swap(1, 2)), &limits), order(CASES));
    assert_eq!(reason(&changed(|all| all.insert(1, all[0].clone())), &limits), order("manifest.json"));
    assert_eq!(reason(&changed(|all| all.swap(0, 1)), &limits), order(CASES));
    assert_eq!(reason(&changed(|all| drop(all.remove(6))), &limits), order("signatures/1.sig"));
    assert_eq!(reason(&changed(|all| all.swap(5, 6)), &limits), order(TABLES));
    assert_eq!(reason(&tar(&[]), &limits), ArchiveError::NoManifest);
}

#[test]
fn links_and_directories_are_refused() {
    for (kind, what) in [(b'1', "link"), (b'2', "link"), (b'5', "directory"), (b'L', "regular"), (b'x', "regular")] {
        let mut tar = bundle().to_tar();
        tar[..512].copy_from_slice(&header("manifest.json", bundle().manifest_bytes().len(), kind));
        let error = reason(&tar, &Limits::default());
        assert!(
            matches!(&error, ArchiveError::Header { name, what: found } if name == "manifest.json" && found.contains(what)),
            "{error}"
        );
    }
}

#[test]
fn bytes_after_the_end_and_missing_ones_are_refused() {
    let whole = bundle().to_tar();
    let limits = Limits::default();
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(reason(&longer, &limits), ArchiveError::TrailingBytes { offset: whole.len() as u64 });
    let mut half_end = whole.clone();
    let last = half_end.len() - 1;
    half_end[last] = 1;
    assert_eq!(reason(&half_end, &limits), ArchiveError::TrailingBytes { offset: whole.len() as u64 - 512 });
    for length in (0..whole.len()).step_by(97) {
        let error = reason(&whole[..length], &limits);
        assert!(matches!(error, ArchiveError::Truncated { .. }), "{length}: {error}");
    }
}

#[test]
fn sizes_and_numbers_are_bounded() {
    let small = Limits { tables: 100, ..Limits::default() };
    let whole = bundle().to_tar();
    let size = bundle().file(TABLES).unwrap().len() as u64;
    assert_eq!(reason(&whole, &small), ArchiveError::TooLarge { name: TABLES.into(), size, limit: 100 });
    let few = Limits { files: 4, ..Limits::default() };
    assert_eq!(reason(&whole, &few), ArchiveError::TooMany { what: "files", limit: 4 });
    let one = Limits { signatures: 1, ..Limits::default() };
    assert_eq!(reason(&whole, &one), ArchiveError::TooMany { what: "signatures", limit: 1 });
    for limits in [
        Limits { signature: 10, ..Limits::default() },
        Limits { file: 10, ..Limits::default() },
        Limits { total: 1000, ..Limits::default() },
    ] {
        assert!(matches!(reason(&whole, &limits), ArchiveError::TooLarge { .. }));
    }
    // A size that is only claimed takes no memory.
    let mut claimed = header("manifest.json", 4 << 20, b'0').to_vec();
    claimed.push(b'{');
    assert!(matches!(reason(&claimed, &Limits::default()), ArchiveError::Truncated { .. }));
}

#[test]
fn a_manifest_has_one_form() {
    let good = String::from_utf8(bundle().manifest_bytes().to_vec()).unwrap();
    for (from, to) in [
        ("{\"format\":1", "{ \"format\":1"),
        ("{\"format\":1", "{\"extra\":1,\"format\":1"),
        ("{\"format\":1", "{\"format\":2"),
        ("\"environment\":\"demo\"", "\"environment\":\"de mo\""),
        ("\"environment\":\"demo\"", "\"environment\":\"d\\u0065mo\""),
        ("\"version\":1", "\"version\":0"),
        ("\"version\":1", "\"version\":9223372036854775808"),
        ("\"version\":1", "\"version\":1,\"version\":1"),
        (",\"previous\":null", ""),
        ("\"git_commit\":\"0", "\"git_commit\":\"x"),
        ("\"created\":", "\"created\":9"),
        ("policy/shop.cedar", "policy/../x.cedar"),
        ("\"tables.json\":\"", "\"tables.json\":\"A"),
    ] {
        assert!(good.contains(from), "{from}");
        let error = Manifest::from_bytes(good.replacen(from, to, 1).as_bytes());
        assert!(error.is_err(), "{to}");
    }
    assert_eq!(Manifest::from_bytes(good.as_bytes()).unwrap().to_bytes().unwrap(), good.as_bytes());
}

static BUNDLE: LazyLock<(Vec<u8>, EnrolledRoot)> = LazyLock::new(|| (bundle().to_tar(), root(&duties(1))));

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever byte is changed: refused. Should one ever be accepted, it may only mean the same.
    #[test]
    fn a_changed_byte_is_refused_or_means_the_same(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (tar, trust) = &*BUNDLE;
        let mut mutated = tar.clone();
        mutated[at.index(tar.len())] ^= flip;
        if let Ok(admission) = admit_tar_now(&mutated, None, trust) {
            let Admission::Admitted(admitted) = admission else { panic!("nothing was active") };
            let original = expect_admitted(admit_tar_now(tar, None, trust));
            prop_assert_eq!(admitted.bundle().manifest_bytes(), original.bundle().manifest_bytes());
            prop_assert_eq!(admitted.bundle().files(), original.bundle().files());
            prop_assert_eq!(admitted.signers(), original.signers());
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Anything at all in place of a member's bytes, or of the whole: an answer, and no panic.
    #[test]
    fn any_bytes_get_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..2048), member in 0_usize..8) {
        let (tar, trust) = &*BUNDLE;
        prop_assert!(admit_tar_now(&bytes, None, trust).is_err());
        let name = members(tar)[member].0.clone();
        let bundle = Bundle::from_tar(tar.as_slice(), &Limits::default()).unwrap();
        if bytes != members(tar)[member].1 {
            prop_assert!(admit_tar_now(&with_member(&bundle, &name, &bytes), None, trust).is_err());
        }
    }
}
