//! One operator goes back to the bundle before, where that only takes access away, and nowhere else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use gate_tables::Tables;
use std::fs;
use std::path::Path;
use support::*;
use tempfile::TempDir;

/// Alice and Bob write and approve; Carol and Ed operate, Ed for team-batch alone (and approves); Dave audits.
fn people() -> String {
    format!(
        "mode = \"team\"\napprovals = 1\n\
         [person.alice]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\"]\n\
         [person.bob]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\"]\n\
         [person.carol]\nkeys = [\"{}\"]\nmay = [\"operate\"]\n\
         [person.dave]\nkeys = [\"{}\"]\nmay = [\"audit\"]\n\
         [person.ed]\nkeys = [\"{}\"]\nmay = [\"operate\", \"approve\"]\nowners = [\"team-batch\"]\n",
        line(ALICE),
        line(BOB),
        line(CAROL),
        line(DAVE),
        line(ED),
    )
}

const ED: u8 = 6;

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, root(&people()), ENVIRONMENT, Limits::default(), &clock(0))
}

fn load(store: &mut Store, duties: &str, tables: &Tables) -> Digest {
    let version = store.current().map_or(0, Admitted::version).max(store.used_up());
    let mut files = files(duties);
    files.insert(TABLES.into(), tables.to_bytes().unwrap());
    let previous = store.current().map(|current| (version, current.digest()));
    let bundle = Bundle::unsigned(Draft { previous, ..draft(None) }, files).unwrap();
    let bundle = signed(&bundle, &[AUTHOR, APPROVER]);
    store.stage(bundle.to_tar().as_slice(), NOW).unwrap();
    store.activate(bundle.digest(), NOW).unwrap().digest()
}

/// The shop without what the whole one gives, as the first bundle; the whole shop as the second.
fn widened() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    load(&mut store, &people(), &fewer());
    load(&mut store, &people(), &shop::tables());
    (dir, store)
}

fn fewer() -> Tables {
    shop::with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
    })
}

fn reverting(store: &Store) -> Reverting {
    let current = store.current().unwrap();
    Reverting {
        environment: ENVIRONMENT.into(),
        version: current.version(),
        bundle: current.digest(),
        predecessor: store.predecessor().map_or(current.digest(), Admitted::digest),
        not_after: NOW + 3_600,
    }
}

fn by(seed: u8, said: &Reverting) -> Vec<u8> {
    let signature = sign(seed, REVERT_NAMESPACE, &Revert::line(said).unwrap());
    Revert::signed(said.clone(), &signature).unwrap().to_bytes()
}

fn reasons(store: &mut Store, statement: &[u8]) -> Vec<Reason> {
    let before = store.current().map(Admitted::digest);
    let reasons = match store.stage_revert(statement, NOW) {
        Err(StoreError::Refused(refusal)) => refusal.reasons().to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(store.current().map(Admitted::digest), before);
    reasons
}

fn revert(store: &mut Store, statement: &[u8]) {
    let to = store.stage_revert(statement, NOW).unwrap().0.digest();
    store.activate(to, NOW).unwrap();
}

#[test]
fn one_operator_goes_back_and_it_is_kept() {
    let (dir, mut store) = widened();
    let (second, first) = (store.current().unwrap().digest(), store.predecessor().unwrap().digest());
    let statement = by(CAROL, &reverting(&store));
    let (to, signer) = store.stage_revert(&statement, NOW).unwrap();
    assert_eq!((to.digest(), signer.person.as_str()), (first, "carol"));
    assert_eq!(store.current().unwrap().digest(), second, "staging changes nothing");
    assert_eq!(store.activate(first, NOW).unwrap().digest(), first);
    assert_eq!(fs::read(dir.path().join("current.tar")).unwrap(), store.current().unwrap().bundle().to_tar());
    drop(store);
    let mut store = open(dir.path()).unwrap();
    assert_eq!((store.current().unwrap().digest(), store.used_up()), (first, 2));
    // A new bundle follows what is in force, with a number of its own.
    load(&mut store, &people(), &shop::tables());
    drop(store);
    let store = open(dir.path()).unwrap();
    assert_eq!((store.current().unwrap().version(), store.predecessor().unwrap().digest()), (3, first));
}

#[test]
fn the_statement_is_checked_again_at_each_start() {
    let (dir, mut store) = widened();
    let said = reverting(&store);
    revert(&mut store, &by(CAROL, &said));
    drop(store);
    let file = dir.path().join("chain/2.revert");
    let good = fs::read(&file).unwrap();
    let signed_by_alice = by(ALICE, &said);
    for bad in [&good[..good.len() - 60], &signed_by_alice, b"", &good[1..]] {
        fs::write(&file, bad).unwrap();
        let told = open(dir.path()).unwrap_err().to_string();
        assert!(told.contains("chain/2.revert"), "{told}");
    }
    // Long after its time it still holds: it was followed in time.
    fs::write(&file, &good).unwrap();
    open(dir.path()).unwrap();
    // The copy for the loader may lag one step behind, as after an ending within the step.
    fs::copy(dir.path().join("chain/2.tar"), dir.path().join("current.tar")).unwrap();
    open(dir.path()).unwrap();
    assert_eq!(fs::read(dir.path().join("current.tar")).unwrap(), fs::read(dir.path().join("chain/1.tar")).unwrap());
}

#[test]
fn going_back_to_more_access_is_refused_and_says_who_gains_what() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    load(&mut store, &people(), &shop::tables());
    load(&mut store, &people(), &fewer());
    let statement = by(CAROL, &reverting(&store));
    let reasons = reasons(&mut store, &statement);
    assert!(matches!(reasons.as_slice(), [Reason::RevertGives { .. }]), "{reasons:?}");
    let told = reasons[0].to_string();
    assert!(told.contains("web -> orders.create by b-web-writes") && told.contains("a new bundle"), "{told}");
}

/// Somebody who was taken out of the duties would be back in them.
#[test]
fn going_back_to_other_duties_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    load(&mut store, &people(), &fewer());
    load(
        &mut store,
        &people().replace("\"author\", \"approve\"]\n[person.bob]", "\"author\"]\n[person.bob]"),
        &shop::tables(),
    );
    let statement = by(CAROL, &reverting(&store));
    assert_eq!(reasons(&mut store, &statement), [Reason::RevertGives { because: vec![Because::Duties] }]);
}

#[test]
fn where_no_access_changes_one_may_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let first = load(&mut store, &people(), &shop::tables());
    load(&mut store, &people(), &shop::with(|tables| tables.rules[0].reason = "another".into()));
    let statement = by(CAROL, &reverting(&store));
    revert(&mut store, &statement);
    assert_eq!(store.current().unwrap().digest(), first);
}

#[test]
fn p63_a_statement_is_about_this_environment_and_these_two_bundles() {
    let (_dir, mut store) = widened();
    let right = reverting(&store);
    let other = Digest::of(b"another");
    let elsewhere = Reverting { environment: "staging".into(), ..right.clone() };
    let told = reasons(&mut store, &by(CAROL, &elsewhere));
    assert_eq!(told, [Reason::WrongEnvironment { expected: ENVIRONMENT.into(), found: "staging".into() }]);
    for from in [Reverting { bundle: other, ..right.clone() }, Reverting { version: 3, ..right.clone() }] {
        let told = reasons(&mut store, &by(CAROL, &from));
        assert!(matches!(told.as_slice(), [Reason::RevertsAnother { .. }]), "{told:?}");
    }
    let to = Reverting { predecessor: other, ..right.clone() };
    let found = right.predecessor;
    assert_eq!(reasons(&mut store, &by(CAROL, &to)), [Reason::RevertsToAnother { stated: other, found }]);
    let late = Reverting { not_after: NOW - 1, ..right };
    assert_eq!(reasons(&mut store, &by(CAROL, &late)), [Reason::Expired { not_after: NOW - 1, now: NOW }]);
}

#[test]
fn only_who_operates_by_the_duties_in_force_goes_back() {
    let (_dir, mut store) = widened();
    let said = reverting(&store);
    for (seed, name) in [(ALICE, "alice"), (DAVE, "dave")] {
        let told = reasons(&mut store, &by(seed, &said));
        assert_eq!(told, [Reason::NotOperator { person: name.into() }]);
    }
    let told = reasons(&mut store, &by(STRANGER, &said));
    assert!(matches!(told.as_slice(), [Reason::UnknownKey { .. }]), "{told:?}");
    // Ed operates for team-batch; web and orders are none of his.
    let told = reasons(&mut store, &by(ED, &said));
    assert!(matches!(told.as_slice(), [Reason::BeyondOperator { person, .. }] if person == "ed"), "{told:?}");
}

/// The duties may have changed since somebody signed.
#[test]
fn a_statement_of_somebody_who_operates_no_longer_is_refused() {
    let (_dir, mut store) = widened();
    let without = people().replace(
        &format!("[person.carol]\nkeys = [\"{}\"]\nmay = [\"operate\"]", line(CAROL)),
        &format!("[person.carol]\nkeys = [\"{}\"]\nmay = [\"audit\"]", line(CAROL)),
    );
    assert_ne!(without, people());
    load(&mut store, &without, &fewer());
    load(&mut store, &without, &shop::tables());
    let statement = by(CAROL, &reverting(&store));
    assert_eq!(reasons(&mut store, &statement), [Reason::NotOperator { person: "carol".into() }]);
}

#[test]
fn p63_signatures_of_other_kinds_do_not_go_back() {
    let (_dir, mut store) = widened();
    let said = reverting(&store);
    let text = Revert::line(&said).unwrap();
    for namespace in ["gate-author@v1", "gate-approver@v1", "git", "file", "gate-revert@v2"] {
        let signature = sign(CAROL, namespace, &text);
        let refused = Revert::signed(said.clone(), &signature).unwrap_err();
        assert!(refused.to_string().contains("right is \"gate-revert@v1\""), "{refused}");
        let forced = [&text[..], b"\n", signature.as_bytes()].concat();
        let told = reasons(&mut store, &forced);
        let wrong = |reason: &Reason| {
            matches!(reason, Reason::Signature { problem: SignatureProblem::WrongNamespace { .. }, .. })
        };
        assert!(wrong(&told[0]) && told.len() == 1, "{told:?}");
    }
    // Nor does a statement's signature sign a bundle.
    let bundle = unsigned(&people(), store.current());
    assert!(bundle.with_signature(&sign(ALICE, REVERT_NAMESPACE, bundle.manifest_bytes())).is_err());
}

#[test]
fn bytes_that_are_no_statement() {
    let (_dir, mut store) = widened();
    let good = by(CAROL, &reverting(&store));
    let text = String::from_utf8(good.clone()).unwrap();
    let spaced = text.replacen("\"format\":1", "\"format\": 1", 1);
    let twice = format!("{text}{}", &text[text.find('\n').unwrap() + 1..]);
    let unsigned = &text[..=text.find('\n').unwrap()];
    let unknown = text.replacen("{\"statement\"", "{\"more\":1,\"statement\"", 1);
    let kind = text.replacen("gate-revert\"", "gate-snapshot\"", 1);
    let after = format!("{text}\n");
    let huge = "x".repeat(70_000);
    for bad in [spaced.as_str(), &twice, unsigned, &unknown, &kind, &after, &huge, "", "\u{0}", "{}\n"] {
        let told = reasons(&mut store, bad.as_bytes());
        assert!(matches!(told.as_slice(), [Reason::Statement(_)]), "{told:?}");
    }
    // Another number of the same length: the signature is of other bytes.
    let changed = text.replacen("\"not_after\":18", "\"not_after\":28", 1);
    let told = reasons(&mut store, changed.as_bytes());
    assert!(matches!(&told[0], Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }), "{told:?}");
    revert(&mut store, &good);
}

#[test]
fn a_reverted_bundle_does_not_come_again() {
    let (dir, mut store) = widened();
    let second = store.current().unwrap().bundle().to_tar();
    let statement = by(CAROL, &reverting(&store));
    revert(&mut store, &statement);
    for _ in 0..2 {
        let refused = store.stage(second.as_slice(), NOW).unwrap_err().to_string();
        assert!(refused.contains("a bundle of that version was reverted; the next one is 3"), "{refused}");
        drop(store);
        store = open(dir.path()).unwrap();
    }
}

#[test]
fn a_statement_is_followed_once_and_there_is_no_revert_of_a_revert() {
    let (_dir, mut store) = widened();
    let (second, first) = (store.current().unwrap().digest(), store.predecessor().unwrap().digest());
    let statement = by(CAROL, &reverting(&store));
    revert(&mut store, &statement);
    let again = store.stage_revert(&statement, NOW).unwrap_err();
    assert!(matches!(again, StoreError::NothingToRevert { .. }), "{again}");
    // Forward again, as if it were backward.
    let forward = Reverting { version: 1, bundle: first, predecessor: second, ..reverting(&store) };
    let forward = store.stage_revert(&by(CAROL, &forward), NOW).unwrap_err();
    assert!(matches!(forward, StoreError::NothingToRevert { .. }), "{forward}");
    // After the next bundle, the old statement is about bundles that are not there.
    load(&mut store, &people(), &shop::tables());
    let told = reasons(&mut store, &statement);
    assert!(matches!(told.as_slice(), [Reason::RevertsAnother { .. }]), "{told:?}");
}

#[test]
fn the_first_bundle_is_not_reverted() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path()).unwrap();
    let none = store.stage_revert(b"", NOW).unwrap_err();
    assert!(matches!(none, StoreError::Refused(_)), "{none}");
    load(&mut store, &people(), &fewer());
    let said = reverting(&store);
    let first = store.stage_revert(&by(CAROL, &said), NOW).unwrap_err();
    assert!(first.to_string().contains("is the first here"), "{first}");
}

#[test]
fn a_staged_statement_may_be_too_late() {
    let (_dir, mut store) = widened();
    let said = reverting(&store);
    let to = store.stage_revert(&by(CAROL, &said), NOW).unwrap().0.digest();
    let late = store.activate(to, said.not_after + 1).unwrap_err();
    assert!(matches!(late, StoreError::Refused(_)), "{late}");
    assert_eq!(store.current().unwrap().version(), 2);
}
