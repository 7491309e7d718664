//! The chain again, from the enrolled root.

use super::files::{Kind, link, list, read_file};
use super::provisional::Provisional;
use super::{InForce, Store, StoreError, Uptime, WentBack};
use crate::admission::{Fate, Judge};
use crate::{Admitted, Bundle, Revert, Snapshot};

/// The bytes that `current.tar` has now, and had before the last step.
#[derive(Default)]
struct Copies {
    steps: u64,
    last: Vec<u8>,
    before: Vec<u8>,
}

impl Copies {
    fn step(&mut self, bytes: Vec<u8>) {
        self.before = std::mem::replace(&mut self.last, bytes);
        self.steps += 1;
    }
}

impl Store {
    /// Admits everything again. What was provisional still is, until its deadline; in another boot it has gone back.
    pub(super) fn replay(&mut self, clock: &Uptime) -> Result<(), StoreError> {
        let found = list(&self.dir.join("chain"))?;
        let last = found.last_key_value().map_or(0, |(version, _)| *version);
        let mut copies = Copies::default();
        for (version, kinds) in found {
            if kinds.contains(&Kind::Provisional) && kinds.contains(&Kind::Bundle) {
                let path = link(&self.dir, version, Kind::Provisional);
                return Err(StoreError::Chain { path, what: "is there, although that bundle was confirmed" });
            }
            for kind in kinds {
                match kind {
                    Kind::Snapshot => self.replay_snapshot(version)?,
                    Kind::Expired => self.replay_expired(version)?,
                    Kind::Provisional => self.replay_provisional(version, version == last, clock)?,
                    Kind::Bundle => self.replay_bundle(version, &mut copies)?,
                    Kind::Revert => self.replay_revert(version, &mut copies)?,
                }
            }
        }
        // An ending before the first bundle was there leaves its snapshot.
        self.snapshot = None;
        self.mend_copy(&copies)
    }

    fn read(&self, version: u64, kind: Kind) -> Result<(Bundle, Vec<u8>), StoreError> {
        let path = link(&self.dir, version, kind);
        let bytes = read_file(&path)?;
        let bundle = Bundle::from_tar(bytes.as_slice(), &self.limits);
        let bundle = bundle.map_err(|refusal| StoreError::Untrusted { path: path.clone(), refusal })?;
        if bundle.manifest().version() != version {
            return Err(StoreError::Chain { path, what: "is a bundle of another version" });
        }
        Ok((bundle, bytes))
    }

    /// Only where the chain begins; that the bundle beside it is the one is judged with the bundle.
    fn replay_snapshot(&mut self, version: u64) -> Result<(), StoreError> {
        let path = link(&self.dir, version, Kind::Snapshot);
        if self.in_force.is_some() {
            return Err(StoreError::Chain { path, what: "is there, although the chain begins before" });
        }
        let snapshot = Snapshot::parse(&read_file(&path)?);
        self.snapshot = Some(snapshot.map_err(|error| StoreError::Untrusted { path, refusal: error.into() })?);
        Ok(())
    }

    /// It was in force and is not: nothing depends on it but its number.
    fn replay_expired(&mut self, version: u64) -> Result<(), StoreError> {
        let (bundle, _) = self.read(version, Kind::Expired)?;
        self.history.burn(&bundle, Fate::NotConfirmed);
        Ok(())
    }

    fn replay_bundle(&mut self, version: u64, copies: &mut Copies) -> Result<(), StoreError> {
        let (bundle, bytes) = self.read(version, Kind::Bundle)?;
        let admitted = self.readmit(&bundle, Kind::Bundle)?;
        self.follow(admitted);
        copies.step(bytes);
        Ok(())
    }

    fn replay_provisional(&mut self, version: u64, is_last: bool, clock: &Uptime) -> Result<(), StoreError> {
        let (bundle, _) = self.read(version, Kind::Provisional)?;
        let admitted = self.readmit(&bundle, Kind::Provisional)?;
        let until = self.read_deadline().and_then(|deadline| deadline.of(bundle.digest(), clock));
        match (until.filter(|_| is_last), self.in_force.clone()) {
            (Some(until), Some(back)) => {
                self.provisional = Some(Provisional::new(back, until));
                self.follow(admitted);
            }
            _ => {
                self.history.burn(&bundle, Fate::NotConfirmed);
                let kept = self.keep_expired(version);
                self.went_back = Some(WentBack { bundle: admitted, kept });
            }
        }
        Ok(())
    }

    fn replay_revert(&mut self, version: u64, copies: &mut Copies) -> Result<(), StoreError> {
        let path = link(&self.dir, version, Kind::Revert);
        let untrusted = |refusal| StoreError::Untrusted { path: path.clone(), refusal };
        let revert = Revert::parse(&read_file(&path)?).map_err(|error| untrusted(error.into()))?;
        let (_, to) = self.judge_revert(&revert, None).map_err(|error| match error {
            StoreError::Refused(refusal) => untrusted(refusal),
            StoreError::NothingToRevert { what } => StoreError::Chain { path: path.clone(), what },
            other => other,
        })?;
        copies.step(to.bundle().to_tar());
        self.reverted(to);
        Ok(())
    }

    fn readmit(&self, bundle: &Bundle, kind: Kind) -> Result<Admitted, StoreError> {
        let version = bundle.manifest().version();
        let (current, path) = (self.current(), link(&self.dir, version, kind));
        let expected = current.map_or(0, Admitted::version).max(self.history.highest()).saturating_add(1);
        if self.snapshot.is_none()
            && version > expected
            && bundle.manifest().previous() != current.map(Admitted::digest)
        {
            let path = link(&self.dir, expected, Kind::Bundle);
            return Err(StoreError::Chain { path, what: "is missing, although later bundles are there" });
        }
        let (trust, environment, history) = (&self.trust, self.environment.as_str(), &self.history);
        let judge = Judge { current, trust, environment, now: None, history, snapshot: self.snapshot.as_ref() };
        judge.bundle(bundle).map_err(|refusal| StoreError::Untrusted { path, refusal })
    }

    /// The bundle is in force from here on.
    pub(super) fn follow(&mut self, admitted: Admitted) {
        self.history.forget(admitted.version());
        self.snapshot = None;
        self.in_force = Some(match self.in_force.take() {
            Some(before) => before.followed_by(admitted),
            None => InForce { current: admitted, previous: None },
        });
    }

    /// `current.tar` may lag one step behind, when the process ended within it; nothing else.
    fn mend_copy(&self, copies: &Copies) -> Result<(), StoreError> {
        let Copies { steps, last, before } = copies;
        let path = self.dir.join("current.tar");
        let there = path.try_exists().map_err(super::error::io_error(&path, "look for it"))?;
        let copy = if there { Some(read_file(&path)?) } else { None };
        let lags = match &copy {
            None => *steps <= 1,
            Some(copy) => *steps >= 2 && copy == before,
        };
        match copy {
            None if *steps == 0 => Ok(()),
            Some(copy) if *steps >= 1 && copy == *last => Ok(()),
            _ if lags => self.write(&path, last),
            None => Err(StoreError::Chain { path, what: "is missing, although there is a chain" }),
            Some(_) => Err(StoreError::Chain { path, what: "is not the last bundle of the chain, byte for byte" }),
        }
    }
}
