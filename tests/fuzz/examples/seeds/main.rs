//! Makes `seeds/bundle.tar` and the seeds of the corpus that no editor writes: bundles and signatures. Keys are made of
//! fixed numbers, so that the same seeds come out wherever and whenever it runs:
//!
//! ```text
//! cargo run -p gate-fuzz --example seeds
//! ```

#![allow(unreachable_pub, missing_docs, reason = "a program of several files")]

mod archives;
mod keys;

use gate_bundle::{Bundle, Draft, Role, TABLES};
use gate_policy::{PolicySource, compile};
use keys::{Key, Signature, armor};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

pub type Fallible<T> = Result<T, Box<dyn Error>>;

const SERVICES: &str = "environment = \"demo\"\n\n[service.db]\nunit = \"db.service\"\nowner = \"a\"\n\n\
                        [service.db.port.sql]\nlisten = \"tcp/5432\"\n\n[service.web]\nunit = \"web.service\"\nowner = \"a\"\n";
const RULES: &str = "@id(\"a\") @reason(\"b\") @ticket(\"c\")\n\
                     permit (principal == Service::\"web\", action == Action::\"connect\", \
                     resource == Port::\"db:tcp/5432\");\n";

fn main() -> Fallible<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let keys = [Key::ed25519(1, false), Key::p256(2, false)?, Key::ed25519(3, true), Key::p256(4, true)?];
    let unsigned = bundle(&keys)?;
    write(here.join("seeds/bundle.tar"), &unsigned.to_tar())?;
    signatures(&here.join("corpus/signature"), unsigned.manifest_bytes(), &keys)?;
    let [author, approver, ..] = &keys;
    let signed = unsigned
        .with_signature(&author.sign(Role::Author, unsigned.manifest_bytes())?)?
        .with_signature(&approver.sign(Role::Approver, unsigned.manifest_bytes())?)?;
    archives::write_all(&here.join("corpus/archive"), &unsigned.to_tar(), &signed.to_tar())?;
    write(here.join("corpus/manifest/good-first.json"), unsigned.manifest_bytes())?;
    write(here.join("corpus/tables/good-small.json"), unsigned.file(TABLES).unwrap_or_default())?;
    for name in ["shop", "host"] {
        let policy = PolicySource::from_dir(&here.join("../../policies").join(name));
        let compiled = policy.and_then(|source| compile(&source, None)).map_err(|problems| format!("{problems:?}"))?;
        write(here.join(format!("corpus/tables/good-{name}.json")), &compiled.tables.to_bytes()?)?;
    }
    Ok(())
}

pub fn write(path: PathBuf, bytes: &[u8]) -> Fallible<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    Ok(fs::write(path, bytes)?)
}

/// A bundle whose duties name one person for each key.
fn bundle(keys: &[Key]) -> Fallible<Bundle> {
    let mut duties = "mode = \"team\"\napprovals = 1\n".to_owned();
    for (number, key) in keys.iter().enumerate() {
        duties += &format!("\n[person.p{number}]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\"]\n", key.line());
    }
    let files = [("services.toml", SERVICES), ("a.cedar", RULES), ("duties.toml", &duties)];
    let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let compiled = PolicySource::from_files(files.clone()).and_then(|source| compile(&source, None));
    let tables = compiled.map_err(|problems| format!("{problems:?}"))?.tables;
    let named = files.into_iter().map(|(name, bytes)| (format!("policy/{name}"), bytes));
    let members: BTreeMap<String, Vec<u8>> = named.chain([(TABLES.to_owned(), tables.to_bytes()?)]).collect();
    let environment = tables.environment;
    let draft =
        Draft { environment, previous: None, git_commit: None, created: 1_800_000_000, not_after: 1_800_086_400 };
    Ok(Bundle::unsigned(draft, members)?)
}

fn signatures(directory: &Path, manifest: &[u8], keys: &[Key]) -> Fallible<()> {
    for (number, key) in keys.iter().enumerate() {
        let sound = key.sign(Role::Author, manifest)?;
        write(directory.join(format!("good-author-{number}.sig")), sound.as_bytes())?;
        let sound = key.sign(Role::Approver, manifest)?;
        write(directory.join(format!("good-approver-{number}.sig")), sound.as_bytes())?;
        let bad = |name: &str, change: &dyn Fn(&mut Signature<'_>)| {
            let mut signature = Signature::sound(Role::Author);
            change(&mut signature);
            let armored = armor(&key.blob(&signature, manifest)?);
            write(directory.join(format!("bad-{name}-{number}.sig")), armored.as_bytes())
        };
        bad("namespace", &|signature| signature.namespace = "file")?;
        bad("version", &|signature| signature.version = 2)?;
        bad("reserved", &|signature| signature.reserved = b"\0")?;
        bad("trailing", &|signature| signature.further = 3)?;
    }
    for (number, key) in keys.iter().enumerate().filter(|(_, key)| key.device) {
        let untouched = Signature { flags: 0x04, ..Signature::sound(Role::Author) };
        let armored = armor(&key.blob(&untouched, manifest)?);
        write(directory.join(format!("bad-untouched-{number}.sig")), armored.as_bytes())?;
    }
    let stranger = Key::ed25519(9, false);
    let other = stranger.sign(Role::Author, b"something else")?;
    write(directory.join("bad-of-something-else.sig"), other.as_bytes())
}
