//! The chain of admitted bundles on disk.
//!
//! ```text
//! chain/1.tar, chain/2.tar …   every bundle that was activated; the last one is in force
//! chain/3.provisional.tar      a bundle that goes back at the deadline, unless it is confirmed
//! chain/3.expired.tar          one that went back: nobody confirmed it in time
//! chain/7.snapshot             where the chain of this host begins with 7: what people vouched for
//! chain/3.revert               the statement by which an operator went back from 3 to the bundle before it
//! deadline.json                of the provisional bundle, in this boot
//! current.tar                  a copy of the one in force that is not provisional, for people and for the loader
//! staged.tar                   a bundle that was admitted and waits; it does not outlive the process
//! lock                         held while a process has the store open
//! ```
//!
//! A file's name says what it is, and each step is one renaming: whenever the process ends, the next one finds the state
//! before the step or after it, and what is provisional is never taken for confirmed.
//!
//! The files are not trusted: [`Store::open`] admits the whole chain again, from the enrolled root. What it cannot see
//! is a chain whose end was cut off; that takes the record of another host.

mod error;
mod files;
mod provisional;
mod replay;

pub use error::StoreError;
pub use provisional::{MOST_PROVISIONAL_S, Uptime, WentBack};

use crate::admission::{Fate, History, Judge};
use crate::bundle::Unchecked;
use crate::{
    Admission, Admitted, Change, Digest, EnrolledRoot, Limits, Reason, Refusal, Revert, Signer, Snapshot, check_toxic,
};
use error::io_error;
use files::{Kind, link, remove_if_there, rename, sync_parent, take_lock, write_file};
use provisional::Provisional;
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The bundles that one process admitted, and the one in force.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    trust: EnrolledRoot,
    environment: String,
    limits: Limits,
    in_force: Option<InForce>,
    provisional: Option<Provisional>,
    history: History,
    snapshot: Option<Snapshot>,
    went_back: Option<WentBack>,
    staged: Option<Staged>,
    /// The lock lasts as long as the descriptor.
    _lock: File,
}

/// The bundle in force, and the one that an operator could go back to.
#[derive(Debug, Clone)]
struct InForce {
    current: Admitted,
    previous: Option<Admitted>,
}

#[derive(Debug)]
enum Staged {
    Bundle(Admitted),
    Revert { revert: Revert, by: Signer, to: Admitted },
}

impl InForce {
    fn followed_by(self, current: Admitted) -> Self {
        Self { current, previous: Some(self.current) }
    }
}

impl Store {
    /// Opens the store in `dir`, makes it when it is not there, and admits its whole chain again.
    ///
    /// # Errors
    /// [`StoreError`] names the file that is not what was admitted; nothing is in force then.
    pub fn open(
        dir: &Path,
        trust: EnrolledRoot,
        environment: &str,
        limits: Limits,
        clock: &Uptime,
    ) -> Result<Self, StoreError> {
        let chain = dir.join("chain");
        for dir in [dir, &chain] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
            made.map_err(io_error(dir, "make the directory"))?;
        }
        let lock = take_lock(&dir.join("lock"))?;
        for leftover in ["staged.tar", "new.tar"] {
            remove_if_there(&dir.join(leftover))?;
        }
        let mut store = Self {
            dir: dir.to_owned(),
            trust,
            environment: environment.to_owned(),
            limits,
            in_force: None,
            provisional: None,
            history: History::default(),
            snapshot: None,
            went_back: None,
            staged: None,
            _lock: lock,
        };
        store.replay(clock)?;
        Ok(store)
    }

    /// Where the chain of this host begins, if it has none yet: with the bundle that the snapshot names, and no other.
    pub fn begin_with(&mut self, snapshot: Snapshot) {
        self.snapshot = self.in_force.is_none().then_some(snapshot);
    }

    /// The bundle in force, provisional or not.
    #[must_use]
    pub fn current(&self) -> Option<&Admitted> {
        self.in_force.as_ref().map(|in_force| &in_force.current)
    }

    /// The bundle that an operator could go back to: [`Store::stage_revert`].
    #[must_use]
    pub fn predecessor(&self) -> Option<&Admitted> {
        self.in_force.as_ref()?.previous.as_ref()
    }

    /// Every bundle that may be in force next without being loaded: those that are, and that everything could go back to.
    #[must_use]
    pub fn within_reach(&self) -> Vec<Digest> {
        let back = self.provisional.as_ref().map(Provisional::back);
        let pairs = self.in_force.iter().chain(back);
        pairs.flat_map(|pair| [Some(&pair.current), pair.previous.as_ref()]).flatten().map(Admitted::digest).collect()
    }

    /// The bundle that was provisional when the process ended before, and went back since.
    #[must_use]
    pub const fn went_back(&self) -> Option<&WentBack> {
        self.went_back.as_ref()
    }

    /// The highest version that was in force here and went back; 0 where none did.
    #[must_use]
    pub fn used_up(&self) -> u64 {
        self.history.highest()
    }

    /// The bundle that waits for its activation.
    #[must_use]
    pub const fn staged(&self) -> Option<&Admitted> {
        match &self.staged {
            Some(Staged::Bundle(bundle) | Staged::Revert { to: bundle, .. }) => Some(bundle),
            None => None,
        }
    }

    /// Judges a bundle by the one in force and keeps it for [`Store::activate`]. Nothing takes effect yet.
    /// A bundle that was staged before is forgotten.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every reason, [`StoreError::Provisional`].
    pub fn stage(&mut self, reader: impl Read, now: u64) -> Result<Admission, StoreError> {
        self.discard()?;
        self.settled()?;
        let judge = Judge {
            current: self.current(),
            trust: &self.trust,
            environment: &self.environment,
            now: Some(now),
            history: &self.history,
            snapshot: self.snapshot.as_ref(),
        };
        let admission = judge.tar(Unchecked::read(reader, &self.limits)?)?;
        if let Admission::Admitted(admitted) = &admission {
            self.write(&self.dir.join("staged.tar"), &admitted.bundle().to_tar())?;
            self.staged = Some(Staged::Bundle(admitted.clone()));
        }
        Ok(admission)
    }

    /// Judges a statement that goes back, and keeps it for [`Store::activate`] of the bundle that it goes back to.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every reason, [`StoreError::Provisional`], [`StoreError::NothingToRevert`].
    pub fn stage_revert(&mut self, statement: &[u8], now: u64) -> Result<(&Admitted, &Signer), StoreError> {
        self.discard()?;
        self.settled()?;
        let revert = Revert::parse(statement).map_err(Refusal::from)?;
        let (by, to) = self.judge_revert(&revert, Some(now))?;
        match self.staged.insert(Staged::Revert { revert, by, to }) {
            Staged::Revert { by, to, .. } => Ok((to, by)),
            Staged::Bundle(_) => Err(StoreError::NothingToRevert { what: "nothing was staged" }),
        }
    }

    /// Puts the staged bundle into force, or the one that a staged statement goes back to, on the disk and here.
    ///
    /// # Errors
    /// [`StoreError::NotStaged`] and [`StoreError::Refused`]: the bundle that was in force before still is.
    /// [`StoreError::Io`]: [`Store::current`] says which one is; the disk may not keep it.
    pub fn activate(&mut self, digest: Digest, now: u64) -> Result<&Admitted, StoreError> {
        if let Some(Staged::Revert { revert, to, .. }) =
            self.staged.take_if(|staged| matches!(staged, Staged::Revert { to, .. } if to.digest() == digest))
        {
            return self.revert(&revert, to, now);
        }
        let staged = self.take_staged(digest, now)?;
        if let Some(snapshot) = self.snapshot.take() {
            self.write(&link(&self.dir, staged.version(), Kind::Snapshot), &snapshot.to_bytes())?;
        }
        // From this renaming on, the new bundle is the one that `open` finds.
        let link = link(&self.dir, staged.version(), Kind::Bundle);
        rename(&self.dir.join("staged.tar"), &link)?;
        self.follow(staged);
        sync_parent(&link)?;
        self.keep_copy()?;
        self.in_force(digest)
    }

    /// Forgets what is staged.
    ///
    /// # Errors
    /// [`StoreError::Io`] when its file cannot be removed.
    pub fn discard(&mut self) -> Result<(), StoreError> {
        self.staged = None;
        remove_if_there(&self.dir.join("staged.tar"))
    }

    fn revert(&mut self, revert: &Revert, to: Admitted, now: u64) -> Result<&Admitted, StoreError> {
        // Its time may be over since it was staged.
        self.judge_revert(revert, Some(now))?;
        let digest = to.digest();
        let statement = link(&self.dir, revert.said().version, Kind::Revert);
        self.write(&statement, &revert.to_bytes())?;
        self.reverted(to);
        self.keep_copy()?;
        self.in_force(digest)
    }

    /// Everything has gone back, once: nothing goes back further but by a new bundle.
    fn reverted(&mut self, to: Admitted) {
        let gone = self.in_force.replace(InForce { current: to, previous: None });
        if let Some(InForce { current, .. }) = gone {
            self.history.burn(current.bundle(), Fate::Reverted);
        }
    }

    fn judge_revert(&self, revert: &Revert, now: Option<u64>) -> Result<(Signer, Admitted), StoreError> {
        let Some(InForce { current, previous }) = &self.in_force else {
            return Err(StoreError::NothingToRevert { what: "no bundle is in force here" });
        };
        let Some(predecessor) = previous else {
            let what = "the bundle in force is the first here, or everything went back to it already";
            return Err(StoreError::NothingToRevert { what });
        };
        let by = revert.judge(current, predecessor, &self.environment, now).map_err(Refusal::new)?;
        Ok((by, predecessor.clone()))
    }

    /// The staged bundle, if it is this one and may still be activated.
    fn take_staged(&mut self, digest: Digest, now: u64) -> Result<Admitted, StoreError> {
        let staged =
            self.staged.take_if(|staged| matches!(staged, Staged::Bundle(bundle) if bundle.digest() == digest));
        let Some(Staged::Bundle(staged)) = staged else {
            return Err(StoreError::NotStaged { wanted: digest, staged: self.staged().map(Admitted::digest) });
        };
        if let Some(snapshot) = &self.snapshot {
            let not_after = snapshot.said().not_after;
            let stale = (now > not_after).then(|| Refusal::from(Reason::SnapshotStale { not_after, now }));
            return stale.map_or(Ok(staged), |stale| Err(stale.into()));
        }
        let not_after = staged.manifest().not_after();
        if now > not_after {
            return Err(Refusal::from(Reason::Expired { not_after, now }).into());
        }
        // An exception may have ended since it was staged.
        let change = Change::of(staged.bundle(), self.current().map(Admitted::bundle));
        check_toxic(staged.bundle(), &change, now)?;
        Ok(staged)
    }

    fn settled(&self) -> Result<(), StoreError> {
        match (&self.provisional, self.current()) {
            (Some(_), Some(current)) => {
                Err(StoreError::Provisional { bundle: current.digest(), version: current.version() })
            }
            _ => Ok(()),
        }
    }

    fn in_force(&self, wanted: Digest) -> Result<&Admitted, StoreError> {
        self.current().ok_or(StoreError::NotStaged { wanted, staged: None })
    }

    fn keep_copy(&self) -> Result<(), StoreError> {
        match self.current() {
            Some(current) => self.write(&self.dir.join("current.tar"), &current.bundle().to_tar()),
            None => Ok(()),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        write_file(&self.dir, path, bytes)
    }
}
