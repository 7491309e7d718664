//! Four people, six processes with a store each, and everything that happens to bundles between them: proposed, signed,
//! approved, staged, activated, tried for a while, confirmed, reverted, discarded, replayed, too late, from another
//! branch, and processes that end anywhere, hosts that boot again.
//!
//! Whatever the order: no store has a bundle in force that the duties before it did not ask for, by a model that is
//! written down here without the code under test; and no store goes back but at a deadline that was set for it, or by
//! the word of an operator where that only takes access away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod stories;
#[path = "../support/mod.rs"]
mod support;

use gate_bundle::*;
use gate_tables::Tables;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stories::{DUTIES_OF, ENROLLED, Policy, Rule, Step, story};
use support::shop::{self, BATCH, LEDGER, WEB, line};
use support::*;

const STORES: usize = 6;
const PEOPLE: u8 = 4;
/// How long after its making a bundle may be activated.
const LIFE: u64 = 100;
/// After that no new story begins.
const LONGEST: Duration = Duration::from_secs(12);

fn tables(cells: u8) -> Tables {
    let mut tables = shop::tables();
    let all = [
        line(shop::ORDERS, Some("orders.get"), [&[0], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.list"), [&[0], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.create"), [&[1], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.list"), [&[4], &[]], &[BATCH]),
        line(LEDGER, None, [&[5], &[]], &[WEB]),
        line(LEDGER, None, [&[4], &[]], &[BATCH]),
    ];
    tables.access = (0..).zip(all).filter(|(bit, _)| cells & (1 << bit) != 0).map(|(_, line)| line).collect();
    shop::finish(tables)
}

fn duties_text(number: usize) -> String {
    let Rule { authors, approvers, approvals, operators } = DUTIES_OF[number];
    let person = |person: u8| {
        let duty = |bits: u8, word: &'static str| (bits & (1 << person) != 0).then_some(word);
        let duties = [duty(authors, "\"author\""), duty(approvers, "\"approve\""), duty(operators, "\"operate\"")];
        let may: Vec<&str> = duties.into_iter().flatten().collect();
        let may = if may.is_empty() { vec!["\"audit\""] } else { may };
        format!("[person.p{person}]\nkeys = [\"{}\"]\nmay = [{}]\n", line_of(person), may.join(", "))
    };
    let people: String = (0..PEOPLE).map(person).collect();
    format!("mode = \"team\"\napprovals = {approvals}\n{people}")
}

fn line_of(person: u8) -> String {
    support::line(person + 1)
}

/// A bundle and what the model knows of it.
struct Known {
    bundle: Bundle,
    policy: Policy,
    /// The bundle before it, by its place in the list.
    previous: Option<usize>,
    made: u64,
    signatures: Vec<(u8, Role)>,
}

struct Process {
    dir: PathBuf,
    store: Option<Store>,
    model: Model,
    boot: u64,
    /// The bundle in force whose links were looked at.
    checked: Option<Digest>,
}

/// What the store has to have in force, by the number of the bundle.
#[derive(Debug, Clone, Default)]
struct Model {
    in_force: Option<usize>,
    /// The one before it, if somebody may still go back to it.
    before: Option<usize>,
    /// Provisional: what was in force and before that, and the second after the boot at which it is again.
    trial: Option<(Option<usize>, Option<usize>, u64)>,
    reverted: BTreeSet<usize>,
    /// How often it went back at a deadline, and by somebody's word.
    backs: (u64, u64),
}

impl Model {
    fn activated(&mut self, bundle: usize) {
        self.before = self.in_force.replace(bundle);
    }

    fn pass(&mut self, now: u64, rebooted: bool) {
        if let Some((in_force, before, _)) = self.trial.take_if(|(.., deadline)| rebooted || now >= *deadline) {
            (self.in_force, self.before) = (in_force, before);
            self.backs.0 += 1;
        }
    }
}

struct World {
    _dir: tempfile::TempDir,
    processes: Vec<Process>,
    bundles: Vec<Known>,
    by_digest: BTreeMap<Digest, usize>,
    now: u64,
    /// Seconds after the boot, of every process.
    uptime: u64,
}

impl World {
    fn new() -> Self {
        // In memory, where there is such a directory: thousands of files are synced.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let process = |number: usize| {
            let dir = dir.path().join(number.to_string());
            Process { store: Some(open(&dir, &at(0, 0))), dir, model: Model::default(), boot: 0, checked: None }
        };
        let processes = (0..STORES).map(process).collect();
        Self { _dir: dir, processes, bundles: Vec::new(), by_digest: BTreeMap::new(), now: NOW, uptime: 0 }
    }

    fn store(&mut self, number: usize) -> &mut Store {
        self.processes[number].store.as_mut().unwrap()
    }

    fn step(&mut self, step: &Step) {
        let known = self.bundles.len();
        match *step {
            Step::Propose { after, store, policy, removes } => self.propose(after, store, policy, removes),
            Step::SignAll { own } => self.sign_all(own),
            Step::CatchUp { store } => self.catch_up(store),
            Step::Wait => self.now += LIFE / 2,
            Step::Discard { store } => self.store(store).discard().unwrap(),
            Step::Crash { store, leftover } => self.crash(store, leftover, false),
            Step::OldCopy { store } => self.old_copy(store),
            Step::Activate { store: number, late } => {
                let now = self.now + if late { LIFE + 1 } else { 0 };
                let store = self.store(number);
                if let Some(digest) = store.staged().map(Admitted::digest) {
                    let until = store.activate(digest, now).map(|admitted| admitted.manifest().not_after());
                    assert!(until.as_ref().is_err() || until.as_ref().is_ok_and(|until| now <= *until), "too late");
                    if until.is_ok() {
                        self.activated(number, digest);
                    }
                }
            }
            Step::ActivateUntil { store, seconds } => self.activate_until(store, seconds),
            Step::Confirm { store } => self.confirm(store),
            Step::Tick { seconds } => self.tick(seconds),
            Step::Reboot { store } => {
                self.processes[store].boot += 1;
                self.crash(store, false, true);
            }
            Step::Revert { store, person, forward } => self.revert(store, person, forward),
            Step::Sign { .. } | Step::Stage { .. } | Step::ActivateOther { .. } if known == 0 => {}
            Step::Sign { bundle, person, role } => self.sign(bundle % known, person, role),
            Step::Stage { store, bundle, late } => {
                let now = self.now + if late { LIFE + 1 } else { 0 };
                // Mostly the newest.
                let tar = self.bundles[known - 1 - bundle % known].bundle.to_tar();
                if let Ok(Admission::Admitted(admitted)) = self.store(store).stage(tar.as_slice(), now) {
                    assert!(now <= admitted.manifest().not_after(), "staged too late");
                }
            }
            Step::ActivateOther { store, bundle } => {
                let (digest, now) = (self.bundles[bundle % known].bundle.digest(), self.now);
                if self.store(store).activate(digest, now).is_ok() {
                    self.activated(store, digest);
                }
            }
        }
    }

    fn activated(&mut self, store: usize, digest: Digest) {
        let bundle = self.by_digest[&digest];
        let model = &mut self.processes[store].model;
        assert!(model.trial.is_none(), "a bundle came beside one that is provisional");
        assert!(!model.reverted.contains(&bundle), "a reverted bundle came again");
        model.activated(bundle);
    }

    fn activate_until(&mut self, number: usize, seconds: u64) {
        let (now, uptime, boot) = (self.now, self.uptime, self.processes[number].boot);
        let store = self.store(number);
        let Some(digest) = store.staged().map(Admitted::digest) else { return };
        let until = at(boot, uptime + seconds);
        if store.activate_until(digest, now, &at(boot, uptime), until).is_ok() {
            assert!(seconds <= MOST_PROVISIONAL_S);
            let model = &self.processes[number].model;
            let trial = (model.in_force, model.before, uptime + seconds);
            assert!(trial.0.is_some(), "nothing to go back to");
            self.activated(number, digest);
            self.processes[number].model.trial = Some(trial);
        }
    }

    fn confirm(&mut self, number: usize) {
        let (uptime, boot) = (self.uptime, self.processes[number].boot);
        let store = self.store(number);
        let Some(digest) = store.current().map(Admitted::digest) else { return };
        let confirmed = store.confirm(digest, &at(boot, uptime)).is_ok();
        let trial = self.processes[number].model.trial.take();
        assert_eq!(confirmed, trial.is_some_and(|(.., deadline)| uptime < deadline), "confirmed in time");
    }

    fn tick(&mut self, seconds: u64) {
        self.uptime += seconds;
        for process in &mut self.processes {
            let went = process.store.as_mut().unwrap().go_back(&at(process.boot, self.uptime));
            assert!(went.is_none_or(|went| went.kept.is_ok()));
            process.model.pass(self.uptime, false);
        }
    }

    /// By a person, from what is in force to what was before it, or the other way round.
    fn revert(&mut self, number: usize, person: u8, forward: bool) {
        let model = self.processes[number].model.clone();
        let (Some(in_force), Some(before)) = (model.in_force, model.before.or(model.reverted.first().copied())) else {
            return;
        };
        let (from, to) = if forward { (before, in_force) } else { (in_force, before) };
        let (from, to, now) = (&self.bundles[from], &self.bundles[to], self.now);
        let said = Reverting {
            environment: ENVIRONMENT.into(),
            version: from.bundle.manifest().version(),
            bundle: from.bundle.digest(),
            predecessor: to.bundle.digest(),
            not_after: now + LIFE,
        };
        let (was, is) = (from.policy, to.policy);
        let may = !forward
            && model.trial.is_none()
            && model.before.is_some()
            && is.cells & !was.cells == 0
            && is.duties == was.duties
            && DUTIES_OF[was.duties].operators & (1 << person) != 0;
        let armored = sign(person + 1, REVERT_NAMESPACE, &Revert::line(&said).unwrap());
        let statement = Revert::signed(said, &armored).unwrap().to_bytes();
        let to = to.bundle.digest();
        let store = self.store(number);
        let staged = store.stage_revert(&statement, now).is_ok();
        assert_eq!(staged, may, "{was:?} to {is:?} by {person}");
        if staged {
            store.activate(to, now).unwrap();
            let model = &mut self.processes[number].model;
            model.reverted.insert(in_force);
            (model.in_force, model.before) = (Some(before), None);
            model.backs.1 += 1;
        }
    }

    fn propose(&mut self, after: Option<usize>, store: usize, policy: Policy, removes: bool) {
        let in_force = self.store(store).current().map(Admitted::digest).map(|digest| self.by_digest[&digest]);
        let previous = match after {
            Some(number) if !self.bundles.is_empty() => Some(self.bundles.len() - 1 - number % self.bundles.len()),
            _ => in_force,
        };
        let used_up = self.store(store).used_up();
        let before = previous.map(|number| &self.bundles[number].bundle);
        let policy = match previous.map(|number| self.bundles[number].policy) {
            None => Policy { duties: ENROLLED, ..policy },
            Some(before) if removes => Policy { cells: policy.cells & before.cells, ..before },
            Some(_) => policy,
        };
        let mut files = files(&duties_text(policy.duties));
        files.insert(TABLES.into(), tables(policy.cells).to_bytes().unwrap());
        // Each is another one, also where it says the same.
        files.insert("policy/shop.cedar".into(), format!("// {}\n", self.bundles.len()).into_bytes());
        let draft = Draft {
            environment: ENVIRONMENT.into(),
            previous: before.map(|before| (before.manifest().version().max(used_up), before.digest())),
            git_commit: None,
            created: self.now,
            not_after: self.now + LIFE,
        };
        let bundle = Bundle::unsigned(draft, files).unwrap();
        self.by_digest.insert(bundle.digest(), self.bundles.len());
        self.bundles.push(Known { bundle, policy, previous, made: self.now, signatures: Vec::new() });
    }

    fn sign(&mut self, bundle: usize, person: u8, role: Role) {
        let newest = self.bundles.len() - 1 - bundle;
        let known = &mut self.bundles[newest];
        let armored = sign(person + 1, signing_namespace(role), known.bundle.manifest_bytes());
        if let Ok(signed) = known.bundle.with_signature(&armored) {
            known.bundle = signed;
            known.signatures.push((person, role));
        }
    }

    fn sign_all(&mut self, own: bool) {
        let Some(newest) = self.bundles.last() else { return };
        let before = newest.previous.map_or(ENROLLED, |previous| self.bundles[previous].policy.duties);
        let rule = DUTIES_OF[if own { newest.policy.duties } else { before }];
        let people = |bits: u8| (0..PEOPLE).filter(move |person| bits & (1 << person) != 0);
        let author = people(rule.authors).next().unwrap();
        let approvers: Vec<u8> =
            people(rule.approvers).filter(|person| *person != author).take(rule.approvals).collect();
        self.sign(0, author, Role::Author);
        approvers.into_iter().for_each(|person| self.sign(0, person, Role::Approver));
    }

    fn catch_up(&mut self, store: usize) {
        let length = self.store(0).current().map_or(0, Admitted::version);
        for version in self.store(store).current().map_or(0, Admitted::version) + 1..=length {
            // Numbers of bundles that went back are left out.
            let Ok(tar) = fs::read(self.processes[0].dir.join(format!("chain/{version}.tar"))) else { continue };
            let now = self.now;
            if let Ok(Admission::Admitted(admitted)) = self.store(store).stage(tar.as_slice(), now) {
                self.store(store).activate(admitted.digest(), now).unwrap();
                self.activated(store, admitted.digest());
            }
        }
    }

    fn crash(&mut self, store: usize, leftover: bool, rebooted: bool) {
        let uptime = self.uptime;
        let process = &mut self.processes[store];
        process.store = None;
        if leftover {
            fs::write(process.dir.join("new.tar"), b"half a bun").unwrap();
            fs::write(process.dir.join("staged.tar"), b"half a bun").unwrap();
        }
        let again = open(&process.dir, &at(process.boot, uptime));
        process.model.pass(uptime, rebooted);
        assert!(again.staged().is_none());
        process.store = Some(again);
    }

    /// An ending within an activation leaves the copy one behind; somebody who rolls back leaves it further behind.
    fn old_copy(&mut self, store: usize) {
        let now = at(self.processes[store].boot, self.uptime);
        let process = &mut self.processes[store];
        let version = process.store.as_ref().unwrap().current().map_or(0, Admitted::version);
        let copy = process.dir.join("current.tar");
        // Where nothing went back, the one before has the number before.
        let whole = (1..=version).all(|version| process.dir.join(format!("chain/{version}.tar")).exists());
        if version < 2 || !whole || process.model.trial.is_some() || !process.model.reverted.is_empty() {
            return;
        }
        process.store = None;
        let older = version - 1 - u64::from(version > 2 && version.is_multiple_of(2));
        let good = fs::read(&copy).unwrap();
        fs::copy(process.dir.join(format!("chain/{older}.tar")), &copy).unwrap();
        if older + 1 == version {
            process.store = Some(open(&process.dir, &now));
        } else {
            let rolled = Store::open(&process.dir, enrolled(), ENVIRONMENT, Limits::default(), &now);
            assert!(rolled.is_err(), "a copy that is two behind is nobody's ending");
            fs::write(&copy, good).unwrap();
            process.store = Some(open(&process.dir, &now));
        }
    }

    /// What must hold of every store, at every moment.
    fn check(&mut self) -> Result<(), TestCaseError> {
        for process in &mut self.processes {
            let current = process.store.as_ref().unwrap().current();
            let expected = process.model.in_force.map(|number| self.bundles[number].bundle.digest());
            prop_assert_eq!(current.map(Admitted::digest), expected, "{:?}", process.model);
            let Some(current) = current else { continue };
            if process.checked.replace(current.digest()) == Some(current.digest()) {
                continue;
            }
            // What is in force is looked at link by link, back to the root.
            let mut number = self.by_digest[&current.digest()];
            let ending = if process.model.trial.is_some() { "provisional.tar" } else { "tar" };
            let on_disk = fs::read(process.dir.join(format!("chain/{}.{ending}", current.version()))).unwrap();
            let mut signed = Bundle::from_tar(on_disk.as_slice(), &Limits::default()).unwrap();
            loop {
                let known = &self.bundles[number];
                let present: Vec<(u8, Role)> = signers_of(&signed);
                let before = known.previous.map(|previous| self.bundles[previous].policy);
                prop_assert!(
                    allowed(before, known.policy, &present),
                    "{:?} by {:?} after {:?}",
                    known.policy,
                    present,
                    before
                );
                prop_assert!(present.iter().all(|one| known.signatures.contains(one)), "a signature that nobody made");
                prop_assert!(known.made <= self.now);
                let Some(previous) = known.previous else { break };
                let version = self.bundles[previous].bundle.manifest().version();
                let link = fs::read(process.dir.join(format!("chain/{version}.tar"))).unwrap();
                signed = Bundle::from_tar(link.as_slice(), &Limits::default()).unwrap();
                prop_assert_eq!(signed.digest(), self.bundles[previous].bundle.digest(), "another chain");
                number = previous;
            }
        }
        Ok(())
    }
}

/// Who signed as what, by the keys.
fn signers_of(bundle: &Bundle) -> Vec<(u8, Role)> {
    let person = |key: &Key| (0..PEOPLE).find(|person| Key::parse(&line_of(*person)).unwrap() == *key).unwrap();
    bundle.signatures().iter().map(|signed| (person(&signed.key), signed.role)).collect()
}

/// The rule, as design §7 says it, for bits and numbers.
fn allowed(before: Option<Policy>, after: Policy, signatures: &[(u8, Role)]) -> bool {
    let rule = DUTIES_OF[before.map_or(ENROLLED, |before| before.duties)];
    let as_role = |role| signatures.iter().filter(move |(_, signed)| *signed == role).map(|(person, _)| *person);
    let may = |bits: u8, person: u8| bits & (1 << person) != 0;
    let sound = as_role(Role::Author).all(|person| may(rule.authors, person))
        && as_role(Role::Approver).all(|person| may(rule.approvers, person));
    let authors: Vec<u8> = as_role(Role::Author).collect();
    let others = as_role(Role::Approver).filter(|person| !authors.contains(person)).count();
    let removal = before.is_some_and(|before| {
        let (was, is) = (before.cells, after.cells);
        is & !was == 0 && is != was && before.duties == after.duties
    });
    let needed = if removal { !signatures.is_empty() } else { authors.len() == 1 && others >= rule.approvals };
    sound && needed
}

fn enrolled() -> EnrolledRoot {
    root(&duties_text(ENROLLED))
}

fn open(dir: &std::path::Path, now: &Uptime) -> Store {
    Store::open(dir, enrolled(), ENVIRONMENT, Limits::default(), now).unwrap()
}

/// So many seconds after that boot.
fn at(boot: u64, seconds: u64) -> Uptime {
    Uptime { boot: boot.to_string(), ns: clock(seconds).ns }
}

#[test]
fn no_store_has_a_bundle_in_force_without_the_people_that_its_predecessor_asks_for() {
    let (activated, removals) = (Cell::new(0), Cell::new(0));
    let (deadlines, reverts) = (Cell::new(0), Cell::new(0));
    let (start, all) = (Instant::now(), Cell::new(true));
    let mut runner = TestRunner::new(Config::with_cases(64));
    let run = runner.run(&story(), |story| {
        if start.elapsed() > LONGEST {
            all.set(false);
            return Ok(());
        }
        let mut world = World::new();
        for step in &story {
            world.step(step);
            world.check()?;
        }
        for process in &world.processes {
            let (at_deadline, by_word) = process.model.backs;
            deadlines.set(deadlines.get() + at_deadline);
            reverts.set(reverts.get() + by_word);
            let current = process.store.as_ref().unwrap().current();
            activated.set(activated.get() + current.map_or(0, Admitted::version));
            let by_one = current.is_some_and(|current| current.signers().quorum == Quorum::RemovalByOne);
            removals.set(removals.get() + u64::from(by_one));
        }
        Ok(())
    });
    run.unwrap();
    // Stories that get nowhere prove nothing.
    let somewhere = activated.get() > 100 && removals.get() > 5 && deadlines.get() > 5 && reverts.get() > 5;
    let told = (activated.get(), removals.get(), deadlines.get(), reverts.get());
    assert!(somewhere || !all.get(), "{told:?} activated, by one, back at a deadline, reverted");
}

#[test]
fn the_model_tells_removals_from_additions() {
    let policy = |cells, duties| Policy { cells, duties };
    let author = [(0, Role::Author)];
    let both = [(0, Role::Author), (2, Role::Approver)];
    assert!(!allowed(None, policy(1, ENROLLED), &author));
    assert!(allowed(None, policy(1, ENROLLED), &both));
    assert!(allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &author));
    assert!(allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &[(3, Role::Approver)]));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &[(3, Role::Author)]));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(5, ENROLLED), &author));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(1, 0), &author));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(3, ENROLLED), &author));
}
