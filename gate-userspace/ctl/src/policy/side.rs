//! A policy to read: a directory, or the file of a bundle.

use crate::report::{Exit, Failure};
use gate_bundle::{Bundle, Limits, TABLES};
use gate_policy::{Compiled, PolicySource, compile};
use gate_review::Side;
use gate_tables::{Cell, Tables};
use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// In a bundle, the policy's files are below this.
const POLICY: &str = "policy/";
/// Most bytes of a bundle's file: what a bundle may have, and its headers.
const MAX_BYTES: u64 = (128 << 20) + (2 << 20);

/// A policy with its tables.
pub(crate) struct Policy {
    /// As it was named on the command line.
    pub(crate) name: String,
    pub(crate) source: PolicySource,
    /// A bundle's own: what the roles enforce.
    pub(crate) tables: Tables,
    pub(crate) bundle: Option<Bundle>,
    compiled: OnceCell<Option<Compiled>>,
}

/// What was found at a path, before it is compiled.
struct Found {
    name: String,
    source: PolicySource,
    bundle: Option<Bundle>,
}

impl Policy {
    /// Reads and compiles one policy.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Found::read(path)?.compile(None)
    }

    /// Reads and compiles two, so that services have the same numbers in both where no bundle says otherwise.
    pub(crate) fn pair(old: &Path, new: &Path) -> Result<(Self, Self), Failure> {
        if [old, new].iter().all(|path| path.as_os_str() == "-") {
            return Err(Failure::cannot("OLD and NEW are both \"-\"; standard input holds one bundle"));
        }
        let (old, new) = match (Found::read(old), Found::read(new)) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(mut one), Err(other)) => {
                one.errors.extend(other.errors);
                return Err(one);
            }
            (Err(failure), _) | (_, Err(failure)) => return Err(failure),
        };
        if old.bundle.is_none() && new.bundle.is_some() {
            let new = new.compile(None)?;
            return Ok((old.compile(Some(&new.tables))?, new));
        }
        let old = old.compile(None)?;
        let new = new.compile(Some(&old.tables))?;
        Ok((old, new))
    }

    /// What its rules compile to; of a bundle only when it is asked for. `None`: they do not compile.
    pub(crate) fn compiled(&self) -> Option<&Compiled> {
        self.compiled.get_or_init(|| compile(&self.source, Some(&self.tables)).ok()).as_ref()
    }

    /// The rules that forbid a cell whatever the request.
    pub(crate) fn forbidding(&self, cell: &Cell) -> Vec<String> {
        let always = |rule: &gate_tables::Rule| rule.effect == "forbid" && rule.condition.is_none();
        if !self.tables.rules.iter().any(always) {
            return Vec::new();
        }
        self.nearest(cell).unwrap_or_default()
    }

    fn nearest(&self, cell: &Cell) -> Option<Vec<String>> {
        let Compiled { decider, tables, .. } = self.compiled()?;
        let principal = decider.principal_named(&cell.source)?;
        if let Some(action) = &cell.action {
            return Some(decider.nearest(principal, decider.action_named(action)?).forbidden_by);
        }
        let service = tables.service_named(&cell.destination)?;
        let port = service.ports.iter().find(|port| port.name == cell.port)?;
        Some(decider.nearest_connect(principal, service.id, port.id)?.forbidden_by)
    }

    /// Why a bundle's tables are not those of its rules, so that its review would be about something else. `previous`:
    /// the policy that it is compared with, whose numbers it keeps if it follows it.
    pub(crate) fn unfounded(&self, previous: &Self) -> Option<String> {
        let bundle = self.bundle.as_ref()?;
        let follows = previous.bundle.as_ref().is_some_and(|old| bundle.manifest().previous() == Some(old.digest()));
        let numbers = match (follows, bundle.manifest().version()) {
            (true, _) => Some(&previous.tables),
            (false, 1) => None,
            (false, _) => Some(&self.tables),
        };
        let compiled = match compile(&self.source, numbers) {
            Ok(compiled) => compiled,
            Err(problems) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                return Some(format!("its rules do not compile: {first}"));
            }
        };
        let right = compiled.tables.to_bytes().ok();
        if right.as_deref() == bundle.file(TABLES) {
            return None;
        }
        let json = |tables: &Tables| serde_json::to_value(tables).unwrap_or_default();
        let said = crate::difference::first_difference(&json(&self.tables), &json(&compiled.tables));
        Some(said.unwrap_or_else(|| "they are spelt in another way".to_owned()))
    }
}

/// Both sides of a comparison.
pub(crate) fn compare(old: &Policy, new: &Policy) -> gate_review::Diff {
    let before = |cell: &Cell| old.forbidding(cell);
    let after = |cell: &Cell| new.forbidding(cell);
    gate_review::diff(&Side { tables: &old.tables, forbids: &before }, &Side { tables: &new.tables, forbids: &after })
}

impl Found {
    fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let wrong = |found: &str| {
            Failure::cannot(format!(
                "{name}: {found}; give a policy directory, the one that holds services.toml, or the \
                                     file of a bundle"
            ))
        };
        if path.as_os_str() == "-" {
            return Self::of_bundle("-".to_owned(), io::stdin().lock());
        }
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => wrong("does not exist"),
            _ => wrong(&format!("cannot be read: {error}")),
        })?;
        if found.is_dir() {
            let below = |problem: gate_policy::Diagnostic| super::Problem::from(problem).below(path);
            let source =
                PolicySource::from_dir(path).map_err(|problems| unusable(problems.into_iter().map(below).collect()))?;
            return Ok(Self { name, source, bundle: None });
        }
        if !found.is_file() {
            return Err(wrong("is neither a directory nor a regular file"));
        }
        let file = File::open(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        Self::of_bundle(name, file)
    }

    fn of_bundle(name: String, reader: impl Read) -> Result<Self, Failure> {
        let bundle = Bundle::from_tar(reader.take(MAX_BYTES), &Limits::default()).map_err(|refusal| {
            unusable(refusal.reasons().iter().map(|reason| format!("{name}: {reason}")).collect())
        })?;
        let files = bundle.files().iter();
        let files = files.filter_map(|(member, bytes)| Some((member.strip_prefix(POLICY)?.to_owned(), bytes.clone())));
        let source = PolicySource::from_files(files).map_err(|problems| in_bundle(&name, &problems))?;
        Ok(Self { name, source, bundle: Some(bundle) })
    }

    fn compile(self, previous: Option<&Tables>) -> Result<Policy, Failure> {
        let Self { name, source, bundle } = self;
        if let Some(tables) = bundle.as_ref().map(|bundle| bundle.tables().clone()) {
            return Ok(Policy { name, source, tables, bundle, compiled: OnceCell::new() });
        }
        let directory = PathBuf::from(&name);
        let below = |problem: gate_policy::Diagnostic| super::Problem::from(problem).below(&directory);
        let compiled =
            compile(&source, previous).map_err(|problems| unusable(problems.into_iter().map(below).collect()))?;
        let tables = compiled.tables.clone();
        Ok(Policy { name, source, tables, bundle, compiled: OnceCell::from(Some(compiled)) })
    }
}

fn in_bundle(name: &str, problems: &[gate_policy::Diagnostic]) -> Failure {
    unusable(problems.iter().map(|problem| format!("{name}: {POLICY}{problem}")).collect())
}

/// What cannot be read or compiled cannot be compared: that is no difference.
fn unusable(errors: Vec<String>) -> Failure {
    Failure { exit: Exit::Cannot, errors }
}
