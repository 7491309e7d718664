//! `gatectl bundle sign` and `gatectl bundle approve`.

use super::show::describe;
use super::ssh::{self, KeyArguments};
use super::{file, follows};
use crate::report::{Exit, Failure, Report};
use crate::text::plain;
use gate_bundle::{Bundle, Duty, Role, Signed, signing_namespace};
use serde_json::json;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    what: What,
    /// As what you sign: "I wrote this", or "I read this and agree".
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: SignAs,
}

#[derive(clap::Args)]
pub(crate) struct ApproveArguments {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Clone, clap::Args)]
struct What {
    /// The bundle; the signature is added to it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    key: KeyArguments,
    /// The bundle that this one follows: the numbers of its services and its duties are looked at, too.
    #[arg(long, value_name = "BUNDLE")]
    previous: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum SignAs {
    Author,
    Approver,
}

impl From<SignAs> for Role {
    fn from(role: SignAs) -> Self {
        match role {
            SignAs::Author => Self::Author,
            SignAs::Approver => Self::Approver,
        }
    }
}

/// One signature to be made.
pub(crate) struct Signing {
    what: What,
    role: Role,
}

impl Arguments {
    pub(crate) fn as_role(&self) -> Signing {
        Signing { what: self.what.clone(), role: self.role.into() }
    }
}

impl ApproveArguments {
    pub(crate) fn as_role(&self) -> Signing {
        Signing { what: self.what.clone(), role: Role::Approver }
    }
}

pub(crate) fn run(signing: &Signing) -> Result<Report, Failure> {
    let What { file: path, key, previous } = &signing.what;
    let opened = file::open(path)?;
    let bundle = &opened.bundle;
    let previous = previous.as_deref().map(file::open).transpose()?.map(|opened| opened.bundle);
    check_previous(bundle, previous.as_ref())?;
    follows::check(bundle, previous.as_ref().map(Bundle::tables)).map_err(|reasons| {
        let refused = reasons.iter().map(|reason| format!("{}: {}", path.display(), plain(reason)));
        Failure::refused(refused.chain(["nothing was signed".to_owned()]).collect())
    })?;
    let signer = key.signer()?;
    // Before anything is asked of the key: people see what they sign.
    let shown = describe(bundle);
    eprint!("you sign as {}:\n{}", signing.role, shown.text);
    let armored = ssh::sign(&signer, signing_namespace(signing.role), bundle.manifest_bytes())?;
    let signed = bundle
        .with_signature(&armored)
        .map_err(|reason| Failure::refused(vec![format!("{}: {reason}", path.display())]))?;
    file::replace(path, &opened.bytes, &signed)?;
    Ok(report(signing, &signed, previous.as_ref(), shown.json))
}

/// The bundle that was given as previous is the one that the manifest names.
fn check_previous(bundle: &Bundle, previous: Option<&Bundle>) -> Result<(), Failure> {
    let Some(previous) = previous else { return Ok(()) };
    if bundle.manifest().previous() == Some(previous.digest()) {
        return Ok(());
    }
    let named = bundle.manifest().previous().map_or_else(|| "none".to_owned(), |digest| digest.to_string());
    Err(Failure::refused(vec![format!(
        "--previous is bundle {} (version {}), and the bundle follows {named}; give the one that it follows",
        previous.digest(),
        previous.manifest().version()
    )]))
}

fn report(signing: &Signing, signed: &Bundle, previous: Option<&Bundle>, shown: serde_json::Value) -> Report {
    let signatures = signed.signatures();
    let Some(own) = signatures.last() else {
        return Report { exit: Exit::Cannot, text: "no signature is in the bundle\n".into(), json: json!({}) };
    };
    let notes = notes(signed, own, previous);
    let fingerprint = own.key.fingerprint();
    let mut text = format!("signed {} as {} with {fingerprint}\n", signing.what.file.display(), signing.role);
    text.extend(notes.iter().map(|note| format!("note: {}\n", plain(note))));
    let json = json!({
        "file": signing.what.file, "digest": signed.digest(), "role": signing.role, "fingerprint": fingerprint,
        "member": own.member, "bundle": shown, "notes": notes,
    });
    Report { exit: Exit::Fine, text, json }
}

/// Why this signature may not count. The roles judge, by the duties in force; here they may not be known.
fn notes(signed: &Bundle, own: &Signed, previous: Option<&Bundle>) -> Vec<String> {
    let mut notes = Vec::new();
    let is_first = signed.manifest().version() == 1;
    if previous.is_none() && !is_first {
        let of = "the duties of the bundle before this one judge it; give --previous to have them looked at here";
        notes.push(of.to_owned());
        return notes;
    }
    let duties = previous.unwrap_or(signed).duties();
    let duty = match own.role {
        Role::Author => Duty::Author,
        Role::Approver => Duty::Approve,
    };
    match duties.owner_of(&own.key) {
        None => {
            notes.push(format!("key {} belongs to nobody in the duties; this will be refused", own.key.fingerprint()))
        }
        Some((name, person)) if !person.may(duty) => {
            notes.push(format!("{name} is not allowed to {duty}; this will be refused"))
        }
        Some((name, _)) => {
            let signatures = signed.signatures();
            let others = signatures.iter().filter(|other| other.role != own.role);
            if others.filter_map(|other| duties.owner_of(&other.key)).any(|(other, _)| other == name)
                && duties.mode() == gate_bundle::Mode::Team
            {
                notes.push(format!("{name} signed as author and as approver; this approval will not count"));
            }
        }
    }
    notes
}
