//! Every input that was kept, fed to its target once more: what people wrote (`good-…`, `bad-…`), what the fuzzer found
//! worth keeping, and what was wrong once (`p…` and `found-…`).

use anyhow::{Context as _, ensure};
use gate_fuzz::{MAX_INPUT, Target, Verdict};
use std::fs;
use std::path::{Path, PathBuf};

/// A repository is read by people and copied by machines.
const MOST_BYTES: usize = 1 << 20;

#[test]
fn services() -> anyhow::Result<()> {
    replay(Target::Services)
}

#[test]
fn cases() -> anyhow::Result<()> {
    replay(Target::Cases)
}

#[test]
fn duties() -> anyhow::Result<()> {
    replay(Target::Duties)
}

#[test]
fn cedar() -> anyhow::Result<()> {
    replay(Target::Cedar)
}

#[test]
fn manifest() -> anyhow::Result<()> {
    replay(Target::Manifest)
}

#[test]
fn archive() -> anyhow::Result<()> {
    replay(Target::Archive)
}

#[test]
fn signature() -> anyhow::Result<()> {
    replay(Target::Signature)
}

#[test]
fn tables() -> anyhow::Result<()> {
    replay(Target::Tables)
}

#[test]
fn the_corpus_stays_small() -> anyhow::Result<()> {
    let mut total = 0;
    for target in Target::ALL {
        for file in inputs(target)? {
            let length = fs::read(&file)?.len();
            ensure!(length <= MAX_INPUT, "{}: {length} bytes; at most {MAX_INPUT}", file.display());
            total += length;
        }
    }
    ensure!(total <= MOST_BYTES, "the corpus has {total} bytes, at most {MOST_BYTES}: cargo xtask fuzz merges it");
    Ok(())
}

/// A target that refuses everything, or nothing, would pass all else.
fn replay(target: Target) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    let (mut good, mut bad) = (0, 0);
    for file in inputs(target)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let verdict = target.run(&fs::read(&file)?);
        let right = match &verdict {
            Err(_) => false,
            Ok(verdict) if name.starts_with("good-") => *verdict == Verdict::Accepted,
            Ok(verdict) if name.starts_with("bad-") => *verdict == Verdict::Refused,
            Ok(_) => true,
        };
        good += usize::from(verdict == Ok(Verdict::Accepted));
        bad += usize::from(verdict == Ok(Verdict::Refused));
        if !right {
            wrong.push(format!("{name}: {verdict:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{target}:\n{}", wrong.join("\n"));
    ensure!(good > 0 && bad > 0, "{target}: {good} inputs are accepted and {bad} refused; both have to be there");
    Ok(())
}

fn inputs(target: Target) -> anyhow::Result<Vec<PathBuf>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name());
    let entries = fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))?;
    let files: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut files = files?;
    files.sort();
    Ok(files)
}
