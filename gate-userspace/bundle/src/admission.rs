//! Whether a bundle may take effect.

mod change;
mod history;
mod scope;
mod signers;
mod toxic;

pub(crate) use change::join;
pub use change::{Because, Change};
pub use history::Fate;
pub(crate) use history::History;
use signers::Signatures;
pub use toxic::{Held, check_toxic};

use crate::bundle::{Signed, Unchecked, check_signatures};
use crate::commit::Vouched;
use crate::{Bundle, DUTIES, Digest, Duties, Joining, Limits, Manifest, Mode, Reason, Refusal, Snapshot};
use gate_tables::Tables;
use serde::Serialize;
use std::fmt;
use std::io::Read;

/// How many version numbers a bundle may leave out. Without a bound, one person could use up all of them at once.
const MAX_LEAP: u64 = 1_000;

/// What root trusts before there is any bundle: the first bundle brings exactly these duties, and satisfies them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolledRoot {
    /// The environment that the chain is for.
    pub environment: String,
    /// The SHA-256 of the first bundle's `duties.toml`.
    pub duties_sha256: Digest,
}

/// A person whose signature counted, and the key it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// The name in the duties that judged the bundle.
    pub person: String,
    /// `SHA256:…`.
    pub fingerprint: String,
}

/// Whose signatures admitted a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signers {
    /// Why they were enough.
    pub quorum: Quorum,
    /// Who wrote it; `None` where an approver alone took access away.
    pub author: Option<Signer>,
    /// Who approved it, by name. In solo mode the author may be among them.
    pub approvers: Vec<Signer>,
}

/// How many signatures were enough for a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// An author, and the approvals that the duties ask for.
    Full,
    /// One: the bundle only takes access away, and leaves the duties as they are.
    RemovalByOne,
}

impl fmt::Display for Quorum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::RemovalByOne => "removal by one",
        })
    }
}

/// A bundle that may take effect after the one it was judged by. Only this crate makes one. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Admitted {
    bundle: Bundle,
    signers: Signers,
}

/// What became of a bundle that was not refused.
#[derive(Debug, Clone)]
pub enum Admission {
    /// It may take effect.
    Admitted(Admitted),
    /// It is the one in force; nothing is to be done.
    AlreadyActive,
}

impl Admitted {
    /// The bundle.
    #[must_use]
    pub const fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.bundle.manifest()
    }

    /// Its place in the chain.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.manifest().version()
    }

    /// Its name: the SHA-256 of its manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.bundle.digest()
    }

    /// The commit of the policy repository.
    #[must_use]
    pub fn git_commit(&self) -> Option<&str> {
        self.manifest().git_commit()
    }

    /// The compiled tables.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        self.bundle.tables()
    }

    /// The duties in force once it is: they judge the next bundle.
    #[must_use]
    pub fn duties(&self) -> &Duties {
        self.bundle.duties()
    }

    /// The bytes of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.bundle.file(name)
    }

    /// Whose signatures admitted it.
    #[must_use]
    pub const fn signers(&self) -> &Signers {
        &self.signers
    }
}

/// Judges a bundle: its place in the chain, its time, and its signatures by the duties in force.
///
/// `environment` is the host's, `now` is in seconds since 1970.
///
/// # Errors
/// [`Refusal`] holds every reason.
pub fn admit(
    candidate: &Bundle,
    current: Option<&Admitted>,
    trust: &EnrolledRoot,
    environment: &str,
    now: u64,
) -> Result<Admission, Refusal> {
    if current.is_some_and(|current| current.digest() == candidate.digest()) {
        return Ok(Admission::AlreadyActive);
    }
    let judge = Judge { current, trust, environment, now: Some(now), history: &History::default(), snapshot: None };
    judge.bundle(candidate).map(Admission::Admitted)
}

/// As [`Bundle::from_tar`] and [`admit`], with the reasons of both at once.
///
/// # Errors
/// [`Refusal`] holds every reason.
pub fn admit_tar(
    reader: impl Read,
    limits: &Limits,
    current: Option<&Admitted>,
    trust: &EnrolledRoot,
    environment: &str,
    now: u64,
) -> Result<Admission, Refusal> {
    let judge = Judge { current, trust, environment, now: Some(now), history: &History::default(), snapshot: None };
    judge.tar(Unchecked::read(reader, limits)?)
}

/// What a bundle is judged by.
pub(crate) struct Judge<'a> {
    pub(crate) current: Option<&'a Admitted>,
    pub(crate) trust: &'a EnrolledRoot,
    /// The host's.
    pub(crate) environment: &'a str,
    /// In seconds since 1970; `None` for a bundle that was activated before: expiry gates the first activation only.
    pub(crate) now: Option<u64>,
    pub(crate) history: &'a History,
    /// Where the chain begins on this host, if not at its beginning.
    pub(crate) snapshot: Option<&'a Snapshot>,
}

struct Candidate<'a> {
    manifest: &'a Manifest,
    digest: Digest,
    tables: Option<&'a Tables>,
    duties: Option<&'a Duties>,
    duties_bytes: Option<&'a [u8]>,
    signatures: Vec<Result<Signed, Reason>>,
    vouched: Option<&'a Vouched>,
}

impl Judge<'_> {
    /// An archive, with everything that is wrong with it and its place at once.
    pub(crate) fn tar(&self, unchecked: Unchecked) -> Result<Admission, Refusal> {
        let candidate = Candidate {
            manifest: &unchecked.manifest,
            digest: unchecked.digest,
            tables: unchecked.tables.as_ref(),
            duties: unchecked.duties.as_ref(),
            duties_bytes: unchecked.members().files.get(DUTIES).map(Vec::as_slice),
            signatures: check_signatures(unchecked.members()),
            vouched: unchecked.vouched.as_ref(),
        };
        let same = self.current.is_some_and(|current| current.digest() == unchecked.digest);
        let judged = if same { Ok(None) } else { self.candidate(candidate).map(Some) };
        match (unchecked.into_bundle(), judged) {
            (Ok(_), Ok(None)) => Ok(Admission::AlreadyActive),
            (Ok(bundle), Ok(Some(signers))) => Ok(Admission::Admitted(Admitted { bundle, signers })),
            (Err(mut reasons), Err(more)) => {
                reasons.extend(more);
                Err(Refusal::new(reasons))
            }
            (Err(reasons), Ok(_)) | (Ok(_), Err(reasons)) => Err(Refusal::new(reasons)),
        }
    }

    pub(crate) fn bundle(&self, bundle: &Bundle) -> Result<Admitted, Refusal> {
        let candidate = Candidate {
            manifest: bundle.manifest(),
            digest: bundle.digest(),
            tables: Some(bundle.tables()),
            duties: Some(bundle.duties()),
            duties_bytes: bundle.file(DUTIES),
            signatures: check_signatures(bundle.members()),
            vouched: bundle.vouched(),
        };
        let signers = self.candidate(candidate).map_err(Refusal::new)?;
        Ok(Admitted { bundle: bundle.clone(), signers })
    }

    fn candidate(&self, candidate: Candidate<'_>) -> Result<Signers, Vec<Reason>> {
        if let (Some(snapshot), None) = (self.snapshot, self.current) {
            return self.first_of_host(snapshot, candidate);
        }
        let mut reasons = self.place(candidate.manifest, candidate.digest);
        reasons.extend(self.time(candidate.manifest));
        reasons.extend(candidate.tables.map(|tables| self.history.taken_over(tables)).unwrap_or_default());
        let judges = self.duties_in_force(&candidate, &mut reasons);
        let change = self.change(&candidate);
        if let (Some(change), Some(duties), Some(tables)) = (&change, candidate.duties, candidate.tables) {
            reasons.extend(toxic::judge(duties, tables, change, self.now));
        }
        let mut sound = Vec::new();
        for signature in candidate.signatures {
            match signature {
                Ok(signed) => sound.push(signed),
                Err(reason) => reasons.push(reason),
            }
        }
        let signers = judges.and_then(|duties| {
            let signed =
                Signatures { sound: &sound, commit: candidate.vouched, follows: candidate.manifest.previous() };
            signers::judge(signed, duties, change.as_ref(), &mut reasons)
        });
        match signers {
            Some(signers) if reasons.is_empty() => Ok(signers),
            _ => Err(reasons),
        }
    }

    /// The first bundle of a host that joins late. The people of its own duties vouch for it, whom root enrolled; those of
    /// its predecessor are not known here. It is in force elsewhere, so that neither its time nor an exception's ends it.
    fn first_of_host(&self, snapshot: &Snapshot, candidate: Candidate<'_>) -> Result<Signers, Vec<Reason>> {
        let found = Joining {
            environment: candidate.manifest.environment().to_owned(),
            version: candidate.manifest.version(),
            bundle: candidate.digest,
            duties: Digest::of(candidate.duties_bytes.unwrap_or_default()),
            not_after: 0,
        };
        let mut reasons = self.environments(candidate.manifest);
        reasons.extend(snapshot.place(&found, self.environment, self.trust.duties_sha256, self.now));
        let change = self.change(&candidate);
        if let (Some(change), Some(duties), Some(tables)) = (&change, candidate.duties, candidate.tables) {
            reasons.extend(toxic::judge(duties, tables, change, None));
        }
        reasons.extend(candidate.signatures.into_iter().filter_map(Result::err));
        let mut sound = Vec::new();
        for signature in snapshot.signatures() {
            match signature {
                Ok(signed) => sound.push(signed),
                Err(reason) => reasons.push(reason),
            }
        }
        let signed = Signatures { sound: &sound, commit: None, follows: None };
        let judged = candidate.duties.filter(|_| found.duties == self.trust.duties_sha256);
        let signers = judged.and_then(|duties| signers::judge(signed, duties, change.as_ref(), &mut reasons));
        match signers {
            Some(signers) if reasons.is_empty() => Ok(signers),
            _ => Err(reasons),
        }
    }

    fn environments(&self, manifest: &Manifest) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let expected = self.environment.to_owned();
        if self.trust.environment != self.environment {
            let found = self.trust.environment.clone();
            reasons.push(Reason::RootEnvironment { expected: expected.clone(), found });
        }
        if manifest.environment() != self.environment {
            reasons.push(Reason::WrongEnvironment { expected, found: manifest.environment().to_owned() });
        }
        reasons
    }

    /// The environment, the version, the predecessor.
    fn place(&self, manifest: &Manifest, digest: Digest) -> Vec<Reason> {
        let mut reasons = self.environments(manifest);
        let (expected, previous) = (self.current.map(Admitted::digest), manifest.previous());
        reasons.extend(self.version(manifest.version(), digest, expected == previous));
        if expected != previous {
            reasons.push(Reason::PreviousDiffers { expected, found: previous });
        }
        reasons
    }

    /// Versions rise. Numbers are left out where a bundle between went back on some host ([`History`]): nothing is
    /// skipped then, because what it follows is what is in force here.
    fn version(&self, found: u64, digest: Digest, follows: bool) -> Option<Reason> {
        let has = self.current.map_or(0, Admitted::version);
        if found <= has {
            return Some(Reason::NotNewer { has, found });
        }
        let seen = has.max(self.history.highest());
        if found <= seen {
            return (!self.history.may_come_again(found, digest)).then(|| self.history.used_up(found, seen));
        }
        let leap = found - seen - 1;
        let leaps = leap > if self.current.is_some() && follows { MAX_LEAP } else { 0 };
        leaps.then(|| Reason::SkipsVersions { expected: seen.saturating_add(1), found })
    }

    /// What it changes, by its tables; that they follow from its rules is for gate-authz to confirm.
    fn change(&self, candidate: &Candidate<'_>) -> Option<Change> {
        Some(Change::between(candidate.tables?, candidate.duties_bytes, self.current.map(Admitted::bundle)))
    }

    fn time(&self, manifest: &Manifest) -> Option<Reason> {
        let not_after = manifest.not_after();
        self.now.filter(|now| *now > not_after).map(|now| Reason::Expired { not_after, now })
    }

    /// The previous bundle's duties, or those that root enrolled. A bundle is never judged by duties that it brings
    /// itself, unless root named them before.
    fn duties_in_force<'d>(&'d self, candidate: &Candidate<'d>, reasons: &mut Vec<Reason>) -> Option<&'d Duties> {
        if let Some(current) = self.current {
            let lowered = candidate.duties.is_some_and(|duties| duties.mode() == Mode::Solo);
            if lowered && current.duties().mode() == Mode::Team {
                reasons.push(Reason::LowersMode);
            }
            return Some(current.duties());
        }
        let (expected, found) = (self.trust.duties_sha256, Digest::of(candidate.duties_bytes?));
        if expected != found {
            reasons.push(Reason::NotEnrolled { expected, found });
            return None;
        }
        candidate.duties
    }
}
