//! Which assertions are believed: those that carry gate-authn's signature, in their time, for this environment and
//! for the bundle that is active here.

use ed25519_dalek::VerifyingKey;
use gate_statements::{Assertion, Signed, StatementError};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Most assertions that are remembered, so that a signature is verified once and not per request. Beyond it the
/// longest-known one is forgotten and verified anew when it comes again. About 40 MiB when full.
pub const REMEMBERED: usize = 65_536;

/// Why an assertion is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// Its signature, its form or its time.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// It was made for another environment.
    #[error("the assertion is for environment {found:?}, this host is {own:?}")]
    Environment {
        /// Its environment.
        found: String,
        /// Ours.
        own: String,
    },
    /// It was made under another bundle.
    #[error("the assertion was made under bundle version {found}, version {own} is active in gate-authz")]
    Version {
        /// Its version.
        found: u64,
        /// Ours.
        own: u64,
    },
}

/// The assertions that were verified.
#[derive(Debug)]
pub struct Believed {
    key: VerifyingKey,
    environment: String,
    capacity: usize,
    verified: HashMap<Vec<u8>, Verified>,
    /// Signatures in the order in which they were verified; some may be forgotten already.
    order: VecDeque<Vec<u8>>,
}

#[derive(Debug)]
struct Verified {
    payload: Vec<u8>,
    assertion: Rc<Assertion>,
}

impl Believed {
    /// Believes this key, for this environment.
    #[must_use]
    pub fn new(key: VerifyingKey, environment: String, capacity: usize) -> Self {
        Self { key, environment, capacity: capacity.max(1), verified: HashMap::new(), order: VecDeque::new() }
    }

    /// How many are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.verified.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verified.is_empty()
    }

    /// What it states, if it is believed now, under this version.
    ///
    /// # Errors
    /// [`Disbelief`]: nothing that it states is true.
    pub fn check(&mut self, signed: &Signed<Assertion>, version: u64, now_ms: u64) -> Result<Rc<Assertion>, Disbelief> {
        if let Some(assertion) = self.recall(signed) {
            let judged = self.judge(&assertion, version, now_ms);
            if matches!(judged, Err(Disbelief::Statement(_))) {
                self.verified.remove(signed.signature());
            }
            return judged.map(|()| assertion);
        }
        let assertion = Rc::new(signed.verify(&self.key)?);
        self.judge(&assertion, version, now_ms)?;
        self.remember(signed, &assertion);
        Ok(assertion)
    }

    /// The signature finds it; the payload must be the one that was verified with it.
    fn recall(&self, signed: &Signed<Assertion>) -> Option<Rc<Assertion>> {
        let verified = self.verified.get(signed.signature())?;
        (verified.payload == signed.payload()).then(|| Rc::clone(&verified.assertion))
    }

    fn judge(&self, assertion: &Assertion, version: u64, now_ms: u64) -> Result<(), Disbelief> {
        assertion.check_time(now_ms)?;
        if assertion.environment != self.environment {
            let (found, own) = (assertion.environment.clone(), self.environment.clone());
            return Err(Disbelief::Environment { found, own });
        }
        if assertion.version != version {
            return Err(Disbelief::Version { found: assertion.version, own: version });
        }
        Ok(())
    }

    fn remember(&mut self, signed: &Signed<Assertion>, assertion: &Rc<Assertion>) {
        while self.order.len() >= self.capacity {
            let Some(oldest) = self.order.pop_front() else { break };
            self.verified.remove(&oldest);
        }
        let verified = Verified { payload: signed.payload().to_vec(), assertion: Rc::clone(assertion) };
        self.order.push_back(signed.signature().to_vec());
        self.verified.insert(signed.signature().to_vec(), verified);
    }
}

#[cfg(test)]
mod tests;
