//! A bundle's tar file.

use super::manifest::stays_inside;
use crate::{Finding, Verdict, tarball};
use gate_bundle::{Bundle, Digest, Draft, Limits, Manifest};
use std::collections::BTreeMap;
use std::io::Read as _;

const MANIFEST: &str = "manifest.json";

/// A changed byte breaks a checksum or a digest, and what is behind them would never be reached: the input is read a
/// second time with both mended.
pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let verdict = read(input)?;
    read(&mended(input))?;
    Ok(verdict)
}

fn read(input: &[u8]) -> Result<Verdict, Finding> {
    let bundle = match Bundle::from_tar(input, &Limits::default()) {
        Ok(bundle) => bundle,
        Err(refusal) => {
            Finding::unless(!refusal.reasons().is_empty(), || "refused without a reason".to_owned())?;
            return Ok(Verdict::Refused);
        }
    };
    Finding::unless(bundle.to_tar() == input, || "written back it has other bytes".to_owned())?;
    holds_what_it_says(&bundle)?;
    another_reader_agrees(&bundle, input)?;
    let signatures = bundle.signatures().len();
    Finding::unless(signatures <= Limits::default().signatures, || format!("{signatures} signatures"))?;
    Ok(Verdict::Accepted)
}

/// The files are those of the manifest, byte for byte, and none of them leads anywhere else.
fn holds_what_it_says(bundle: &Bundle) -> Result<(), Finding> {
    let digests: BTreeMap<String, Digest> =
        bundle.files().iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect();
    Finding::unless(digests == *bundle.manifest().files(), || "its files are not its manifest's".to_owned())?;
    Finding::unless(bundle.digest() == Digest::of(bundle.manifest_bytes()), || "it has another name".to_owned())?;
    let environment = &bundle.tables().environment;
    Finding::unless(environment == bundle.manifest().environment(), || format!("tables of {environment:?}"))?;
    digests.keys().try_for_each(|name| stays_inside(name))
}

/// What tar programs unpack is what was judged.
fn another_reader_agrees(bundle: &Bundle, input: &[u8]) -> Result<(), Finding> {
    let wrong = |error: std::io::Error| Finding(format!("accepted, and to another reader no tar: {error}"));
    let mut found = Vec::new();
    for entry in tar::Archive::new(input).entries().map_err(wrong)? {
        let mut entry = entry.map_err(wrong)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(wrong)?;
        found.push((name, bytes));
    }
    let signatures = found.split_off(found.len().min(1 + bundle.files().len()));
    let files = bundle.files().iter().map(|(name, bytes)| (name.clone(), bytes.clone()));
    let manifest = (MANIFEST.to_owned(), bundle.manifest_bytes().to_vec());
    let own: Vec<_> = std::iter::once(manifest).chain(files).collect();
    Finding::unless(own == found, || "another reader finds other files".to_owned())?;
    let counted = signatures.iter().enumerate().all(|(number, (name, _))| *name == format!("signatures/{number}.sig"));
    Finding::unless(counted, || "another reader finds other signatures".to_owned())
}

/// The same members under sound headers, and a manifest that names the files that are there.
fn mended(input: &[u8]) -> Vec<u8> {
    let mut members = tarball::members(input);
    let is_file = |name: &str| name != MANIFEST && !name.starts_with("signatures/");
    let files: BTreeMap<String, Vec<u8>> = members.iter().filter(|(name, _)| is_file(name)).cloned().collect();
    for (_, bytes) in members.iter_mut().filter(|(name, _)| name == MANIFEST) {
        if let Some(named) = naming(bytes, &files) {
            *bytes = named;
        }
    }
    tarball::write(&members)
}

fn naming(manifest: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Option<Vec<u8>> {
    let manifest = Manifest::from_bytes(manifest).ok()?;
    let draft = Draft {
        environment: manifest.environment().to_owned(),
        previous: manifest.previous().map(|digest| (manifest.version() - 1, digest)),
        git_commit: manifest.git_commit().map(str::to_owned),
        created: manifest.created(),
        not_after: manifest.not_after(),
    };
    Manifest::for_files(draft, files).ok()?.to_bytes().ok()
}
