//! A bundle that is consistent in itself. Whether the right people signed it is for [`crate::admit`] to judge.

use crate::archive::{Members, read, signature_member, write};
use crate::commit::{self, CommitProblem, Objects, Vouched};
use crate::signature::{Role, SignatureProblem, verify};
use crate::{ArchiveError, DUTIES, Digest, Draft, Duties, Key, Limits, Manifest, Reason, Refusal, TABLES};
use gate_tables::Tables;
use std::{collections::BTreeMap, io::Read, sync::Arc};

/// A bundle whose files are exactly those of its manifest, byte for byte, and whose tables and duties can be used.
/// Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Bundle(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    members: Members,
    manifest: Manifest,
    digest: Digest,
    tables: Tables,
    duties: Duties,
    vouched: Option<Vouched>,
}

/// A sound signature of a bundle: by whoever holds that key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// `signatures/N.sig`.
    pub member: String,
    /// What the signer meant.
    pub role: Role,
    /// The key that signed.
    pub key: Key,
}

impl Bundle {
    /// Reads a bundle and checks everything that can be checked without knowing who may sign.
    ///
    /// # Errors
    /// [`Refusal`] with every reason; an archive or a manifest that cannot be read is a reason of its own.
    pub fn from_tar(reader: impl Read, limits: &Limits) -> Result<Self, Refusal> {
        Unchecked::read(reader, limits)?.into_bundle().map_err(Refusal::new)
    }

    /// A new bundle, signed by nobody yet.
    ///
    /// # Errors
    /// [`Refusal`] with every reason why nobody should sign it.
    pub fn unsigned(draft: Draft, files: BTreeMap<String, Vec<u8>>) -> Result<Self, Refusal> {
        let manifest = Manifest::for_files(draft, &files)?.to_bytes()?;
        let members = Members { manifest, files, objects: None, signatures: Vec::new() };
        // Reading it back holds it to the readers' limits.
        Self::from_tar(write(&members).as_slice(), &Limits::default())
    }

    /// The bundle with one signature more, as `ssh-keygen -Y sign` wrote it over [`Bundle::manifest_bytes`].
    ///
    /// # Errors
    /// [`Reason`] when it is no sound signature of this manifest, is there already, or has no room.
    pub fn with_signature(&self, armored: &str) -> Result<Self, Reason> {
        let mut members = self.0.members.clone();
        let limit = Limits::default().signatures;
        if members.signatures.len() >= limit {
            return Err(ArchiveError::TooMany { what: "signatures", limit }.into());
        }
        let member = signature_member(members.signatures.len());
        let refuse = |problem| Reason::Signature { member: member.clone(), problem };
        let signature = [armored.trim().as_bytes(), b"\n"].concat();
        let (role, key) = verify(&signature, &members.manifest).map_err(refuse)?;
        if self.signatures().iter().any(|signed| signed.role == role && signed.key == key) {
            return Err(refuse(SignatureProblem::Repeated { fingerprint: key.fingerprint(), role }));
        }
        members.signatures.push(signature);
        let parts = Parts { members, ..self.parts() };
        Ok(Self(Arc::new(parts)))
    }

    /// The bundle with the commit that it was made from, which its author signed with an SSH key.
    ///
    /// # Errors
    /// [`CommitProblem`] when it is not that commit, or says nothing here.
    pub fn with_commit(&self, objects: Objects) -> Result<Self, CommitProblem> {
        let vouched = commit::check(&objects, self.manifest(), self.files())?;
        let mut parts = self.parts();
        parts.members.objects = Some(objects);
        parts.vouched = Some(vouched);
        Ok(Self(Arc::new(parts)))
    }

    /// The key that signed the commit, if the bundle has it.
    #[must_use]
    pub fn commit_key(&self) -> Option<&Key> {
        self.0.vouched.as_ref().map(|vouched| &vouched.key)
    }

    pub(crate) fn vouched(&self) -> Option<&Vouched> {
        self.0.vouched.as_ref()
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_tar(&self) -> Vec<u8> {
        write(&self.0.members)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The exact bytes that people sign.
    #[must_use]
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.0.members.manifest
    }

    /// The SHA-256 of the manifest: the bundle's name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The compiled tables.
    #[must_use]
    pub fn tables(&self) -> &Tables {
        &self.0.tables
    }

    /// The duties that this bundle brings: those that judge the *next* one.
    #[must_use]
    pub fn duties(&self) -> &Duties {
        &self.0.duties
    }

    /// Every file (`policy/…` and `tables.json`), by name.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.0.members.files
    }

    /// The bytes of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.0.members.files.get(name).map(Vec::as_slice)
    }

    /// The sound signatures. Others are in the bundle too, perhaps; [`crate::admit`] refuses it for them.
    #[must_use]
    pub fn signatures(&self) -> Vec<Signed> {
        check_signatures(&self.0.members).into_iter().filter_map(Result::ok).collect()
    }

    pub(crate) fn members(&self) -> &Members {
        &self.0.members
    }

    fn parts(&self) -> Parts {
        let Parts { members, manifest, digest, tables, duties, vouched } = self.0.as_ref();
        Parts {
            members: members.clone(),
            manifest: manifest.clone(),
            digest: *digest,
            tables: tables.clone(),
            duties: duties.clone(),
            vouched: vouched.clone(),
        }
    }
}

/// An archive with a readable manifest, and everything that is wrong with its files.
pub(crate) struct Unchecked {
    members: Members,
    pub(crate) manifest: Manifest,
    pub(crate) digest: Digest,
    pub(crate) tables: Option<Tables>,
    pub(crate) duties: Option<Duties>,
    pub(crate) vouched: Option<Vouched>,
    reasons: Vec<Reason>,
}

impl Unchecked {
    pub(crate) fn read(reader: impl Read, limits: &Limits) -> Result<Self, Refusal> {
        Self::new(read(reader, limits)?)
    }

    fn new(members: Members) -> Result<Self, Refusal> {
        let manifest = Manifest::from_bytes(&members.manifest)?;
        let digest = Digest::of(&members.manifest);
        let mut reasons = compare_files(&manifest, &members.files);
        let tables = members.files.get(TABLES).and_then(|bytes| read_tables(bytes, &manifest, &mut reasons));
        let duties = members.files.get(DUTIES).and_then(|bytes| match Duties::parse(bytes) {
            Ok(duties) => Some(duties),
            Err(problems) => {
                reasons.extend(problems.into_iter().map(Reason::from));
                None
            }
        });
        let vouched = members.objects.as_ref().and_then(|objects| {
            let checked = commit::check(objects, &manifest, &members.files);
            checked.map_err(|problem| reasons.push(Reason::Commit(problem))).ok()
        });
        Ok(Self { members, manifest, digest, tables, duties, vouched, reasons })
    }

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    pub(crate) fn into_bundle(self) -> Result<Bundle, Vec<Reason>> {
        let Self { members, manifest, digest, tables, duties, vouched, reasons } = self;
        match (tables, duties) {
            (Some(tables), Some(duties)) if reasons.is_empty() => {
                Ok(Bundle(Arc::new(Parts { members, manifest, digest, tables, duties, vouched })))
            }
            _ => Err(reasons),
        }
    }
}

/// Each signature, sound or not, in the order of the members.
pub(crate) fn check_signatures(members: &Members) -> Vec<Result<Signed, Reason>> {
    let check = |(index, bytes): (usize, &Vec<u8>)| {
        let member = signature_member(index);
        match verify(bytes, &members.manifest) {
            Ok((role, key)) => Ok(Signed { member, role, key }),
            Err(problem) => Err(Reason::Signature { member, problem }),
        }
    };
    members.signatures.iter().enumerate().map(check).collect()
}

fn compare_files(manifest: &Manifest, files: &BTreeMap<String, Vec<u8>>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (file, expected) in manifest.files() {
        let (file, expected) = (file.clone(), *expected);
        match files.get(&file).map(|bytes| Digest::of(bytes)) {
            None => reasons.push(Reason::FileMissing { file }),
            Some(found) if found != expected => reasons.push(Reason::FileChanged { file, expected, found }),
            Some(_) => {}
        }
    }
    let unlisted = files.keys().filter(|file| !manifest.files().contains_key(*file));
    reasons.extend(unlisted.map(|file| Reason::FileUnlisted { file: file.clone() }));
    reasons
}

fn read_tables(bytes: &[u8], manifest: &Manifest, reasons: &mut Vec<Reason>) -> Option<Tables> {
    match Tables::from_bytes(bytes) {
        Err(error) => reasons.push(Reason::Tables(crate::reason::plain(&error.to_string()))),
        Ok(tables) if tables.environment != manifest.environment() => reasons.push(Reason::TablesEnvironment {
            expected: manifest.environment().to_owned(),
            found: crate::reason::plain(&tables.environment),
        }),
        Ok(tables) => return Some(tables),
    }
    None
}
