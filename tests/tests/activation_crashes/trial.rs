//! One activation with one crash in it.

use super::probe::{Kind, Seen, Watch};
use super::tracer::Tracer;
use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_record::{Entry, Event};
use gate_tests::{Candidate, Host, at, operator::ORDER, record::Mark, until, until_within};
use std::{fmt, time::Duration};

/// Longer than a role takes to find the others again after its start.
const REPAIR: Duration = Duration::from_secs(15);

/// Where in an activation a role is killed.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    /// Before anybody staged.
    BeforeStaging,
    /// After all have staged; those before it switch then.
    Staged,
    /// After it and those before it have switched, and the others have not.
    Switched,
    /// After it alone has switched.
    Alone,
    /// While it switches, as it enters its nth call of that name; those before it have switched.
    During(&'static str, u32),
}

/// An activation that is watched.
pub struct Trial<'h> {
    pub host: &'h mut Host,
    pub next: Candidate,
    pub from: Kind,
    watch: Watch,
    mark: Mark,
    switched: bool,
}

impl<'h> Trial<'h> {
    /// A crash of this role at this point, and the repair.
    pub fn of(host: &'h mut Host, role: Role, point: Point) -> anyhow::Result<()> {
        let mut trial = Trial::begin(host)?;
        let before = ORDER.iter().take_while(|other| **other != role);
        match point {
            Point::BeforeStaging => {
                trial.host.kill_role(role)?;
                trial.look("without it")?;
                let loaded = trial.host.load(&trial.next)?;
                ensure!(!loaded.succeeded(), "loaded without gate-{role}: {}", loaded.text());
                trial.is_all_old(role)?;
            }
            Point::Staged => {
                trial.host.stage_everywhere(&trial.next)?;
                trial.host.kill_role(role)?;
                before.copied().try_for_each(|other| trial.switch(other))?;
            }
            Point::Switched | Point::Alone => {
                trial.host.stage_everywhere(&trial.next)?;
                if matches!(point, Point::Switched) {
                    before.copied().try_for_each(|other| trial.switch(other))?;
                }
                trial.switch(role)?;
                trial.look("before the crash")?;
                trial.host.kill_role(role)?;
            }
            Point::During(call, number) => {
                trial.host.stage_everywhere(&trial.next)?;
                before.copied().try_for_each(|other| trial.switch(other))?;
                let tracer = Tracer::attach(trial.host.pid_of(role).context("it runs")?, call, number)?;
                ensure!(trial.switch(role).is_err(), "it answered, and was to be killed before");
                trial.host.wait_for_end(role)?;
                drop(tracer);
            }
        }
        trial.look("after the crash")?;
        trial.host.start_roles(&[role])?;
        trial.look("after its restart")?;
        trial.repaired(&[role])
    }

    /// The bundle after the one in force, of the other kind. Connections are opened under the old one.
    pub fn begin(host: &'h mut Host) -> anyhow::Result<Self> {
        let from = Kind::of_version(host.bundle()?.manifest().version());
        let to = if from == Kind::Shop { Kind::Other } else { Kind::Shop };
        let shop = host.policy.clone();
        // The cases are the shop's; the first bundle has them.
        let shop = shop.clone().without_cases().unwrap_or(shop);
        let next = host.candidate(to.policy_after(&shop)?)?;
        let mark = host.mark()?;
        let watch = Watch::begin(host, from)?;
        let mut trial = Self { host, next, from, watch, mark, switched: false };
        let seen = trial.look("before")?;
        ensure!(seen.is_all_of(from), "before anything happened: {seen}");
        Ok(trial)
    }

    /// Has a role switch.
    pub fn switch(&mut self, role: Role) -> anyhow::Result<()> {
        self.host.activate(role, &self.next)
    }

    /// Looks from the outside: all that is allowed is allowed by one bundle, and never by the old one again.
    pub fn look(&mut self, when: &str) -> anyhow::Result<Seen> {
        let seen = self.watch.look(self.host)?;
        let generation = seen.generation().with_context(|| format!("{when}, a mix of two bundles: {seen}"))?;
        ensure!(!(self.switched && generation == self.from), "{when}, the old bundle again: {seen}");
        self.switched = generation != self.from;
        Ok(seen)
    }

    fn is_all_old(&self, dead: Role) -> anyhow::Result<()> {
        for role in ORDER.into_iter().filter(|role| *role != dead) {
            let version = self.version_of(role)?;
            ensure!(version + 1 == self.next.version(), "gate-{role} is on {version} although nobody may switch");
        }
        Ok(())
    }

    fn version_of(&self, role: Role) -> anyhow::Result<u64> {
        at(&self.host.operator().status(role)?, "/version").as_u64().context("a version")
    }

    /// Waits until a role has staged the bundle.
    pub fn until_staged(&self, role: Role) -> anyhow::Result<()> {
        let digest = self.next.bundle.digest().to_string();
        until(&format!("gate-{role} to stage"), || {
            Ok((*at(&self.host.operator().status(role)?, "/staged") == digest.as_str()).then_some(()))
        })
    }

    /// Waits until a role has switched.
    pub fn until_switched(&self, role: Role) -> anyhow::Result<()> {
        until(&format!("gate-{role} to switch"), || Ok((self.version_of(role)? == self.next.version()).then_some(())))
    }

    /// Loading the same bundle again puts it into force everywhere, and the record tells of all that happened.
    pub fn repaired(mut self, killed: &[Role]) -> anyhow::Result<()> {
        let loaded = self.host.load(&self.next)?;
        ensure!(loaded.succeeded(), "loading it again: {}", loaded.text());
        for role in ORDER {
            let version = self.version_of(role)?;
            ensure!(version == self.next.version(), "gate-{role} is on {version} after the repair");
        }
        let to = if self.from == Kind::Shop { Kind::Other } else { Kind::Shop };
        let mut last = String::new();
        let all = until_within(REPAIR, "the new bundle to be all that is served", || {
            let seen = self.look("after the repair")?;
            last = seen.to_string();
            Ok(seen.is_all_of(to).then_some(()))
        });
        all.with_context(|| format!("the last look: {last}"))?;
        self.watch.nothing_came_late(self.host)?;
        for role in ORDER {
            self.recorded(&format!("gate-{role} put it into force"), |entry| self.in_force(entry, role))?;
        }
        for role in killed {
            let began = |entry: &Entry| entry.role == role.name() && matches!(entry.report.event, Event::Start { .. });
            self.recorded(&format!("gate-{role} was started again"), began)?;
        }
        self.host.has_loaded(self.next);
        Ok(())
    }

    fn in_force(&self, entry: &Entry, role: Role) -> bool {
        let Event::Bundle { step, candidate_version, .. } = &entry.report.event else { return false };
        let happened = ["activated", "restored"].contains(&step.as_str());
        entry.role == role.name() && happened && *candidate_version == self.next.version()
    }

    fn recorded(&self, what: &str, wanted: impl Fn(&Entry) -> bool) -> anyhow::Result<()> {
        let found = self.host.entry_after(self.mark, wanted)?;
        ensure!(found.is_some(), "the record does not say that {what}");
        Ok(())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeStaging => f.write_str("before anybody staged"),
            Self::Staged => f.write_str("after all had staged"),
            Self::Switched => f.write_str("after it had switched, in its turn"),
            Self::Alone => f.write_str("after it alone had switched"),
            Self::During(call, number) => write!(f, "while it switched, at {call}() number {number}"),
        }
    }
}
