//! `gatectl bundle build`.

use super::show::change_json;
use super::{file, git};
use crate::policy::{Problem, Summary, check};
use crate::report::{Exit, Failure, Report};
use crate::text::{count, duration, plain, time};
use gate_bundle::{Bundle, Change, DIRECTORY, Draft, FOLLOWS, Key, TABLES, check_toxic};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The policy directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The bundle that this one follows. Without it, this is the first of its chain: version 1.
    #[arg(long, value_name = "BUNDLE")]
    previous: Option<PathBuf>,
    /// The highest version that went back on some host: it was not confirmed in time, or was reverted. Its number is
    /// used up there, and the bundle gets the next one.
    #[arg(long, value_name = "VERSION", requires = "previous")]
    went_back: Option<u64>,
    /// How long from now it may be activated for the first time: 90s, 15m, 12h, 30d.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration)]
    not_after: u64,
    /// Build as if now were this time, in seconds since 1970: whoever has the same commit gets the same bytes.
    #[arg(long, value_name = "SECONDS")]
    created: Option<u64>,
    /// Build although files differ from the git commit; the bundle then names no commit.
    #[arg(long)]
    allow_dirty: bool,
    /// Replace FILE if it exists.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, now: u64) -> Result<Report, Failure> {
    let created = arguments.created.unwrap_or(now);
    let previous = arguments.previous.as_deref().map(file::open).transpose()?.map(|opened| opened.bundle);
    let checked = check(&arguments.directory, previous.as_ref().map(Bundle::tables)).map_err(|problems| {
        let below = |problem: &Problem| problem.below(&arguments.directory);
        Failure::refused(problems.iter().map(below).collect())
    })?;
    let tables = &checked.compiled.tables;
    let (commit, commit_said) = commit(arguments)?;
    let mut files: BTreeMap<String, Vec<u8>> =
        checked.source.files().map(|(name, bytes)| (format!("policy/{name}"), bytes.to_vec())).collect();
    let bytes = tables.to_bytes().map_err(|error| Failure::cannot(error.to_string()))?;
    files.insert(TABLES.to_owned(), bytes);
    let draft = Draft {
        environment: tables.environment.clone(),
        previous: previous.as_ref().map(|previous| {
            let version = previous.manifest().version();
            (version.max(arguments.went_back.unwrap_or(0)), previous.digest())
        }),
        git_commit: commit,
        created,
        not_after: created.saturating_add(arguments.not_after),
    };
    let bundle = Bundle::unsigned(draft, files)
        .map_err(|refusal| Failure::refused(file::reasons(&arguments.directory, &refusal)))?;
    let (bundle, vouched) = with_commit(bundle, &arguments.directory);
    let change = Change::of(&bundle, previous.as_ref());
    check_toxic(&bundle, &change, now)
        .map_err(|refusal| Failure::refused(file::reasons(&arguments.directory, &refusal)))?;
    file::create(&arguments.out, &bundle.to_tar(), arguments.force)?;
    let commit_said = commit_said + &vouched;
    Ok(report(arguments, &bundle, &change, &commit_said, checked.cases.len()))
}

/// With the commit itself, where it is signed with an SSH key; and what is said about that. Whether it counts as the
/// author's signature, the roles judge.
fn with_commit(bundle: Bundle, directory: &Path) -> (Bundle, String) {
    let commit = bundle.manifest().git_commit();
    let Some(objects) = commit.and_then(|commit| git::objects(directory, commit)) else {
        return (bundle, String::new());
    };
    match bundle.with_commit(objects) {
        Ok(bundle) => {
            let key = bundle.commit_key().map(Key::fingerprint).unwrap_or_default();
            let follows = bundle.manifest().previous().map_or_else(|| "none".to_owned(), |digest| digest.to_string());
            let said = format!(
                "\n            signed with {key}: an author's signature if its message has \"{FOLLOWS}{follows}\" and \
                 \"{DIRECTORY}\" with this directory in the repository"
            );
            (bundle, said)
        }
        Err(problem) => {
            let said = format!("\n            its signature is not in the bundle: {}", plain(&problem.to_string()));
            (bundle, said)
        }
    }
}

/// The commit to name, and what is said about it.
fn commit(arguments: &Arguments) -> Result<(Option<String>, String), Failure> {
    let directory = arguments.directory.display();
    match git::find(&arguments.directory) {
        git::Found::Commit(commit) => Ok((Some(commit.clone()), commit)),
        git::Found::None(why) => Ok((None, format!("none ({})", plain(&why)))),
        git::Found::Dirty(files) if arguments.allow_dirty => {
            Ok((None, format!("none ({} differ from the commit)", count(files.len(), "file"))))
        }
        git::Found::Dirty(files) => {
            let mut errors = vec![format!(
                "{directory}: {} differ from the git commit, so the bundle would name a commit that it is not; commit \
                 them, or build with --allow-dirty to name none",
                count(files.len(), "policy file")
            )];
            errors.extend(files.iter().map(|file| format!("{directory}: git status: {}", plain(file))));
            Err(Failure::refused(errors))
        }
    }
}

fn report(arguments: &Arguments, bundle: &Bundle, change: &Change, commit: &str, cases: usize) -> Report {
    let manifest = bundle.manifest();
    let summary = Summary::of(bundle.tables());
    let follows = manifest.previous().map_or_else(|| "nothing: the first".to_owned(), |digest| digest.to_string());
    let text = format!(
        "built {}: version {} of environment {}\n  digest    {}\n  follows   {follows}\n  commit    {commit}\n  \
         activate  until {}\n  policy    {summary}\n  cases     {cases} passed\n  \
         change    {}\nnext: gatectl bundle sign {} --as author --key KEY{}\n",
        arguments.out.display(),
        manifest.version(),
        manifest.environment(),
        bundle.digest(),
        time(manifest.not_after()),
        plain(&change.to_string()),
        arguments.out.display(),
        if change.only_removes() { "" } else { ", then another person: gatectl bundle approve" },
    );
    let json = json!({
        "file": arguments.out, "digest": bundle.digest(), "version": manifest.version(),
        "environment": manifest.environment(), "previous": manifest.previous(), "git_commit": manifest.git_commit(),
        "git": commit, "not_after": manifest.not_after(), "summary": summary.json(), "cases": cases,
        "change": change_json(change), "commit_key": bundle.commit_key().map(Key::fingerprint),
    });
    Report { exit: Exit::Fine, text, json }
}
