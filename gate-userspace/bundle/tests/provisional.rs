//! A provisional bundle goes back by itself, whatever ends meanwhile, and is never taken for confirmed.

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
use tempfile::TempDir;

/// Seconds after the boot at which the bundles of these tests go back.
const DEADLINE: u64 = 60;

fn open_at(dir: &Path, at: &Uptime) -> Result<Store, StoreError> {
    Store::open(dir, root(&duties(1)), ENVIRONMENT, Limits::default(), at)
}

fn open(dir: &Path, seconds: u64) -> Store {
    open_at(dir, &clock(seconds)).unwrap()
}

/// A signed bundle after the one in force, under this version, which no other equals.
fn after(current: Option<&Admitted>, version: u64, words: &str) -> Bundle {
    let mut files = files(&duties(1));
    files.insert("policy/shop.cedar".into(), format!("// {words}\n").into_bytes());
    let previous = current.map(|current| (version - 1, current.digest()));
    let bundle = Bundle::unsigned(Draft { previous, ..draft(None) }, files).unwrap();
    signed(&bundle, &[AUTHOR, APPROVER])
}

fn stage(store: &mut Store, bundle: &Bundle) -> Result<Admission, StoreError> {
    store.stage(bundle.to_tar().as_slice(), NOW)
}

fn load(store: &mut Store, bundle: &Bundle) {
    stage(store, bundle).unwrap();
    store.activate(bundle.digest(), NOW).unwrap();
}

/// A store with a first bundle, and a second one that is provisional.
fn provisional() -> (TempDir, Store, Bundle, Bundle) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 0);
    let first = after(None, 1, "first");
    load(&mut store, &first);
    let second = after(store.current(), 2, "second");
    stage(&mut store, &second).unwrap();
    store.activate_until(second.digest(), NOW, &clock(0), clock(DEADLINE)).unwrap();
    (dir, store, first, second)
}

fn in_force(store: &Store) -> Digest {
    store.current().unwrap().digest()
}

fn reasons(result: Result<Admission, StoreError>) -> Vec<Reason> {
    match result {
        Err(StoreError::Refused(refusal)) => refusal.reasons().to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_is_in_force_until_the_deadline_and_not_longer() {
    let (dir, mut store, first, second) = provisional();
    assert_eq!(in_force(&store), second.digest());
    assert_eq!(store.provisional_until(), Some(&clock(DEADLINE)));
    assert_eq!(store.goes_back_to().unwrap().digest(), first.digest());
    assert!(store.go_back(&clock(DEADLINE - 1)).is_none());
    assert_eq!(in_force(&store), second.digest());
    let gone = store.go_back(&clock(DEADLINE)).unwrap();
    assert_eq!(gone.bundle.digest(), second.digest());
    gone.kept.unwrap();
    assert_eq!(in_force(&store), first.digest());
    assert!(store.provisional_until().is_none() && store.go_back(&clock(DEADLINE)).is_none());
    drop(store);
    assert_eq!(in_force(&open(dir.path(), DEADLINE)), first.digest());
}

#[test]
fn what_is_confirmed_stays() {
    let (dir, mut store, first, second) = provisional();
    let wrong = store.confirm(first.digest(), &clock(1)).unwrap_err();
    assert!(matches!(wrong, StoreError::NotProvisional { .. }), "{wrong}");
    assert_eq!(store.confirm(second.digest(), &clock(DEADLINE - 1)).unwrap().digest(), second.digest());
    assert!(store.go_back(&clock(DEADLINE)).is_none());
    let again = store.confirm(second.digest(), &clock(2)).unwrap_err();
    assert!(matches!(again, StoreError::NotProvisional { .. }), "{again}");
    drop(store);
    let store = open(dir.path(), 10 * DEADLINE);
    assert_eq!(in_force(&store), second.digest());
    assert_eq!(store.predecessor().unwrap().digest(), first.digest());
}

/// Somebody who tries one bundle after the other would keep out a removal that is urgent.
#[test]
fn what_is_abandoned_goes_back_at_once() {
    let (dir, mut store, first, second) = provisional();
    let other = store.abandon(first.digest()).unwrap_err();
    assert!(matches!(other, StoreError::NotProvisional { .. }), "{other}");
    assert_eq!(in_force(&store), second.digest());
    store.abandon(second.digest()).unwrap().kept.unwrap();
    assert_eq!(in_force(&store), first.digest());
    let again = store.abandon(first.digest()).unwrap_err();
    assert!(matches!(again, StoreError::NotProvisional { .. }), "what is confirmed is not abandoned: {again}");
    let third = after(store.current(), 3, "urgent");
    load(&mut store, &third);
    drop(store);
    assert_eq!(in_force(&open(dir.path(), 1)), third.digest());
}

#[test]
fn it_is_not_confirmed_after_the_deadline() {
    let (_dir, mut store, first, second) = provisional();
    let late = store.confirm(second.digest(), &clock(DEADLINE)).unwrap_err();
    assert!(matches!(late, StoreError::TooLate { .. }), "{late}");
    store.go_back(&clock(DEADLINE)).unwrap();
    assert_eq!(in_force(&store), first.digest());
}

#[test]
fn a_restart_before_the_deadline_keeps_it_and_its_deadline() {
    let (dir, store, first, second) = provisional();
    drop(store);
    let mut store = open(dir.path(), DEADLINE - 1);
    assert_eq!((in_force(&store), store.provisional_until()), (second.digest(), Some(&clock(DEADLINE))));
    store.go_back(&clock(DEADLINE)).unwrap().kept.unwrap();
    assert_eq!(in_force(&store), first.digest());
}

#[test]
fn a_restart_after_the_deadline_and_another_boot_go_back() {
    let rebooted = Uptime { boot: "another boot".into(), ns: clock(1).ns };
    for at in [clock(DEADLINE), clock(100 * DEADLINE), rebooted] {
        let (dir, store, first, second) = provisional();
        drop(store);
        let store = open_at(dir.path(), &at).unwrap();
        assert_eq!(in_force(&store), first.digest(), "{at:?}");
        assert_eq!(store.went_back().unwrap().bundle.digest(), second.digest());
        drop(store);
        // Also where the clock of this boot has still to reach the deadline.
        let store = open(dir.path(), 1);
        assert_eq!(in_force(&store), first.digest(), "what went back does not come again");
        assert!(store.went_back().is_none());
    }
}

/// Everything that a step leaves on the disk when it ends in between, and a deadline that somebody took away.
#[test]
fn an_ending_anywhere_leaves_one_of_both_and_never_a_confirmed_one() {
    let copy_of = |from: &Path| {
        let to = tempfile::tempdir().unwrap();
        fs::create_dir(to.path().join("chain")).unwrap();
        for part in ["", "chain"] {
            for entry in fs::read_dir(from.join(part)).unwrap().flatten().filter(|entry| entry.path().is_file()) {
                fs::copy(entry.path(), to.path().join(part).join(entry.file_name())).unwrap();
            }
        }
        to
    };
    let (dir, store, first, second) = provisional();
    drop(store);
    let chain = |dir: &TempDir, name: &str| dir.path().join("chain").join(name);

    // The deadline is written, the bundle is not renamed.
    let ended = copy_of(dir.path());
    fs::rename(chain(&ended, "2.provisional.tar"), ended.path().join("staged.tar")).unwrap();
    assert_eq!(in_force(&open(ended.path(), 1)), first.digest());

    // No deadline, half of one, another bundle's, one that is too far away: it is over.
    let deadline = fs::read_to_string(dir.path().join("deadline.json")).unwrap();
    let other = deadline.replace(&second.digest().to_string(), &first.digest().to_string());
    let far = deadline.replace(&clock(DEADLINE).ns.to_string(), &clock(1_000_000).ns.to_string());
    assert!(other != deadline && far != deadline);
    for text in ["", "{", &deadline[..deadline.len() - 3], &other, &far] {
        let ended = copy_of(dir.path());
        fs::write(ended.path().join("deadline.json"), text).unwrap();
        assert_eq!(in_force(&open(ended.path(), 1)), first.digest(), "{text}");
        fs::remove_file(ended.path().join("deadline.json")).ok();
        assert_eq!(in_force(&open(ended.path(), 1)), first.digest());
    }

    // It went back here, and its name does not say so yet; then it does, and the deadline is still there.
    let ended = copy_of(dir.path());
    assert_eq!(in_force(&open(ended.path(), DEADLINE)), first.digest());
    fs::copy(dir.path().join("deadline.json"), ended.path().join("deadline.json")).unwrap();
    assert_eq!(in_force(&open(ended.path(), 1)), first.digest());

    // It is confirmed, and the copy for the loader lags behind.
    let ended = copy_of(dir.path());
    fs::rename(chain(&ended, "2.provisional.tar"), chain(&ended, "2.tar")).unwrap();
    assert_eq!(in_force(&open(ended.path(), DEADLINE)), second.digest());
    assert_eq!(fs::read(ended.path().join("current.tar")).unwrap(), second.to_tar());

    // No ending leaves both names.
    let ended = copy_of(dir.path());
    fs::copy(chain(&ended, "2.provisional.tar"), chain(&ended, "2.tar")).unwrap();
    let told = open_at(ended.path(), &clock(1)).unwrap_err().to_string();
    assert!(told.contains("chain/2.provisional.tar: is there, although that bundle was confirmed"), "{told}");
}

#[test]
fn the_loader_never_gets_a_provisional_one() {
    let (dir, mut store, first, second) = provisional();
    let copy = || fs::read(dir.path().join("current.tar")).unwrap();
    assert_eq!(copy(), first.to_tar());
    store.confirm(second.digest(), &clock(1)).unwrap();
    assert_eq!(copy(), second.to_tar());
}

#[test]
fn nothing_else_happens_while_a_bundle_is_provisional() {
    let (_dir, mut store, _, second) = provisional();
    for bundle in [after(store.current(), 3, "third"), second] {
        let refused = stage(&mut store, &bundle).unwrap_err();
        assert!(matches!(refused, StoreError::Provisional { version: 2, .. }), "{refused}");
    }
    let refused = store.stage_revert(b"", NOW).unwrap_err();
    assert!(matches!(refused, StoreError::Provisional { version: 2, .. }), "{refused}");
}

#[test]
fn the_first_bundle_cannot_be_provisional() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 0);
    let first = after(None, 1, "first");
    stage(&mut store, &first).unwrap();
    let refused = store.activate_until(first.digest(), NOW, &clock(0), clock(DEADLINE)).unwrap_err();
    assert!(matches!(refused, StoreError::NothingBefore { version: 1 }), "{refused}");
    assert!(store.current().is_none());
    assert_eq!(store.activate(first.digest(), NOW).unwrap().version(), 1);
}

#[test]
fn the_deadline_is_of_this_boot_ahead_and_near() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 0);
    let first = after(None, 1, "first");
    load(&mut store, &first);
    let second = after(store.current(), 2, "second");
    stage(&mut store, &second).unwrap();
    let other_boot = Uptime { boot: "another boot".into(), ns: clock(DEADLINE).ns };
    let endless = Uptime { boot: clock(0).boot, ns: u64::MAX };
    for until in [clock(5), clock(10), clock(10 + MOST_PROVISIONAL_S + 1), other_boot, endless] {
        let refused = store.activate_until(second.digest(), NOW, &clock(10), until.clone()).unwrap_err();
        assert!(matches!(refused, StoreError::Deadline { .. }), "{until:?}: {refused}");
    }
    assert_eq!(in_force(&store), first.digest());
    store.activate_until(second.digest(), NOW, &clock(10), clock(10 + MOST_PROVISIONAL_S)).unwrap();
    assert_eq!(in_force(&store), second.digest());
}

#[test]
fn its_number_is_used_up() {
    let (dir, mut store, first, second) = provisional();
    store.go_back(&clock(DEADLINE)).unwrap();
    assert_eq!(store.used_up(), 2);
    let first_again = store.current().cloned();
    let other = after(first_again.as_ref(), 2, "another second");
    let used_up = |fate| Reason::UsedUp { found: 2, fate, next: 3 };
    assert_eq!(reasons(stage(&mut store, &other)), [used_up(Some(Fate::NotConfirmed))]);
    drop(store);
    let mut store = open(dir.path(), 0);
    assert_eq!(reasons(stage(&mut store, &other)), [used_up(Some(Fate::NotConfirmed))], "also after a restart");
    // What follows the bundle that went back follows nothing.
    let orphan = signed(
        &Bundle::unsigned(Draft { previous: Some((2, second.digest())), ..draft(None) }, files(&duties(1))).unwrap(),
        &[AUTHOR, APPROVER],
    );
    let expected = Reason::PreviousDiffers { expected: Some(first.digest()), found: Some(second.digest()) };
    assert_eq!(reasons(stage(&mut store, &orphan)), [expected]);
    let third = after(first_again.as_ref(), 3, "third");
    load(&mut store, &third);
    drop(store);
    let mut store = open(dir.path(), 0);
    assert_eq!(in_force(&store), third.digest());
    // Now it is history.
    assert!(reasons(stage(&mut store, &second)).contains(&Reason::NotNewer { has: 3, found: 2 }));
}

/// Everybody who had to sign it did, and nobody took it back; a host where it was confirmed has it in its chain.
#[test]
fn the_same_bundle_may_be_loaded_again_while_nothing_newer_went_back() {
    let (dir, mut store, _, second) = provisional();
    store.go_back(&clock(DEADLINE)).unwrap();
    // Provisionally again, and again not confirmed.
    stage(&mut store, &second).unwrap();
    store.activate_until(second.digest(), NOW, &clock(70), clock(130)).unwrap();
    drop(store);
    let mut store = open(dir.path(), 71);
    assert_eq!(in_force(&store), second.digest());
    store.go_back(&clock(130)).unwrap().kept.unwrap();
    load(&mut store, &second);
    drop(store);
    let store = open(dir.path(), 0);
    assert_eq!((in_force(&store), store.used_up()), (second.digest(), 0));
}

#[test]
fn an_older_one_that_went_back_does_not_come_again() {
    let (_dir, mut store, _, second) = provisional();
    store.go_back(&clock(DEADLINE)).unwrap();
    let third = after(store.current(), 3, "third");
    stage(&mut store, &third).unwrap();
    store.activate_until(third.digest(), NOW, &clock(70), clock(130)).unwrap();
    store.go_back(&clock(130)).unwrap();
    let expected = Reason::UsedUp { found: 2, fate: Some(Fate::NotConfirmed), next: 4 };
    assert_eq!(reasons(stage(&mut store, &second)), [expected]);
    stage(&mut store, &third).unwrap();
}

#[test]
fn a_bundle_that_came_too_late_does_not_come_again() {
    let (_dir, mut store, _, second) = provisional();
    store.go_back(&clock(DEADLINE)).unwrap();
    let not_after = second.manifest().not_after();
    let late = store.stage(second.to_tar().as_slice(), not_after + 1);
    assert_eq!(reasons(late), [Reason::Expired { not_after, now: not_after + 1 }]);
}

/// A host that never saw the bundle that went back elsewhere.
#[test]
fn numbers_are_left_out_only_by_what_follows_the_bundle_in_force_and_not_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 0);
    let skips = reasons(stage(&mut store, &after(None, 1, "first").clone_with_version(2)));
    assert!(skips.contains(&Reason::SkipsVersions { expected: 1, found: 2 }), "{skips:?}");
    load(&mut store, &after(None, 1, "first"));
    let far = after(store.current(), 1_003, "far");
    assert_eq!(reasons(stage(&mut store, &far)), [Reason::SkipsVersions { expected: 2, found: 1_003 }]);
    let third = after(store.current(), 3, "third");
    load(&mut store, &third);
    drop(store);
    assert_eq!(in_force(&open(dir.path(), 0)), third.digest());
}

/// A process of the service that went back still has its sockets: under its number nobody else is let in.
#[test]
fn a_number_of_a_service_that_went_back_is_given_to_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path(), 0);
    load(&mut store, &after(None, 1, "first"));
    let first = store.current().cloned();
    let with_service = |version: u64, names: &[&str]| {
        let mut tables = tables(ENVIRONMENT, "the shop");
        for (number, name) in (3..).zip(names) {
            let service = gate_tables::Service { id: gate_tables::ServiceId(number), ..tables.services[0].clone() };
            let (name, cgroup) = ((*name).to_owned(), format!("{name}.service"));
            tables.services.push(gate_tables::Service { name, cgroup, ..service });
        }
        tables.services.sort_by(|one, other| one.name.cmp(&other.name));
        let mut files = files(&duties(1));
        files.insert(TABLES.into(), tables.to_bytes().unwrap());
        let previous = first.as_ref().map(|first| (version - 1, first.digest()));
        signed(&Bundle::unsigned(Draft { previous, ..draft(None) }, files).unwrap(), &[AUTHOR, APPROVER])
    };
    let reports = with_service(2, &["reports"]);
    stage(&mut store, &reports).unwrap();
    store.activate_until(reports.digest(), NOW, &clock(0), clock(DEADLINE)).unwrap();
    store.go_back(&clock(DEADLINE)).unwrap();
    let another = with_service(3, &["archive"]);
    let expected = Reason::NumberTakenOver { number: 3, service: "archive".into(), before: "reports".into() };
    assert_eq!(reasons(stage(&mut store, &another)), std::slice::from_ref(&expected));
    drop(store);
    let mut store = open(dir.path(), 0);
    assert_eq!(reasons(stage(&mut store, &another)), [expected], "also after a restart");
    load(&mut store, &with_service(3, &["reports", "archive"]));
}

trait WithVersion {
    fn clone_with_version(&self, version: u64) -> Bundle;
}

impl WithVersion for Bundle {
    /// The same files as the first of a chain that begins later.
    fn clone_with_version(&self, version: u64) -> Bundle {
        let previous = Some((version - 1, self.digest()));
        let bundle = Bundle::unsigned(Draft { previous, ..draft(None) }, self.files().clone()).unwrap();
        signed(&bundle, &[AUTHOR, APPROVER])
    }
}
