//! Bundles that go back unless somebody confirms them.

use super::files::{Kind, link, read_file, remove_if_there, rename, sync_parent, write_file};
use super::{InForce, Store, StoreError};
use crate::admission::Fate;
use crate::{Admitted, Digest};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How far away the deadline of a provisional bundle may be, in seconds.
pub const MOST_PROVISIONAL_S: u64 = 600;
const SECOND_NS: u64 = 1_000_000_000;

/// A moment of one boot of this host: a clock that nobody can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uptime {
    /// Which boot: `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// `CLOCK_BOOTTIME`, in nanoseconds.
    pub ns: u64,
}

/// `deadline.json`. It is there before the bundle is; without it, a provisional bundle has gone back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deadline {
    bundle: Digest,
    boot: String,
    until_ns: u64,
}

/// What a provisional bundle goes back to, and when.
#[derive(Debug)]
pub(super) struct Provisional {
    back: InForce,
    until: Uptime,
}

/// A bundle that went back, because nobody confirmed it in time.
#[derive(Debug)]
pub struct WentBack {
    /// It.
    pub bundle: Admitted,
    /// Whether the disk says so, too. If not, the next start finds that its time is over.
    pub kept: Result<(), StoreError>,
}

impl Deadline {
    /// The moment, where this is the deadline of that bundle, in this boot, and not over.
    pub(super) fn of(&self, bundle: Digest, now: &Uptime) -> Option<Uptime> {
        let until = Uptime { boot: self.boot.clone(), ns: self.until_ns };
        (self.bundle == bundle && !until.is_over(now) && within(&until, now).is_ok()).then_some(until)
    }
}

impl Uptime {
    /// Another boot's moments are over.
    fn is_over(&self, now: &Self) -> bool {
        self.boot != now.boot || now.ns >= self.ns
    }
}

fn within(until: &Uptime, now: &Uptime) -> Result<(), StoreError> {
    let away_s = (!until.is_over(now)).then(|| (until.ns - now.ns).div_ceil(SECOND_NS));
    match away_s {
        Some(away_s) if away_s <= MOST_PROVISIONAL_S => Ok(()),
        _ => Err(StoreError::Deadline { away_s, most_s: MOST_PROVISIONAL_S }),
    }
}

impl Provisional {
    pub(super) const fn new(back: InForce, until: Uptime) -> Self {
        Self { back, until }
    }

    pub(super) const fn back(&self) -> &InForce {
        &self.back
    }
}

impl Store {
    /// As [`Store::activate`], but the bundle goes back at `until` unless it is confirmed: [`Store::confirm`],
    /// [`Store::go_back`]. Both moments are of this boot.
    ///
    /// # Errors
    /// Those of [`Store::activate`], and [`StoreError::NothingBefore`], [`StoreError::Deadline`].
    pub fn activate_until(
        &mut self,
        digest: Digest,
        now: u64,
        clock: &Uptime,
        until: Uptime,
    ) -> Result<&Admitted, StoreError> {
        within(&until, clock)?;
        let Some(back) = self.in_force.clone() else {
            let version = self.staged().map_or(1, Admitted::version);
            return Err(StoreError::NothingBefore { version });
        };
        let staged = self.take_staged(digest, now)?;
        let deadline = Deadline { bundle: digest, boot: until.boot.clone(), until_ns: until.ns };
        // The deadline first: a bundle that is provisional is never without one.
        write_file(&self.dir, &self.deadline(), &serde_json::to_vec(&deadline).unwrap_or_default())?;
        let link = link(&self.dir, staged.version(), Kind::Provisional);
        rename(&self.dir.join("staged.tar"), &link)?;
        self.provisional = Some(Provisional::new(back, until));
        self.follow(staged);
        sync_parent(&link)?;
        self.in_force(digest)
    }

    /// Until when the bundle in force is provisional; `None` where it is not.
    #[must_use]
    pub fn provisional_until(&self) -> Option<&Uptime> {
        self.provisional.as_ref().map(|provisional| &provisional.until)
    }

    /// What is in force once nothing is provisional any more and nobody confirmed.
    #[must_use]
    pub fn goes_back_to(&self) -> Option<&Admitted> {
        self.provisional.as_ref().map(|provisional| &provisional.back.current)
    }

    /// The provisional bundle stays.
    ///
    /// # Errors
    /// [`StoreError::NotProvisional`], [`StoreError::TooLate`]: it is still to go back. [`StoreError::Io`]:
    /// [`Store::provisional_until`] says whether it is; the disk may not keep it.
    pub fn confirm(&mut self, digest: Digest, clock: &Uptime) -> Result<&Admitted, StoreError> {
        let in_force = self.current().map(Admitted::digest);
        let (Some(provisional), true) = (&self.provisional, in_force == Some(digest)) else {
            return Err(StoreError::NotProvisional { wanted: digest, in_force });
        };
        if provisional.until.is_over(clock) {
            return Err(StoreError::TooLate { wanted: digest });
        }
        let version = self.current().map_or(0, Admitted::version);
        let confirmed = link(&self.dir, version, Kind::Bundle);
        rename(&link(&self.dir, version, Kind::Provisional), &confirmed)?;
        self.provisional = None;
        sync_parent(&confirmed)?;
        self.keep_copy()?;
        self.current().ok_or(StoreError::NotProvisional { wanted: digest, in_force: None })
    }

    /// Goes back, where the deadline is over; otherwise nothing happens. In this process it cannot fail.
    pub fn go_back(&mut self, clock: &Uptime) -> Option<WentBack> {
        if self.provisional.as_ref()?.until.is_over(clock) { self.end_trial() } else { None }
    }

    /// Goes back now. Without it, whoever loads one provisional bundle after the other would keep every other one out.
    ///
    /// # Errors
    /// [`StoreError::NotProvisional`].
    pub fn abandon(&mut self, digest: Digest) -> Result<WentBack, StoreError> {
        let in_force = self.current().map(Admitted::digest);
        let went_back = if in_force == Some(digest) { self.end_trial() } else { None };
        went_back.ok_or(StoreError::NotProvisional { wanted: digest, in_force })
    }

    fn end_trial(&mut self) -> Option<WentBack> {
        let Provisional { back, .. } = self.provisional.take()?;
        let bundle = self.in_force.replace(back)?.current;
        self.history.burn(bundle.bundle(), Fate::NotConfirmed);
        let kept = self.keep_expired(bundle.version());
        Some(WentBack { bundle, kept })
    }

    /// The name on the disk says it from here on.
    pub(super) fn keep_expired(&self, version: u64) -> Result<(), StoreError> {
        let expired = link(&self.dir, version, Kind::Expired);
        rename(&link(&self.dir, version, Kind::Provisional), &expired)?;
        sync_parent(&expired)?;
        remove_if_there(&self.deadline())
    }

    pub(super) fn read_deadline(&self) -> Option<Deadline> {
        serde_json::from_slice(&read_file(&self.deadline()).ok()?).ok()
    }

    fn deadline(&self) -> PathBuf {
        self.dir.join("deadline.json")
    }
}
