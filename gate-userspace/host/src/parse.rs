//! From the text of `gate.toml` to a [`HostConfig`], or to everything that is wrong with it.

use crate::config::{Enrolled, HostConfig, LandlockNeed, Operators, Proxy, RoleConfig};
use crate::reader::{At, Problems, Section};
use crate::role::Role;
use crate::trusted::{TrustError, read_trusted};
use crate::validate::{check_together, values};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// One thing that is wrong with the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// What was found, and what would be right.
    pub message: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or cannot be trusted.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// What it says is wrong.
    #[error("{}", Listed { path, problems })]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All that is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

struct Listed<'e> {
    path: &'e Path,
    problems: &'e [Problem],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{}: {}", self.path.display(), problem.line, problem.message)?;
        }
        Ok(())
    }
}

impl HostConfig {
    /// Reads the host's configuration. Refused unless root alone could have written the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_owned_by(path, 0)
    }

    /// As [`Self::load`], with another owner than root: for tests.
    pub fn load_owned_by(path: &Path, expected_owner: u32) -> Result<Self, ConfigError> {
        let text = read_trusted(path, expected_owner)?;
        Self::parse(&text).map_err(|problems| ConfigError::Invalid { path: path.into(), problems })
    }

    /// Reads a configuration from its text. The error is everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut problems = Problems::new(text);
        // After a syntax error everything else that seems wrong may be its consequence.
        let document = match DeTable::parse(text) {
            Ok(document) => document,
            Err(error) => {
                problems.add(&error.span().unwrap_or(0..0), error.message().to_owned());
                return Err(problems.into_found());
            }
        };
        let config = read(Section::root(&document), &mut problems);
        match (config, problems.into_found()) {
            (Some(config), found) if found.is_empty() => Ok(config),
            (_, found) => Err(found),
        }
    }
}

fn read(mut root: Section<'_, '_>, problems: &mut Problems<'_>) -> Option<HostConfig> {
    let host = root.required("host", problems, values::host_name);
    let environment = root.required("environment", problems, values::environment);
    let labels = read_labels(&mut root, problems);
    let cgroup_root = root.required("cgroup_root", problems, values::absolute_path);
    let run_dir = root.required("run_dir", problems, values::run_dir);
    let state_dir = root.required("state_dir", problems, values::absolute_path);
    let keys_dir = root.required("keys_dir", problems, values::absolute_path);
    let enrolled = read_enrolled(&mut root, problems);
    let operators = read_operators(&mut root, problems);
    let proxy = read_proxy(&mut root, problems);
    let landlock = read_landlock(&mut root, problems);
    let roles = read_roles(&mut root, problems);
    root.finish(problems);
    check_together(&roles, operators.as_ref(), problems);
    let roles = roles.into_iter().map(|found| found?.config()).collect::<Option<Vec<_>>>()?;
    Some(HostConfig {
        host: host?.value,
        environment: environment?.value,
        labels,
        cgroup_root: cgroup_root?.value,
        run_dir: run_dir?.value,
        state_dir: state_dir?.value,
        keys_dir: keys_dir?.value,
        enrolled: enrolled?,
        operators: operators.map(|found| Operators { gids: found.gids.value, uids: found.uids.value })?,
        proxy: proxy?,
        landlock,
        roles: roles.try_into().ok()?,
    })
}

/// None is as good as an empty table: such a host has what is for every host.
fn read_labels(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let Some(section) = root.optional_section("labels", problems) else { return BTreeMap::new() };
    section.entries(problems, values::is_label, values::label)
}

fn read_enrolled(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> Option<Enrolled> {
    let mut section = root.section("enrolled", problems)?;
    let duties_sha256 = section.required("duties_sha256", problems, values::sha256);
    let duties = section.optional("duties", problems, values::absolute_path);
    section.finish(problems);
    Some(Enrolled { duties_sha256: duties_sha256?.value, duties: duties.map(|found| found.value) })
}

/// The operators, with the places of their ids.
pub(crate) struct FoundOperators {
    pub(crate) gids: At<Vec<u32>>,
    pub(crate) uids: At<Vec<u32>>,
}

fn read_operators(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> Option<FoundOperators> {
    let mut section = root.section("operators", problems)?;
    let gids = section.required("gids", problems, values::ids);
    let uids = section.required("uids", problems, values::ids);
    section.finish(problems);
    Some(FoundOperators { gids: gids?, uids: uids? })
}

fn read_proxy(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> Option<Proxy> {
    let mut section = root.section("proxy", problems)?;
    let port = section.required("port", problems, values::port);
    let workers = section.optional("workers", problems, values::workers);
    section.finish(problems);
    Some(Proxy { port: port?.value, workers: workers.map_or(0, |found| found.value) })
}

fn read_landlock(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> LandlockNeed {
    let Some(mut section) = root.optional_section("sandbox", problems) else {
        return LandlockNeed::Required;
    };
    let found = section.optional("landlock", problems, values::landlock);
    section.finish(problems);
    found.map_or(LandlockNeed::Required, |found| found.value)
}

/// One role, as far as it could be read, with the places of its values.
pub(crate) struct FoundRole {
    pub(crate) role: Role,
    pub(crate) uid: Option<At<u32>>,
    pub(crate) gid: Option<At<u32>>,
    pub(crate) cgroup: Option<At<String>>,
}

impl FoundRole {
    fn config(self) -> Option<RoleConfig> {
        Some(RoleConfig { role: self.role, uid: self.uid?.value, gid: self.gid?.value, cgroup: self.cgroup?.value })
    }
}

fn read_roles(root: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> Vec<Option<FoundRole>> {
    let Some(mut section) = root.section("role", problems) else {
        return Role::ALL.iter().map(|_| None).collect();
    };
    let roles = Role::ALL.map(|role| read_role(role, &mut section, problems)).into();
    section.finish(problems);
    roles
}

fn read_role(role: Role, roles: &mut Section<'_, '_>, problems: &mut Problems<'_>) -> Option<FoundRole> {
    let mut section = roles.section(role.name(), problems)?;
    let uid = section.required("uid", problems, values::id);
    let gid = section.required("gid", problems, values::id);
    let cgroup = section.required("cgroup", problems, values::cgroup);
    section.finish(problems);
    Some(FoundRole { role, uid, gid, cgroup })
}
