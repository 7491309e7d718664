use super::boundaries::{BOUNDARIES, Boundary, violations};
use super::metadata::Metadata;
use super::{files, licences};
use std::collections::BTreeSet;

/// A made-up workspace: each line is `package: dependency dependency:dev`; packages that have a line are its members.
fn workspace(lines: &[&str]) -> Metadata {
    let members: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once(':')?.0)).collect();
    let mut names = members.clone();
    let mut nodes = Vec::new();
    for line in lines {
        let (name, dependencies) = line.split_once(':').unwrap();
        let mut deps = Vec::new();
        for dependency in dependencies.split_whitespace() {
            let (dependency, kind) = dependency.split_once(':').map_or((dependency, None), |(d, kind)| (d, Some(kind)));
            names.push(dependency);
            deps.push(serde_json::json!({ "pkg": dependency, "dep_kinds": [{ "kind": kind }] }));
        }
        nodes.push(serde_json::json!({ "id": name, "deps": deps }));
    }
    names.sort_unstable();
    names.dedup();
    let package = |name: &&str| serde_json::json!({ "id": name, "name": name, "version": "1.0.0", "license": "MIT", "manifest_path": "Cargo.toml" });
    let text = serde_json::json!({
        "packages": names.iter().map(package).collect::<Vec<_>>(),
        "workspace_members": members,
        "workspace_default_members": members,
        "resolve": { "nodes": nodes },
    });
    Metadata::parse(&text.to_string()).unwrap()
}

const KERNEL: &[Boundary] = &[Boundary { of: &["aya"], only: &["gate-net"], reason: "it holds the maps" }];

#[test]
fn a_package_that_may_is_let_through() {
    assert_eq!(violations(&workspace(&["gate-net: aya", "gate-proxy: hyper"]), KERNEL), Vec::<String>::new());
}

#[test]
fn a_direct_dependency_crosses_the_boundary() {
    let found = violations(&workspace(&["gate-net: aya", "gate-proxy: aya"]), KERNEL);
    assert_eq!(found, ["gate-proxy reaches aya (gate-proxy -> aya); only gate-net may: it holds the maps"]);
}

#[test]
fn a_dependency_of_a_dependency_crosses_it_and_the_way_is_named() {
    let found =
        violations(&workspace(&["gate-net: aya", "gate-proxy: gate-ipc", "gate-ipc: helper", "helper: aya"]), KERNEL);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().any(|line| line.contains("(gate-proxy -> gate-ipc -> helper -> aya)")), "{found:?}");
}

#[test]
fn what_only_tests_use_crosses_nothing() {
    assert_eq!(violations(&workspace(&["gate-net: aya", "gate-proxy: aya:dev"]), KERNEL), Vec::<String>::new());
    assert_eq!(violations(&workspace(&["gate-net: aya", "gate-proxy: aya:build"]), KERNEL).len(), 1);
}

#[test]
fn a_daemon_that_imports_another_is_found() {
    let members = BOUNDARIES.iter().flat_map(|boundary| boundary.only).chain(&["gate-net", "gate-authz"]);
    let members: BTreeSet<&str> = members.copied().collect();
    let crates: Vec<String> = members.iter().map(|name| format!("{name}:")).collect();
    let crates: Vec<&str> =
        crates.iter().map(|line| if line == "gate-net:" { "gate-net: gate-authz" } else { line }).collect();
    let found = violations(&workspace(&crates), BOUNDARIES);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("gate-net reaches gate-authz (gate-net -> gate-authz); only gate-authz may"),
        "{found:?}"
    );
}

#[test]
fn a_name_in_the_table_that_is_nobodys_is_an_error() {
    let found = violations(&workspace(&["gate-proxy: hyper"]), KERNEL);
    assert_eq!(found, ["the table of boundaries names gate-net, which is no member of the workspace"]);
}

#[test]
fn licences_are_judged_by_the_choices_that_they_leave() {
    for permitted in ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND Unicode-3.0"] {
        assert_eq!(licences::permits(permitted), Some(true), "{permitted}");
    }
    for refused in ["GPL-3.0-only", "MIT AND GPL-3.0", "Apache-2.0 AND GPL-3.0 OR GPL-2.0"] {
        assert_eq!(licences::permits(refused), Some(false), "{refused}");
    }
    assert_eq!(licences::permits("MIT OR Apache-2.0 AND GPL-3.0"), Some(true), "AND binds more tightly");
    assert_eq!(licences::permits("Apache-2.0 WITH LLVM-exception"), Some(true));
    assert_eq!(licences::permits("Apache-2.0 WITH Other-exception"), Some(false));
    for nonsense in ["", "MIT OR", "(MIT", "MIT Apache-2.0", "AND MIT"] {
        assert_eq!(licences::permits(nonsense), None, "{nonsense:?}");
    }
}

#[test]
fn a_package_with_a_forbidden_licence_is_named() {
    let text = r#"{ "packages": [{ "id": "a", "name": "copyleft", "version": "2.1.0", "license": "AGPL-3.0", "manifest_path": "" }],
        "workspace_members": [], "workspace_default_members": [], "resolve": { "nodes": [] } }"#;
    let found = licences::violations(&Metadata::parse(text).unwrap());
    assert!(found.len() == 1 && found[0].starts_with("copyleft 2.1.0 has the licence AGPL-3.0"), "{found:?}");
}

#[test]
fn long_files_are_found_and_those_that_were_built_are_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let long = "//\n".repeat(501);
    for place in ["src", "target/debug", ".git"] {
        std::fs::create_dir_all(directory.path().join(place)).unwrap();
        std::fs::write(directory.path().join(place).join("long.rs"), &long).unwrap();
    }
    std::fs::write(directory.path().join("src/short.rs"), "//\n".repeat(500)).unwrap();
    let found = files::too_long(directory.path()).unwrap();
    assert!(found.len() == 1 && found[0].contains("src/long.rs: 501 lines"), "{found:?}");
}

#[test]
fn a_crate_must_take_the_lints() {
    assert!(files::takes_lints("[package]\nname = 'a'\n[lints]\nworkspace = true\n").unwrap());
    assert!(!files::takes_lints("[package]\nname = 'a'\n").unwrap());
    assert!(!files::takes_lints("[lints]\nworkspace = false\n").unwrap());
}
