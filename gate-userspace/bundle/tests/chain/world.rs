//! The stores, what happens to them, and what the model knows.

use super::*;

/// A bundle and what the model knows of it.
pub(super) struct Known {
    bundle: Bundle,
    policy: Policy,
    /// The bundle before it, by its place in the list.
    previous: Option<usize>,
    made: u64,
    signatures: Vec<(u8, Role)>,
}

pub(super) struct Process {
    dir: PathBuf,
    pub(super) store: Option<Store>,
    pub(super) model: Model,
    boot: u64,
    /// The bundle in force whose links were looked at.
    checked: Option<Digest>,
}

/// What the store has to have in force, by the number of the bundle.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    in_force: Option<usize>,
    /// The one before it, if somebody may still go back to it.
    before: Option<usize>,
    /// Provisional: what was in force and before that, and the second after the boot at which it is again.
    trial: Option<(Option<usize>, Option<usize>, u64)>,
    reverted: BTreeSet<usize>,
    /// How often it went back at a deadline, and by somebody's word.
    pub(super) backs: (u64, u64),
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

pub(super) struct World {
    _dir: tempfile::TempDir,
    pub(super) processes: Vec<Process>,
    bundles: Vec<Known>,
    by_digest: BTreeMap<Digest, usize>,
    now: u64,
    /// Seconds after the boot, of every process.
    uptime: u64,
}

impl World {
    pub(super) fn new() -> Self {
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

    pub(super) fn step(&mut self, step: &Step) {
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
    pub(super) fn check(&mut self) -> Result<(), TestCaseError> {
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
