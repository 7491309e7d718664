//! A host that joins late begins with the bundle that people vouch for, and with no other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use std::fs;
use std::path::Path;
use support::*;

/// Long after every bundle of these tests could be activated for the first time.
const LATER: u64 = NOW + 1_000_000;
const UNTIL: u64 = LATER + 3_600;

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, root(&duties(1)), ENVIRONMENT, Limits::default(), &clock(0))
}

/// The third bundle of a chain, and the fourth.
fn chain() -> (Bundle, Bundle, Bundle) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let mut all = Vec::new();
    for words in ["one", "two", "three", "four"] {
        let mut files = files(&duties(1));
        files.insert("policy/shop.cedar".into(), format!("// {words}\n").into_bytes());
        let created = if words == "four" { LATER } else { NOW - 60 };
        let draft = Draft { created, not_after: created + 3_600, ..draft(store.current()) };
        let bundle = signed(&Bundle::unsigned(draft, files).unwrap(), &[AUTHOR, APPROVER]);
        store.stage(bundle.to_tar().as_slice(), created).unwrap();
        store.activate(bundle.digest(), created).unwrap();
        all.push(bundle);
    }
    (all[0].clone(), all[2].clone(), all[3].clone())
}

fn vouched(said: Joining, people: &[(Role, u8)]) -> Snapshot {
    people.iter().fold(Snapshot::unsigned(said).unwrap(), |snapshot, (role, seed)| {
        let signature = sign(*seed, snapshot_namespace(*role), snapshot.line());
        snapshot.with_signature(&signature).unwrap()
    })
}

fn good(bundle: &Bundle) -> Snapshot {
    vouched(Joining::of(bundle, UNTIL), &[AUTHOR, APPROVER])
}

fn reasons(snapshot: &Snapshot, bundle: &Bundle, now: u64) -> Vec<Reason> {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(snapshot.clone());
    match store.stage(bundle.to_tar().as_slice(), now) {
        Err(StoreError::Refused(refusal)) => refusal.reasons().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_late_host_begins_with_the_bundle_of_the_snapshot_and_goes_on() {
    let (_, third, fourth) = chain();
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(good(&third));
    store.stage(third.to_tar().as_slice(), LATER).unwrap();
    let admitted = store.activate(third.digest(), LATER).unwrap();
    assert_eq!((admitted.version(), author(admitted)), (3, "alice"));
    drop(store);
    // Also when the snapshot is stale, and without root's copy of it.
    let mut store = open(dir.path()).unwrap();
    assert_eq!(store.current().unwrap().digest(), third.digest());
    store.stage(fourth.to_tar().as_slice(), LATER).unwrap();
    store.activate(fourth.digest(), LATER).unwrap();
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!(store.current().unwrap().digest(), fourth.digest());
    assert_eq!(store.predecessor().unwrap().digest(), third.digest());
}

#[test]
fn without_a_snapshot_a_chain_begins_at_its_beginning() {
    let (_, third, _) = chain();
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let refused = store.stage(third.to_tar().as_slice(), NOW).unwrap_err().to_string();
    assert!(refused.contains("version 3 skips a step; the next one here is 1"), "{refused}");
}

#[test]
fn with_a_snapshot_no_other_bundle_comes_first() {
    let (first, third, fourth) = chain();
    let snapshot = good(&third);
    for other in [&first, &fourth] {
        let expected = Reason::NotTheSnapshot { bundle: third.digest(), version: 3, found: other.digest() };
        assert_eq!(reasons(&snapshot, other, NOW), [expected]);
    }
    // A changed bundle is none at all.
    let changed = with_member(&third, "policy/shop.cedar", b"// other\n");
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(snapshot);
    assert!(store.stage(changed.as_slice(), LATER).unwrap_err().to_string().contains("are not those that were signed"));
}

#[test]
fn a_stale_snapshot_is_refused_at_both_steps() {
    let (_, third, _) = chain();
    let snapshot = good(&third);
    let stale = Reason::SnapshotStale { not_after: UNTIL, now: UNTIL + 1 };
    assert_eq!(reasons(&snapshot, &third, UNTIL + 1), [stale]);
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(snapshot);
    store.stage(third.to_tar().as_slice(), UNTIL).unwrap();
    let late = store.activate(third.digest(), UNTIL + 1).unwrap_err().to_string();
    assert!(late.contains("the enrolled snapshot is stale"), "{late}");
    assert!(store.current().is_none());
}

#[test]
fn a_snapshot_of_another_environment_or_by_other_duties_is_refused() {
    let (_, third, _) = chain();
    let said = Joining::of(&third, UNTIL);
    let elsewhere = vouched(Joining { environment: "staging".into(), ..said.clone() }, &[AUTHOR, APPROVER]);
    let expected = Reason::SnapshotEnvironment { expected: ENVIRONMENT.into(), found: "staging".into() };
    assert_eq!(reasons(&elsewhere, &third, LATER), [expected]);
    let other = Digest::of(duties(2).as_bytes());
    let others = reasons(&vouched(Joining { duties: other, ..said }, &[AUTHOR, APPROVER]), &third, LATER);
    assert_eq!(others[0], Reason::SnapshotDuties { expected: Digest::of(duties(1).as_bytes()), found: other });
    // Root enrolled others: nobody of the bundle's own duties vouches for it then.
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), root(&duties(2)), ENVIRONMENT, Limits::default(), &clock(0)).unwrap();
    store.begin_with(good(&third));
    let refused = store.stage(third.to_tar().as_slice(), LATER).unwrap_err().to_string();
    assert!(refused.contains("the enrolled snapshot is by duties") && refused.contains("root enrolled"), "{refused}");
}

#[test]
fn a_snapshot_below_quorum_is_refused() {
    let (_, third, _) = chain();
    let of = |people: &[(Role, u8)]| reasons(&vouched(Joining::of(&third, UNTIL), people), &third, LATER);
    let first = Reason::OneIsNotEnough { because: vec![Because::First] };
    let missing = Reason::MissingApprovals { needed: 1, counted: 0 };
    assert_eq!(of(&[]), [Reason::MissingAuthor, missing.clone(), first.clone()]);
    assert_eq!(of(&[AUTHOR]), [missing.clone(), first.clone()]);
    assert_eq!(of(&[APPROVER]), [Reason::MissingAuthor, first.clone()]);
    let own = of(&[AUTHOR, (Role::Approver, ALICE)]);
    assert_eq!(own, [missing, Reason::ApproverIsAuthor { person: "alice".into() }, first]);
    let stranger = of(&[AUTHOR, APPROVER, (Role::Approver, STRANGER)]);
    assert!(matches!(stranger.as_slice(), [Reason::UnknownKey { .. }]), "{stranger:?}");
    let carol = of(&[(Role::Author, CAROL), APPROVER]);
    assert!(matches!(&carol[0], Reason::NotAllowed { person, .. } if person == "carol"), "{carol:?}");
}

#[test]
fn p63_signatures_of_a_bundle_are_none_of_a_snapshot() {
    let (_, third, _) = chain();
    let snapshot = Snapshot::unsigned(Joining::of(&third, UNTIL)).unwrap();
    for namespace in ["gate-author@v1", "gate-approver@v1", "gate-revert@v1", "git"] {
        let wrong = snapshot.with_signature(&sign(ALICE, namespace, snapshot.line())).unwrap_err();
        let wrong_namespace = |reason: &Reason| {
            matches!(reason, Reason::Signature { problem: SignatureProblem::WrongNamespace { .. }, .. })
        };
        assert!(wrong_namespace(&wrong), "{wrong}");
        let forced = [&snapshot.to_bytes()[..], sign(ALICE, namespace, snapshot.line()).as_bytes()].concat();
        let told = reasons(&Snapshot::parse(&forced).unwrap(), &third, LATER);
        assert!(wrong_namespace(&told[0]), "{told:?}");
    }
    let bundle = unsigned(&duties(1), None);
    for role in [Role::Author, Role::Approver] {
        assert!(bundle.with_signature(&sign(ALICE, snapshot_namespace(role), bundle.manifest_bytes())).is_err());
    }
    let one = vouched(Joining::of(&third, UNTIL), &[AUTHOR]);
    let again = one.with_signature(&sign(ALICE, snapshot_namespace(Role::Author), one.line())).unwrap_err();
    assert!(again.to_string().contains("is in the bundle already"), "{again}");
    let moved = vouched(Joining::of(&third, UNTIL + 1), &[]);
    let moved = moved.with_signature(&sign(ALICE, snapshot_namespace(Role::Author), one.line())).unwrap_err();
    assert!(matches!(moved, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }), "{moved}");
}

/// Whoever keeps an old snapshot would otherwise roll a host back.
#[test]
fn a_host_with_a_chain_does_not_begin_again() {
    let (first, third, fourth) = chain();
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(good(&third));
    for bundle in [&third, &fourth] {
        store.stage(bundle.to_tar().as_slice(), LATER).unwrap();
        store.activate(bundle.digest(), LATER).unwrap();
        // Enrolled once more meanwhile; the next bundle is one like any other.
        store.begin_with(good(&fourth));
    }
    drop(store);
    let mut store = open(dir.path()).unwrap();
    for (snapshot, bundle) in [(good(&third), &third), (good(&first), &first)] {
        store.begin_with(snapshot);
        let refused = store.stage(bundle.to_tar().as_slice(), NOW).unwrap_err().to_string();
        assert!(refused.contains("is older than or as old as the active version 4"), "{refused}");
    }
    drop(store);
    // Nor does a file in the chain make it begin later.
    fs::write(dir.path().join("chain/4.snapshot"), good(&fourth).to_bytes()).unwrap();
    let told = open(dir.path()).unwrap_err().to_string();
    assert!(told.contains("chain/4.snapshot: is there, although the chain begins before"), "{told}");
}

#[test]
fn the_snapshot_is_judged_again_at_each_start() {
    let (_, third, fourth) = chain();
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    store.begin_with(good(&third));
    store.stage(third.to_tar().as_slice(), LATER).unwrap();
    store.activate(third.digest(), LATER).unwrap();
    drop(store);
    let file = dir.path().join("chain/3.snapshot");
    let below = vouched(Joining::of(&third, UNTIL), &[AUTHOR]);
    for bad in [below.to_bytes(), good(&fourth).to_bytes(), b"".to_vec()] {
        fs::write(&file, bad).unwrap();
        let told = open(dir.path()).unwrap_err().to_string();
        assert!(told.contains("chain/3."), "{told}");
    }
    fs::remove_file(&file).unwrap();
    let told = open(dir.path()).unwrap_err().to_string();
    assert!(told.contains("chain/1.tar: is missing, although later bundles are there"), "{told}");
    // It ended before the bundle was there: the host has still to begin.
    fs::write(&file, good(&third).to_bytes()).unwrap();
    fs::remove_file(dir.path().join("chain/3.tar")).unwrap();
    fs::remove_file(dir.path().join("current.tar")).unwrap();
    let mut store = open(dir.path()).unwrap();
    assert!(store.current().is_none());
    store.begin_with(good(&third));
    store.stage(third.to_tar().as_slice(), LATER).unwrap();
    store.activate(third.digest(), LATER).unwrap();
}
