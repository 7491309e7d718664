//! Going back to the bundle before, by one operator.

use crate::admission::Change;
use crate::signature::{REVERT_NAMESPACE, verify_as};
use crate::statement::{Sheet, StatementError, armored, from_line, to_line};
use crate::{Admitted, Because, Bundle, Digest, Duty, Reason, Signer};
use serde::{Deserialize, Serialize};

const KIND: &str = "gate-revert";
const FORMAT: u32 = 1;

/// What an operator says who goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reverting {
    /// The environment.
    pub environment: String,
    /// The version of the bundle in force.
    pub version: u64,
    /// Its digest.
    pub bundle: Digest,
    /// The digest of the bundle before it, to which everything goes back.
    pub predecessor: Digest,
    /// Until when it may be done for the first time, in seconds since 1970.
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
    predecessor: Digest,
    not_after: u64,
}

/// A statement by which one operator goes back to the predecessor of the bundle in force, where that only takes access
/// away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    said: Reverting,
    sheet: Sheet,
}

impl Revert {
    /// The bytes to sign, in [`REVERT_NAMESPACE`].
    ///
    /// # Errors
    /// Never for strings and numbers.
    pub fn line(said: &Reverting) -> Result<Vec<u8>, StatementError> {
        let Reverting { environment, version, bundle, predecessor, not_after } = said.clone();
        let statement = KIND.to_owned();
        to_line(&Line { statement, format: FORMAT, environment, version, bundle, predecessor, not_after })
    }

    /// The statement with its signature, as `ssh-keygen -Y sign` wrote it over [`Revert::line`].
    ///
    /// # Errors
    /// [`Reason`] when it is no sound signature of that line.
    pub fn signed(said: Reverting, signature: &str) -> Result<Self, Reason> {
        let sheet = Sheet { line: Self::line(&said)?, signatures: vec![armored(signature)] };
        let revert = Self { said, sheet };
        revert.signer_key()?;
        Ok(revert)
    }

    /// Reads a statement. Who signed it is for [`crate::Store::stage_revert`] to judge.
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
        if sheet.signatures.len() != 1 {
            return Err(StatementError::Signatures { found: sheet.signatures.len(), right: "one operator signs it" });
        }
        let Line { environment, version, bundle, predecessor, not_after, .. } = line;
        Ok(Self { said: Reverting { environment, version, bundle, predecessor, not_after }, sheet })
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.sheet.to_bytes()
    }

    /// What it says.
    #[must_use]
    pub const fn said(&self) -> &Reverting {
        &self.said
    }

    fn signer_key(&self) -> Result<crate::Key, Reason> {
        let signature = self.sheet.signatures.concat();
        let meanings = [((), REVERT_NAMESPACE)];
        let verified = verify_as(signature.as_bytes(), &self.sheet.line, &meanings);
        verified.map(|((), key)| key).map_err(|problem| Reason::Signature { member: "the statement".into(), problem })
    }

    /// Who goes back, if that person may. `now` is `None` for a statement that was followed before.
    pub(crate) fn judge(
        &self,
        current: &Admitted,
        predecessor: &Admitted,
        environment: &str,
        now: Option<u64>,
    ) -> Result<Signer, Vec<Reason>> {
        let mut reasons = self.place(current, predecessor, environment);
        let not_after = self.said.not_after;
        reasons.extend(now.filter(|now| *now > not_after).map(|now| Reason::Expired { not_after, now }));
        let change = Change::of(predecessor.bundle(), Some(current.bundle()));
        reasons.extend(gives(&change));
        match self.operator(current, &change) {
            Ok(signer) if reasons.is_empty() => return Ok(signer),
            Ok(_) => {}
            Err(reason) => reasons.push(reason),
        }
        Err(reasons)
    }

    fn place(&self, current: &Admitted, predecessor: &Admitted, environment: &str) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let said = &self.said;
        if said.environment != environment {
            let (expected, found) = (environment.to_owned(), crate::reason::plain(&said.environment));
            reasons.push(Reason::WrongEnvironment { expected, found });
        }
        if (said.bundle, said.version) != (current.digest(), current.version()) {
            reasons.push(Reason::RevertsAnother {
                stated: said.bundle,
                stated_version: said.version,
                found: current.digest(),
                version: current.version(),
            });
        }
        if said.predecessor != predecessor.digest() {
            reasons.push(Reason::RevertsToAnother { stated: said.predecessor, found: predecessor.digest() });
        }
        reasons
    }

    /// By the duties in force, which going back may not change.
    fn operator(&self, current: &Admitted, change: &Change) -> Result<Signer, Reason> {
        let key = self.signer_key()?;
        let fingerprint = key.fingerprint();
        let Some((name, person)) = current.duties().owner_of(&key) else {
            return Err(Reason::UnknownKey { member: "the statement".into(), fingerprint });
        };
        let name = name.to_owned();
        if !person.may(Duty::Operate) {
            return Err(Reason::NotOperator { person: name });
        }
        let beyond = person.owners().map(|owners| (owners, change.beyond_writing(owners)));
        if let Some((owners, beyond)) = beyond.filter(|(_, beyond)| !beyond.is_empty()) {
            return Err(Reason::BeyondOperator { person: name, owners: owners.iter().cloned().collect(), beyond });
        }
        Ok(Signer { person: name, fingerprint })
    }
}

/// What going back would give. That it takes nothing away is no hindrance: then it changes no access at all.
fn gives(change: &Change) -> Option<Reason> {
    let causes = change.because().iter().filter(|because| **because != Because::TakesNothing);
    let because: Vec<Because> = causes.cloned().collect();
    (!because.is_empty()).then_some(Reason::RevertGives { because })
}

/// Why an operator may not go back from `current` to `predecessor`; empty where one may. For people who ask before
/// they sign.
#[must_use]
pub fn cannot_revert(current: &Bundle, predecessor: &Bundle) -> Vec<Because> {
    match gives(&Change::of(predecessor, Some(current))) {
        Some(Reason::RevertGives { because }) => because,
        _ => Vec::new(),
    }
}
