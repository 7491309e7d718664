//! `gatectl bundle snapshot`: one signature more under the word that a bundle is the chain's.

use super::file;
use super::sign::SignAs;
use super::ssh::{self, KeyArguments};
use crate::report::{Exit, Failure, Report};
use crate::text::{duration, plain, time};
use gate_bundle::{Joining, Role, Snapshot, snapshot_namespace};
use serde_json::json;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The bundle, as it is in force.
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
    /// The snapshot: made if it is not there, and signed once more if it is.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// As what you sign. The same people are needed as for the first bundle of a chain, by this bundle's own duties.
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: SignAs,
    #[command(flatten)]
    key: KeyArguments,
    /// How long from now a host may begin with it: 90s, 15m, 12h, 30d. Who signs after the first does not choose.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration)]
    not_after: u64,
}

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let bundle = file::open(&arguments.bundle)?.bundle;
    let (there, snapshot) = match read(&arguments.out)? {
        Some((bytes, snapshot)) => (Some(bytes), snapshot),
        None => {
            let said = Joining::of(&bundle, now.saturating_add(arguments.not_after));
            (None, Snapshot::unsigned(said).map_err(|error| Failure::cannot(error.to_string()))?)
        }
    };
    let said = snapshot.said();
    if *said != Joining::of(&bundle, said.not_after) {
        let (out, stated) = (arguments.out.display(), said.bundle);
        return Err(Failure::refused(vec![format!(
            "{out}: is a snapshot of bundle {stated} (version {}), and {} is {}; nothing was signed",
            said.version,
            arguments.bundle.display(),
            bundle.digest()
        )]));
    }
    let role = Role::from(arguments.role);
    let told = format!(
        "  bundle       {}\n  version      {} of environment {}\n  duties       {}\n  begin until  {}\n",
        said.bundle,
        said.version,
        plain(&said.environment),
        said.duties,
        time(said.not_after)
    );
    eprint!("you sign a snapshot as {role}:\n{told}");
    let armored = ssh::sign(&arguments.key.signer()?, snapshot_namespace(role), snapshot.line())?;
    let signed = snapshot
        .with_signature(&armored)
        .map_err(|reason| Failure::refused(vec![format!("{}: {reason}", arguments.out.display())]))?;
    if read(&arguments.out)?.map(|(bytes, _)| bytes) != there {
        return Err(Failure::cannot(format!(
            "{}: somebody changed it while it was being signed; nothing was written, sign again",
            arguments.out.display()
        )));
    }
    file::create(&arguments.out, &signed.to_bytes(), there.is_some())?;
    let said = signed.said();
    let next = format!(
        "next: the other people sign, then on the new host: gatectl host enroll --environment {} --duties {} --snapshot {}\n",
        plain(&said.environment),
        said.duties,
        arguments.out.display()
    );
    let text = format!("signed {} as {role}\n{told}{next}", arguments.out.display());
    let json = json!({
        "file": arguments.out, "bundle": said.bundle, "version": said.version, "environment": said.environment,
        "duties": said.duties, "not_after": said.not_after, "role": role,
    });
    Ok(Report { exit: Exit::Fine, text, json })
}

/// The snapshot that is there already.
fn read(path: &Path) -> Result<Option<(Vec<u8>, Snapshot)>, Failure> {
    let wrong = |found: String| Failure::cannot(format!("{}: {found}", path.display()));
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(format!("cannot be read: {error}"))),
        Ok(bytes) => match Snapshot::parse(&bytes) {
            Ok(snapshot) => Ok(Some((bytes, snapshot))),
            Err(error) => Err(wrong(error.to_string())),
        },
    }
}
