//! What became of a bundle that was to be loaded, role by role.

use crate::host::NoAnswer;
use crate::report::{Exit, Report};
use crate::text::plain;
use gate_host::Role;
use gate_statements::BundleDigest;
use serde_json::{Value, json};
use std::path::Path;

/// What a role was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Stage,
    Activate,
}

/// What it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done {
        version: u64,
    },
    Refused(Vec<String>),
    /// There is no answer, or none that makes sense; what it did is not known.
    Unreachable(String),
}

impl From<NoAnswer> for Outcome {
    fn from(why: NoAnswer) -> Self {
        match why {
            NoAnswer::Refused(refused) => Self::Refused(refused.reasons),
            NoAnswer::Forbidden(why) | NoAnswer::Unreachable(why) | NoAnswer::Unexpected(why) => Self::Unreachable(why),
        }
    }
}

/// A load under way, and its story.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    steps: Vec<(Role, Step, Outcome)>,
    bundle: Option<(BundleDigest, u64)>,
    confirmed: bool,
    /// Everything goes back after so many seconds.
    provisional_s: Option<u64>,
    /// Where a role failed to switch: what each has in force now, as it says itself.
    in_force: Vec<(Role, Result<Option<u64>, String>)>,
}

impl Loaded {
    pub(crate) fn push(&mut self, role: Role, step: Step, outcome: Outcome) {
        self.steps.push((role, step, outcome));
    }

    pub(crate) fn staged(&mut self, role: Role, bundle: BundleDigest, version: u64, confirmed: bool) {
        self.bundle.get_or_insert((bundle, version));
        self.confirmed |= confirmed;
        self.push(role, Step::Stage, Outcome::Done { version });
    }

    pub(crate) fn provisional(&mut self, seconds: u64) {
        self.provisional_s = Some(seconds);
    }

    pub(crate) fn in_force(&mut self, role: Role, version: Result<Option<u64>, String>) {
        self.in_force.push((role, version));
    }

    /// Whether a role before staged another bundle.
    pub(crate) fn is_other(&self, bundle: &BundleDigest) -> bool {
        self.bundle.is_some_and(|(other, _)| other != *bundle)
    }

    pub(crate) fn failed(&self) -> bool {
        self.steps.iter().any(|(.., outcome)| !matches!(outcome, Outcome::Done { .. }))
    }

    fn refused(&self) -> bool {
        self.steps.iter().any(|(.., outcome)| matches!(outcome, Outcome::Refused(_)))
    }

    /// The bundle that every role staged.
    pub(crate) fn agreed(&self) -> Option<BundleDigest> {
        self.bundle.map(|(bundle, _)| bundle).filter(|_| !self.failed())
    }

    fn activated(&self) -> usize {
        let done = |(_, step, outcome): &&(Role, Step, Outcome)| {
            *step == Step::Activate && matches!(outcome, Outcome::Done { .. })
        };
        self.steps.iter().filter(done).count()
    }

    pub(crate) fn report(&self, file: &Path) -> Report {
        let exit = match (self.failed(), self.refused()) {
            (false, _) => Exit::Fine,
            (true, true) => Exit::Found,
            (true, false) => Exit::Cannot,
        };
        Report { exit, text: self.text(file), json: self.json(file) }
    }

    fn text(&self, file: &Path) -> String {
        let mut text = match self.bundle {
            Some((bundle, version)) => format!("bundle {bundle} version {version} ({})\n", file.display()),
            None => format!("{}\n", file.display()),
        };
        for (role, step, outcome) in &self.steps {
            text.push_str(&line(*role, *step, outcome));
        }
        text.push_str(&self.conclusion());
        text
    }

    fn conclusion(&self) -> String {
        if !self.failed() {
            let version = self.bundle.map_or(0, |(_, version)| version);
            if let Some(seconds) = self.provisional_s {
                return format!(
                    "loaded: version {version} is in force in every role and in the kernel, PROVISIONALLY\nIt goes back by \
                     itself in {seconds} s, unless somebody confirms it: gatectl bundle confirm\n"
                );
            }
            return format!("loaded: version {version} is in force in every role and in the kernel\n");
        }
        if !self.in_force.is_empty() {
            let mut text = "NOT LOADED EVERYWHERE. In force now:\n".to_owned();
            for (role, version) in &self.in_force {
                let said = match version {
                    Ok(Some(0) | None) => "nothing".to_owned(),
                    Ok(Some(version)) => format!("version {version}"),
                    Err(why) => format!("unknown: {}", plain(why)),
                };
                text.push_str(&format!("  gate-{:<6} {said}\n", role.name()));
            }
            if let Some(seconds) = self.provisional_s {
                text.push_str(&format!(
                    "Requests are denied while the versions differ: the laggard denies. What switched goes back by itself \
                     within {seconds} s; do not confirm it. Then mend what is reported above, and load again.\n"
                ));
                return text;
            }
            text.push_str(
                "Requests are denied while the versions differ: the laggard denies. The kernel enforces gate-net's \
                 version.\nTo repair: mend what is reported above (restart the role), then load the same bundle again.\n",
            );
            return text;
        }
        let what = if self.refused() { "refused" } else { "not loaded" };
        format!("{what}: nothing was activated; what was in force stays\n")
    }

    fn json(&self, file: &Path) -> Value {
        let step = |(role, step, outcome): &(Role, Step, Outcome)| {
            let (done, version, reasons) = match outcome {
                Outcome::Done { version } => (true, Some(*version), Vec::new()),
                Outcome::Refused(reasons) => (false, None, reasons.clone()),
                Outcome::Unreachable(why) => (false, None, vec![why.clone()]),
            };
            let refused = matches!(outcome, Outcome::Refused(_));
            let name = if *step == Step::Stage { "stage" } else { "activate" };
            json!({ "role": role, "step": name, "done": done, "refused": refused, "version": version, "reasons": reasons })
        };
        let in_force = |(role, version): &(Role, Result<Option<u64>, String>)| match version {
            Ok(version) => json!({ "role": role, "version": version }),
            Err(why) => json!({ "role": role, "version": null, "why": why }),
        };
        json!({
            "provisional_s": self.provisional_s, "file": file,
            "bundle": self.bundle.map(|(bundle, _)| bundle.to_string()),
            "version": self.bundle.map(|(_, version)| version),
            "confirmed": self.confirmed,
            "activated": self.activated(),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
            "in_force": self.in_force.iter().map(in_force).collect::<Vec<_>>(),
        })
    }
}

fn line(role: Role, step: Step, outcome: &Outcome) -> String {
    let name = format!("  gate-{:<6}", role.name());
    let verb = if step == Step::Stage { "stage" } else { "activate" };
    match (outcome, step) {
        (Outcome::Done { version }, Step::Stage) => {
            let confirmed =
                if role == Role::Authz { ", and confirmed that its tables follow from its rules" } else { "" };
            format!("{name} verified version {version}{confirmed}\n")
        }
        (Outcome::Done { version }, Step::Activate) => format!("{name} switched to version {version}\n"),
        (Outcome::Refused(reasons), _) => {
            let reasons: String = reasons.iter().map(|reason| format!("      - {}\n", plain(reason))).collect();
            format!("{name} refuses to {verb}:\n{reasons}")
        }
        (Outcome::Unreachable(why), _) => {
            let why = why.strip_prefix(&format!("gate-{role}: ")).unwrap_or(why);
            format!("{name} did not {verb}: {}\n", plain(why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: BundleDigest = BundleDigest([7; 32]);

    fn all_staged() -> Loaded {
        let mut loaded = Loaded::default();
        for role in [Role::Authz, Role::Authn, Role::Audit, Role::Proxy, Role::Net] {
            loaded.staged(role, BUNDLE, 3, role == Role::Authz);
        }
        loaded
    }

    #[test]
    fn one_refusal_stops_all() {
        let mut loaded = Loaded::default();
        loaded.push(Role::Authz, Step::Stage, Outcome::Refused(vec!["no author signed".into()]));
        loaded.staged(Role::Authn, BUNDLE, 3, false);
        assert_eq!(loaded.agreed(), None);
        let report = loaded.report(Path::new("x.gate"));
        assert_eq!(report.exit, Exit::Found);
        assert!(report.text.contains("gate-authz  refuses to stage:\n      - no author signed\n"), "{}", report.text);
        assert!(report.text.ends_with("nothing was activated; what was in force stays\n"), "{}", report.text);
    }

    #[test]
    fn a_role_that_is_away_is_no_refusal() {
        let mut loaded = all_staged();
        loaded.push(Role::Net, Step::Stage, Outcome::Unreachable("gate-net: nothing is at /run".into()));
        assert_eq!(loaded.agreed(), None);
        assert_eq!(loaded.report(Path::new("x")).exit, Exit::Cannot);
    }

    #[test]
    fn a_laggard_is_named() {
        let mut loaded = all_staged();
        assert_eq!(loaded.agreed(), Some(BUNDLE));
        loaded.push(Role::Authz, Step::Activate, Outcome::Done { version: 3 });
        loaded.push(Role::Authn, Step::Activate, Outcome::Unreachable("gate-authn: closed".into()));
        loaded.in_force(Role::Authz, Ok(Some(3)));
        loaded.in_force(Role::Authn, Err("gate-authn: nobody listens".into()));
        loaded.in_force(Role::Net, Ok(Some(2)));
        let Report { exit, text, json } = loaded.report(Path::new("x"));
        assert_eq!(exit, Exit::Cannot);
        for part in [
            "gate-authz  version 3",
            "gate-authn  unknown: gate-authn: nobody",
            "gate-net    version 2",
            "load the same bundle again",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(json["activated"], 1);
    }
}
