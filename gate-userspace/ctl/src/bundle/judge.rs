//! Whether a bundle would be admitted, as far as the files at hand can say.

use super::file;
use crate::report::Failure;
use gate_bundle::{Admission, Admitted, Bundle, Change, Digest, Duties, EnrolledRoot, Reason, Refusal, admit};
use std::path::{Path, PathBuf};

/// What the roles would say.
pub(crate) enum Verdict {
    /// It would be admitted after the given chain.
    Admitted(Box<Admitted>),
    /// It would be refused.
    Refused(Refusal),
    /// It is the last of the given chain.
    Same,
    /// What was given does not suffice; why.
    NotJudged(String),
}

/// The chain before a bundle, and the duties that judge it.
pub(crate) struct Judge {
    trust: Option<EnrolledRoot>,
    current: Option<Admitted>,
    last: Option<Bundle>,
    duties: Option<Duties>,
    incomplete: Option<String>,
}

impl Judge {
    /// From the first bundles of the chain, in order, and the duties that root enrolled.
    pub(crate) fn new(previous: &[PathBuf], duties: Option<&Path>) -> Result<Self, Failure> {
        let enrolled = duties.map(read_duties).transpose()?;
        let chain = previous.iter().map(|path| Ok((path, file::open(path)?.bundle))).collect::<Result<Vec<_>, _>>()?;
        let Some((path, first)) = chain.first() else {
            let (digest, duties) = match enrolled {
                Some((digest, duties)) => (Some(digest), Some(duties)),
                None => (None, None),
            };
            // The environment is filled in from the bundle: which one a host is in, only its configuration says.
            let trust = digest.map(|duties_sha256| EnrolledRoot { environment: String::new(), duties_sha256 });
            return Ok(Self { trust, current: None, last: None, duties, incomplete: None });
        };
        let own = Digest::of(first.file(gate_bundle::DUTIES).unwrap_or_default());
        let duties_sha256 = enrolled.map_or(own, |(digest, _)| digest);
        let trust = EnrolledRoot { environment: first.manifest().environment().to_owned(), duties_sha256 };
        let last = chain.last().map(|(_, bundle)| bundle.clone());
        let duties = last.as_ref().map(|last| last.duties().clone());
        if first.manifest().version() != 1 {
            let version = first.manifest().version();
            let why = format!(
                "{} is version {version}; give --previous for each bundle from version 1 on, in order, for a verdict",
                path.display()
            );
            return Ok(Self { trust: None, current: None, last, duties, incomplete: Some(why) });
        }
        let mut current = None;
        for (path, bundle) in &chain {
            current = Some(admit_next(path, bundle, current.as_ref(), &trust)?);
        }
        Ok(Self { trust: Some(trust), current, last, duties, incomplete: None })
    }

    /// The duties that judge the signatures; `None` when nothing was given.
    pub(crate) fn duties(&self) -> Option<&Duties> {
        self.duties.as_ref()
    }

    /// What the bundle changes; `None` when the bundle before it was not given.
    pub(crate) fn change(&self, bundle: &Bundle) -> Option<Change> {
        let previous = self.last.as_ref();
        (previous.map(Bundle::digest) == bundle.manifest().previous()).then(|| Change::of(bundle, previous))
    }

    /// The verdict on a bundle at this time.
    pub(crate) fn judge(&self, bundle: &Bundle, now: u64) -> Verdict {
        let Some(trust) = &self.trust else {
            let nothing = || "give --duties (for the first bundle) or --previous to have it judged".to_owned();
            return Verdict::NotJudged(self.incomplete.clone().unwrap_or_else(nothing));
        };
        let mut trust = trust.clone();
        if trust.environment.is_empty() {
            trust.environment = bundle.manifest().environment().to_owned();
        }
        match admit(bundle, self.current.as_ref(), &trust, &trust.environment, now) {
            Ok(Admission::Admitted(admitted)) => Verdict::Admitted(Box::new(admitted)),
            Ok(Admission::AlreadyActive) => Verdict::Same,
            Err(refusal) => Verdict::Refused(refusal),
        }
    }
}

/// A bundle of the chain was activated once: its expiry says nothing now.
fn admit_next(
    path: &Path,
    bundle: &Bundle,
    current: Option<&Admitted>,
    trust: &EnrolledRoot,
) -> Result<Admitted, Failure> {
    match admit(bundle, current, trust, &trust.environment, bundle.manifest().not_after()) {
        Ok(Admission::Admitted(admitted)) => Ok(admitted),
        Ok(Admission::AlreadyActive) => {
            Err(Failure::refused(vec![format!("{}: is given twice as --previous", path.display())]))
        }
        Err(refusal) => Err(Failure::refused(file::reasons(path, &refusal))),
    }
}

fn read_duties(path: &Path) -> Result<(Digest, Duties), Failure> {
    let bytes =
        std::fs::read(path).map_err(|error| Failure::cannot(format!("{}: cannot be read: {error}", path.display())))?;
    let duties = Duties::parse(&bytes).map_err(|problems| {
        let place = |line, message: &str| format!("{}:{line}: {message}", path.display());
        Failure::refused(problems.iter().map(|problem| place(problem.line, &problem.message)).collect())
    })?;
    Ok((Digest::of(&bytes), duties))
}

/// Signatures that count for nothing, whoever made them.
pub(crate) fn unsound(bundle: &Bundle) -> Vec<(String, String)> {
    let environment = bundle.manifest().environment().to_owned();
    let trust = EnrolledRoot { environment: environment.clone(), duties_sha256: Digest::of(b"") };
    let refusal = match admit(bundle, None, &trust, &environment, bundle.manifest().created()) {
        Ok(_) => return Vec::new(),
        Err(refusal) => refusal,
    };
    let signature = |reason: &Reason| match reason {
        Reason::Signature { member, problem } => Some((member.clone(), problem.to_string())),
        _ => None,
    };
    refusal.reasons().iter().filter_map(signature).collect()
}
