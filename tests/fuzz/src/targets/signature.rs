//! One armored SSH signature, as the only one of a bundle.

use crate::{Finding, Verdict, tarball};
use gate_bundle::{Bundle, Limits, Signed};
use ssh_key::{Algorithm, LineEnding, SshSig};
use std::sync::LazyLock;

/// A bundle that nobody signed. Its duties name everybody who holds a key that signed for the corpus.
const BUNDLE: &[u8] = include_bytes!("../../seeds/bundle.tar");

static UNSIGNED: LazyLock<Option<Bundle>> = LazyLock::new(|| Bundle::from_tar(BUNDLE, &Limits::default()).ok());

pub(super) fn run(input: &[u8]) -> Result<Verdict, Finding> {
    let Some(unsigned) = UNSIGNED.as_ref() else {
        return Err(Finding("seeds/bundle.tar is no bundle any more; make the seeds anew".to_owned()));
    };
    let Some(signed) = signed(input)? else { return Ok(Verdict::Refused) };
    let owner = unsigned.duties().owner_of(&signed.key);
    Finding::unless(owner.is_some(), || format!("signed with a key that nobody holds: {signed:?}"))?;
    let taken = std::str::from_utf8(input).ok().map(|text| unsigned.with_signature(text));
    let kept = taken.as_ref().and_then(|taken| taken.as_ref().ok()).map(Bundle::signatures);
    let same = kept.as_deref() == Some(std::slice::from_ref(&signed));
    Finding::unless(same, || format!("sound in a bundle, and not when it is added to one: {taken:?}"))?;
    if let Some(armored) = rewritten(input) {
        let again = self::signed(armored.as_bytes())?;
        Finding::unless(again.as_ref() == Some(&signed), || format!("armored again it is {again:?}"))?;
    }
    Ok(Verdict::Accepted)
}

/// What the bundle has of it.
fn signed(armored: &[u8]) -> Result<Option<Signed>, Finding> {
    let mut members = tarball::members(BUNDLE);
    members.push(("signatures/0.sig".to_owned(), armored.to_vec()));
    match Bundle::from_tar(tarball::write(&members).as_slice(), &Limits::default()) {
        Ok(bundle) => Ok(bundle.signatures().pop()),
        Err(_) if armored.len() as u64 > Limits::default().signature => Ok(None),
        Err(refusal) => Err(Finding(format!("a signature makes a bundle unreadable: {refusal}"))),
    }
}

/// The same signature as OpenSSH armors it; none of an ECDSA security key, which the library reads and writes wrongly.
fn rewritten(input: &[u8]) -> Option<String> {
    let signature = SshSig::from_pem(input).ok()?;
    if signature.algorithm() == Algorithm::SkEcdsaSha2NistP256 {
        return None;
    }
    signature.to_pem(LineEnding::LF).ok()
}
