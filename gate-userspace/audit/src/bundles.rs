//! What entries say about the bundle that they name.

use gate_bundle::{Admitted, Mode};
use std::collections::BTreeMap;

/// Bundles whose reports may still arrive.
const KEPT: usize = 64;

/// The bundles that were in force here.
#[derive(Debug, Default)]
pub struct Bundles {
    /// By digest, in hexadecimal.
    known: BTreeMap<String, Known>,
    current: Option<String>,
}

#[derive(Debug, Clone)]
struct Known {
    version: u64,
    git_commit: Option<String>,
    solo: bool,
}

impl Bundles {
    /// A bundle is in force from now on.
    pub fn activate(&mut self, bundle: &Admitted) {
        let digest = bundle.digest().to_string();
        let known = Known {
            version: bundle.version(),
            git_commit: bundle.git_commit().map(str::to_owned),
            solo: bundle.duties().mode() == Mode::Solo,
        };
        self.known.insert(digest.clone(), known);
        self.current = Some(digest);
        while self.known.len() > KEPT {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.version).map(|(digest, _)| digest.clone());
            oldest.and_then(|digest| self.known.remove(&digest));
        }
    }

    /// The commit that the bundle of this digest was built from, where it is known and names one.
    #[must_use]
    pub fn git_commit(&self, digest: &str) -> Option<String> {
        self.known.get(digest)?.git_commit.clone()
    }

    /// Whether one person may author and approve, by the bundle in force.
    #[must_use]
    pub fn is_solo(&self) -> bool {
        self.current.as_ref().and_then(|digest| self.known.get(digest)).is_some_and(|known| known.solo)
    }
}
