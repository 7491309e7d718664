//! What `cargo metadata` says of packages and of who depends on whom.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::build::locked;
use crate::step;
use crate::workspace::Workspace;

/// The packages of the workspace, and all that they depend on.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    workspace_default_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) manifest_path: PathBuf,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// None for an ordinary dependency.
    kind: Option<String>,
}

impl Dependency {
    fn is_for_tests_alone(&self) -> bool {
        self.dep_kinds.iter().all(|kind| kind.kind.as_deref() == Some("dev"))
    }
}

impl Package {
    /// The names of the files in its `tests/`.
    pub(crate) fn integration_tests(&self) -> impl Iterator<Item = &str> {
        let tests = self.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "test"));
        tests.map(|target| target.name.as_str())
    }
}

impl Metadata {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        let mut command = workspace.cargo(["metadata", "--format-version", "1"]);
        Self::parse(&step::output(command.args(locked()))?)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("cargo metadata is not as expected")
    }

    /// Every package, those of others too.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The workspace's own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Those of them that are built when none is named.
    pub(crate) fn default_members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_default_members.contains(&package.id))
    }

    /// What a package reaches through dependencies that are not for tests alone, itself included: the name of each
    /// package reached, with the names on a shortest way to it.
    pub(crate) fn reached_from<'a>(&'a self, package: &'a Package) -> BTreeMap<&'a str, Vec<&'a str>> {
        let names: BTreeMap<&str, &str> = self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let edges: BTreeMap<&str, &Node> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut ways: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut queue = VecDeque::from([(package.id.as_str(), Vec::new())]);
        while let Some((id, way_before)) = queue.pop_front() {
            if ways.contains_key(id) {
                continue;
            }
            let mut way = way_before;
            way.push(names.get(id).copied().unwrap_or(id));
            let dependencies = edges.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            let followed = dependencies.iter().filter(|dependency| !dependency.is_for_tests_alone());
            queue.extend(followed.map(|dependency| (dependency.pkg.as_str(), way.clone())));
            ways.insert(id, way);
        }
        ways.into_values().filter_map(|way| Some((*way.last()?, way))).collect()
    }
}
