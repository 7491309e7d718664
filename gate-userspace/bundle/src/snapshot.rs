//! Where a host that joins late may begin: not at the first bundle of the chain, but at one that people vouch for.

use crate::bundle::Signed;
use crate::signature::{Role, SignatureProblem, verify_as};
use crate::statement::{Sheet, StatementError, armored, from_line, to_line};
use crate::{Bundle, DUTIES, Digest, Reason};
use serde::{Deserialize, Serialize};

const KIND: &str = "gate-snapshot";
const FORMAT: u32 = 1;
const MEMBER: &str = "the snapshot";

/// The namespace to sign a snapshot in. No signature of a bundle is one of a snapshot.
#[must_use]
pub const fn snapshot_namespace(role: Role) -> &'static str {
    match role {
        Role::Author => "gate-snapshot-author@v1",
        Role::Approver => "gate-snapshot-approver@v1",
    }
}

/// What a snapshot says: this bundle is the chain's at that version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    /// The environment.
    pub environment: String,
    /// The bundle's version.
    pub version: u64,
    /// Its digest.
    pub bundle: Digest,
    /// The SHA-256 of its `duties.toml`: those who sign the snapshot, and what root enrolls.
    pub duties: Digest,
    /// Until when a host may begin here, in seconds since 1970.
    pub not_after: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    statement: String,
    format: u32,
    environment: String,
    version: u64,
    bundle: Digest,
    duties: Digest,
    not_after: u64,
}

/// A snapshot with its signatures. Whether they are enough is judged with the bundle, by the duties in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    said: Joining,
    sheet: Sheet,
}

impl Joining {
    /// What is to be said of a bundle.
    #[must_use]
    pub fn of(bundle: &Bundle, not_after: u64) -> Self {
        let manifest = bundle.manifest();
        Self {
            environment: manifest.environment().to_owned(),
            version: manifest.version(),
            bundle: bundle.digest(),
            duties: Digest::of(bundle.file(DUTIES).unwrap_or_default()),
            not_after,
        }
    }
}

impl Snapshot {
    /// A snapshot that nobody signed yet.
    ///
    /// # Errors
    /// Never for strings and numbers.
    pub fn unsigned(said: Joining) -> Result<Self, StatementError> {
        let Joining { environment, version, bundle, duties, not_after } = said.clone();
        let line = Line { statement: KIND.to_owned(), format: FORMAT, environment, version, bundle, duties, not_after };
        Ok(Self { said, sheet: Sheet { line: to_line(&line)?, signatures: Vec::new() } })
    }

    /// Reads a snapshot.
    ///
    /// # Errors
    /// [`StatementError`] says what it is instead.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let sheet = Sheet::parse(bytes)?;
        let line: Line = from_line(&sheet.line)?;
        if line.statement != KIND {
            return Err(StatementError::OtherKind { found: crate::reason::plain(&line.statement), right: KIND });
        }
        if line.format != FORMAT {
            return Err(StatementError::Malformed(format!("format {}, this version reads {FORMAT}", line.format)));
        }
        let Line { environment, version, bundle, duties, not_after, .. } = line;
        Ok(Self { said: Joining { environment, version, bundle, duties, not_after }, sheet })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.sheet.to_bytes()
    }

    /// The bytes to sign, in [`snapshot_namespace`].
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.sheet.line
    }

    /// What it says.
    #[must_use]
    pub const fn said(&self) -> &Joining {
        &self.said
    }

    /// The snapshot with one signature more.
    ///
    /// # Errors
    /// [`Reason`] when it is no sound signature of this snapshot, or there already.
    pub fn with_signature(&self, signature: &str) -> Result<Self, Reason> {
        let mut sheet = self.sheet.clone();
        sheet.signatures.push(armored(signature));
        let more = Self { said: self.said.clone(), sheet };
        // Reading it back holds it to the readers' limits.
        Self::parse(&more.to_bytes())?;
        more.signatures().into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(more)
    }

    /// Each signature, sound or not.
    pub(crate) fn signatures(&self) -> Vec<Result<Signed, Reason>> {
        let meanings = [Role::Author, Role::Approver].map(|role| (role, snapshot_namespace(role)));
        let mut seen = Vec::new();
        let check = |signature: &String| {
            let refuse = |problem| Reason::Signature { member: MEMBER.into(), problem };
            let (role, key) = verify_as(signature.as_bytes(), &self.sheet.line, &meanings).map_err(refuse)?;
            if seen.contains(&(role, key.clone())) {
                return Err(refuse(SignatureProblem::Repeated { fingerprint: key.fingerprint(), role }));
            }
            seen.push((role, key.clone()));
            Ok(Signed { member: MEMBER.into(), role, key })
        };
        self.sheet.signatures.iter().map(check).collect()
    }

    /// Everything but the signatures: whether this bundle is the one, on this host, now. `now` is `None` where the host
    /// began here before.
    pub(crate) fn place(&self, found: &Joining, environment: &str, enrolled: Digest, now: Option<u64>) -> Vec<Reason> {
        let Joining { environment: stated, version, bundle, duties, not_after } = &self.said;
        let mut reasons = Vec::new();
        if stated != environment {
            let (expected, found) = (environment.to_owned(), crate::reason::plain(stated));
            reasons.push(Reason::SnapshotEnvironment { expected, found });
        }
        if *duties != enrolled {
            reasons.push(Reason::SnapshotDuties { expected: enrolled, found: *duties });
        }
        if (bundle, version, duties) != (&found.bundle, &found.version, &found.duties) {
            reasons.push(Reason::NotTheSnapshot { bundle: *bundle, version: *version, found: found.bundle });
        }
        if let Some(now) = now.filter(|now| now > not_after) {
            reasons.push(Reason::SnapshotStale { not_after: *not_after, now });
        }
        reasons
    }
}
