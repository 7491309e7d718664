//! `test`: every test, on this machine's kernel.
//!
//! What needs root is in the package gate-tests, or is marked `#[ignore = "needs root"]` where it is: so it is run here
//! as root, and shown as left out everywhere else.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::build::{self, Profile, Targets, locked, selection};
use crate::build_ebpf::{self, Warnings};
use crate::lint::{self, metadata::Metadata};
use crate::setup::{self, BpfTools, Scope};
use crate::step;
use crate::workspace::{Workspace, is_ci, is_root};

/// The package of the end-to-end tests: as root, and one after another.
const END_TO_END: &str = "gate-tests";
/// It embeds the BPF object.
const LOADER: &str = "gate-loader";

/// Sets up, builds, lints, and runs the tests.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let plan = Plan::make(workspace)?;
    let metadata = Metadata::read(workspace)?;
    let tools = plan.compile(workspace)?;
    lint::check(workspace, &metadata, tools.as_ref(), &plan.left_out)?;
    let documentation = cargo_test(workspace, &plan, "documentation tests", &["--doc"], &[])?;
    plan.announce();
    let others = if has_nextest(workspace) { nextest(workspace, &plan)? } else { plain(workspace, &plan, &metadata)? };
    // Nothing is printed after the runner's own summary.
    Ok(if documentation && others { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What can be done with the rights that there are.
struct Plan {
    root: bool,
    /// Packages that are not even compiled.
    left_out: Vec<&'static str>,
}

impl Plan {
    fn make(workspace: &Workspace) -> Result<Self> {
        let root = is_root();
        if !root && is_ci() {
            bail!("CI is set, and the tests of the kernel cannot run without root: a run without them must not pass");
        }
        let left_out = if setup::can_compile_bpf(workspace) { vec![] } else { vec![LOADER, END_TO_END] };
        Ok(Self { root, left_out })
    }

    /// Compiles all that will run; the tools for the BPF programs, where they can be had.
    fn compile(&self, workspace: &Workspace) -> Result<Option<BpfTools>> {
        let tools = if self.left_out.is_empty() {
            let tools = setup::run(workspace, if self.root { Scope::Run } else { Scope::Build })?;
            build_ebpf::build(workspace, &tools, Warnings::Shown)?;
            Some(tools)
        } else {
            None
        };
        build::user_space(workspace, Profile::Dev, Targets::All, &self.left_out)?;
        Ok(tools)
    }

    /// Says what does not run.
    fn announce(&self) {
        if self.root {
            return;
        }
        step::step("left out, because this is not root:");
        step::note(&format!("the end-to-end tests: package {END_TO_END}"));
        step::note("every test marked `needs root`: the runner counts it as ignored or skipped");
        if self.left_out.contains(&LOADER) {
            step::note(&format!(
                "package {LOADER}: there is no BPF toolchain; `cargo xtask setup` as root installs one"
            ));
        }
    }
}

fn has_nextest(workspace: &Workspace) -> bool {
    step::output(&mut workspace.cargo(["nextest", "--version"])).is_ok()
}

fn nextest(workspace: &Workspace, plan: &Plan) -> Result<bool> {
    let mut command = workspace.cargo(["nextest", "run", "--config-file", "xtask/nextest.toml"]);
    command.args(selection(&plan.left_out)).args(locked());
    if plan.root {
        command.args(["--run-ignored", "all"]);
    } else {
        command.args(["--filterset", &format!("not (package({END_TO_END}) and kind(test))")]);
    }
    succeeds("tests", &mut command)
}

/// With cargo's own runner: first what may run beside each other, then the rest.
fn plain(workspace: &Workspace, plan: &Plan, metadata: &Metadata) -> Result<bool> {
    let (serial, parallel) = by_package(metadata, END_TO_END);
    let units = ["--lib", "--bins"].map(str::to_owned).into_iter().chain(test_arguments(&parallel)).collect::<Vec<_>>();
    let first = cargo_test(workspace, plan, "tests", &units, &[])?;
    if !plan.root || serial.is_empty() {
        return Ok(first);
    }
    let second = cargo_test(workspace, plan, "end-to-end tests", &test_arguments(&serial), &["--test-threads=1"])?;
    Ok(first && second)
}

/// The integration tests of one package, and those of the others.
fn by_package<'a>(metadata: &'a Metadata, package: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let of = |wanted: bool| {
        let packages = metadata.default_members().filter(move |member| (member.name == package) == wanted);
        packages.flat_map(|member| member.integration_tests()).collect::<Vec<_>>()
    };
    let (serial, mut parallel) = (of(true), of(false));
    // cargo selects by name: two of the same name run together, so they run with those that run alone.
    parallel.retain(|name| !serial.contains(name));
    (serial, parallel)
}

fn test_arguments(names: &[&str]) -> Vec<String> {
    names.iter().flat_map(|name| ["--test".to_owned(), (*name).to_owned()]).collect()
}

fn cargo_test<S: AsRef<str>>(
    workspace: &Workspace,
    plan: &Plan,
    what: &str,
    targets: &[S],
    runner: &[&str],
) -> Result<bool> {
    let mut command = workspace.cargo(["test", "--no-fail-fast"]);
    command
        .args(selection(&plan.left_out))
        .args(locked())
        .args(targets.iter().map(AsRef::as_ref))
        .arg("--")
        .args(runner);
    // An example in the documentation that says `ignore` is not meant to compile.
    let of_documentation = targets.iter().any(|target| target.as_ref() == "--doc");
    if plan.root && !of_documentation {
        command.arg("--include-ignored");
    }
    succeeds(what, &mut command)
}

fn succeeds(what: &str, command: &mut Command) -> Result<bool> {
    Ok(step::visible_status(what, command)?.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_to_end_tests_and_their_namesakes_run_alone() {
        let package = |name: &str, tests: &[&str]| {
            let target = |test: &&str| serde_json::json!({ "name": test, "kind": ["test"] });
            let targets: Vec<_> =
                tests.iter().map(target).chain([serde_json::json!({ "name": "x", "kind": ["lib"] })]).collect();
            serde_json::json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT", "manifest_path": "", "targets": targets })
        };
        let text = serde_json::json!({
            "packages": [package(END_TO_END, &["shop", "limits"]), package("gate-ipc", &["frames", "limits"])],
            "workspace_members": [],
            "workspace_default_members": [END_TO_END, "gate-ipc"],
            "resolve": { "nodes": [] },
        });
        let metadata = Metadata::parse(&text.to_string()).unwrap();
        assert_eq!(by_package(&metadata, END_TO_END), (vec!["shop", "limits"], vec!["frames"]));
    }
}
