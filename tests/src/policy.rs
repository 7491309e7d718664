//! Policies and the bundles made of them, by the libraries that gatectl uses.

use crate::people::People;
use anyhow::{Context as _, anyhow};
use gate_bundle::{Bundle, Draft, Role, TABLES};
use gate_policy::{PolicySource, compile};
use gate_tables::Tables;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

const DAY: u64 = 86_400;

/// The files of a policy.
#[derive(Debug, Clone)]
pub struct Policy(BTreeMap<String, String>);

impl Policy {
    /// `policies/shop` of the repository, with these duties.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn shop(duties: &str) -> anyhow::Result<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies/shop");
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|name| anyhow!("the name {name:?}"))?;
            files.insert(name, fs::read_to_string(entry.path())?);
        }
        files.insert("duties.toml".into(), duties.into());
        Ok(Self(files))
    }

    /// With more text at the end of a file.
    #[must_use]
    pub fn with(mut self, file: &str, text: &str) -> Self {
        self.0.entry(file.into()).or_default().push_str(text);
        self
    }

    /// With a text in a file replaced.
    ///
    /// # Errors
    /// When the file does not have it.
    pub fn replace(mut self, file: &str, old: &str, new: &str) -> anyhow::Result<Self> {
        let text = self.0.get_mut(file).filter(|text| text.contains(old));
        let text = text.with_context(|| format!("{file} does not have {old:?}"))?;
        *text = text.replace(old, new);
        Ok(self)
    }

    /// Without its cases, for a policy that decides otherwise.
    ///
    /// # Errors
    /// When it has none.
    pub fn without_cases(mut self) -> anyhow::Result<Self> {
        self.0.remove("cases.toml").context("there is no cases.toml")?;
        Ok(self)
    }

    /// Writes the files to a directory.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)?;
        for (name, text) in &self.0 {
            fs::write(directory.join(name), text)?;
        }
        Ok(())
    }

    /// The unsigned bundle after `previous`, with the tables that follow from the rules, as `change` alters them.
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn bundle(&self, previous: Option<&Bundle>, change: impl FnOnce(&mut Tables)) -> anyhow::Result<Bundle> {
        let files = || self.0.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        let compiled = PolicySource::from_files(files())
            .and_then(|source| compile(&source, previous.map(Bundle::tables)))
            .map_err(|found| anyhow!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
        let mut tables = compiled.tables;
        change(&mut tables);
        let mut members: BTreeMap<String, Vec<u8>> =
            files().map(|(name, bytes)| (format!("policy/{name}"), bytes)).collect();
        members.insert(TABLES.into(), tables.to_bytes()?);
        let created = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let draft = Draft {
            environment: tables.environment,
            previous: previous.map(|bundle| (bundle.manifest().version(), bundle.digest())),
            git_commit: None,
            created,
            not_after: created + DAY,
        };
        Ok(Bundle::unsigned(draft, members)?)
    }

    /// The same, authored by alice and approved by bob.
    ///
    /// # Errors
    /// As [`Policy::bundle`].
    pub fn signed(&self, people: &People, previous: Option<&Bundle>) -> anyhow::Result<Bundle> {
        let bundle = people.sign(&self.bundle(previous, |_| {})?, "alice", Role::Author)?;
        people.sign(&bundle, "bob", Role::Approver)
    }
}
