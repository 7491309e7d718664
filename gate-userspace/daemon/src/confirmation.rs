//! gate-authz's word that a bundle's tables follow from its rules: checked when a bundle is staged, kept beside it,
//! and checked again at every start.

use crate::Context;
use gate_bundle::{Admitted, Digest};
use gate_host::Role;
use gate_statements::{BundleDigest, Confirmation, Signed};
use rustix::fs::{Mode, OFlags, fsync, open};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A signed confirmation is some 150 bytes.
const MAX_FILE: u64 = 4_096;

/// As statements and frames name a bundle.
pub(crate) fn wire_digest(digest: Digest) -> BundleDigest {
    BundleDigest(*digest.as_bytes())
}

/// Whether the confirmation is gate-authz's and for this bundle.
pub(crate) fn check(
    context: &Context,
    candidate: &Admitted,
    confirmation: Option<&Signed<Confirmation>>,
) -> Result<(), String> {
    let Some(confirmation) = confirmation else {
        let digest = candidate.digest();
        return Err(format!("gate-authz has not confirmed bundle {digest}; load it into gate-authz first"));
    };
    let stated = confirmation
        .verify(context.public_keys.authz())
        .map_err(|error| format!("gate-authz has not confirmed this bundle: {error}"))?;
    let right = Confirmation {
        bundle: wire_digest(candidate.digest()),
        environment: context.config.environment().to_owned(),
        version: candidate.version(),
    };
    if stated == right {
        return Ok(());
    }
    Err(format!(
        "gate-authz has not confirmed this bundle: its confirmation is for {} (version {}, environment {}), this one is {} \
         (version {}, environment {})",
        stated.bundle, stated.version, stated.environment, right.bundle, right.version, right.environment
    ))
}

/// Where confirmations are kept between starts. What is in there is not trusted: it is signed.
pub(crate) struct Kept {
    directory: PathBuf,
}

impl Kept {
    pub(crate) fn of(context: &Context) -> Self {
        Self { directory: context.config.state_dir(context.role) }
    }

    fn path(&self, bundle: Digest) -> PathBuf {
        self.directory.join(format!("{bundle}.confirmation"))
    }

    pub(crate) fn load(&self, bundle: Digest) -> Option<Signed<Confirmation>> {
        let path = self.path(bundle);
        let length = fs::symlink_metadata(&path).ok()?.len();
        let bytes = (length <= MAX_FILE).then(|| fs::read(&path).ok()).flatten()?;
        match postcard::take_from_bytes(&bytes) {
            Ok((confirmation, [])) => Some(confirmation),
            _ => None,
        }
    }

    /// Keeps one durably; earlier ones stay, until [`Kept::forget_others`].
    pub(crate) fn store(&self, bundle: Digest, confirmation: &Signed<Confirmation>) -> io::Result<()> {
        let bytes = postcard::to_allocvec(confirmation).map_err(io::Error::other)?;
        let unfinished = self.directory.join("unfinished.confirmation");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, self.path(bundle))?;
        sync_directory(&self.directory)
    }

    /// Removes what belongs to bundles that will not be in force again without being loaded. What cannot be removed does
    /// no harm.
    pub(crate) fn forget_others(&self, bundles: &[Digest]) {
        let right: Vec<PathBuf> = bundles.iter().map(|bundle| self.path(*bundle)).collect();
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "confirmation") && !right.contains(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fsync(open(directory, flags, Mode::empty())?)?)
}

/// gate-authz makes confirmations; everybody else needs one.
pub(crate) fn is_needed_by(role: Role) -> bool {
    role != Role::Authz
}
