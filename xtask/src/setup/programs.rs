//! The programs that tests, demo and benchmark run.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Scope;
use super::apt::{self, Apt};

struct Program {
    /// The file that says that it is there.
    name: &'static str,
    package: &'static str,
    needed_for: Scope,
    /// A unit that the package enables, and that must not start at the next boot.
    unit: Option<&'static str>,
}

const PROGRAMS: &[Program] = &[
    // The service `orders` of the demo.
    Program { name: "nginx", package: "nginx-light", needed_for: Scope::Run, unit: Some("nginx.service") },
    // Its clients. The other netcat lacks -N and -U.
    Program { name: "curl", package: "curl", needed_for: Scope::Run, unit: None },
    Program { name: "nc.openbsd", package: "netcat-openbsd", needed_for: Scope::Run, unit: None },
    // Namespaces and what is in them.
    Program { name: "ip", package: "iproute2", needed_for: Scope::Run, unit: None },
    Program { name: "ss", package: "iproute2", needed_for: Scope::Run, unit: None },
    Program { name: "unshare", package: "util-linux", needed_for: Scope::Run, unit: None },
    Program { name: "setpriv", package: "util-linux", needed_for: Scope::Run, unit: None },
    // Kills a role at a certain call.
    Program { name: "strace", package: "strace", needed_for: Scope::Run, unit: None },
    // Signatures of authors and approvers.
    Program { name: "ssh-keygen", package: "openssh-client", needed_for: Scope::Run, unit: None },
    Program { name: "wrk", package: "wrk", needed_for: Scope::Everything, unit: None },
];

/// Installs those that `scope` needs and that are missing.
pub(crate) fn install(apt: &mut Apt<'_>, scope: Scope) -> Result<()> {
    let missing = missing(scope, &search_path());
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<String> = missing.iter().map(|program| program.package.to_owned()).collect();
    packages.dedup();
    apt.install("the programs that tests and demo run", &packages)?;
    missing.iter().filter_map(|program| program.unit).try_for_each(apt::disable_unit)
}

fn missing(scope: Scope, directories: &[PathBuf]) -> Vec<&'static Program> {
    let there = |program: &Program| directories.iter().any(|directory| directory.join(program.name).is_file());
    PROGRAMS.iter().filter(|program| needs(scope, program.needed_for) && !there(program)).collect()
}

fn needs(scope: Scope, needed_for: Scope) -> bool {
    match scope {
        Scope::Build => false,
        Scope::Run => needed_for == Scope::Run,
        Scope::Everything => true,
    }
}

/// PATH, and where daemons are even when PATH does not say so.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(|directory| Path::new(directory).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_task_needs_and_the_machine_lacks_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("curl"), "").unwrap();
        let names = |scope| {
            let found = missing(scope, &[directory.path().to_path_buf()]);
            found.into_iter().map(|program| program.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Scope::Build), Vec::<&str>::new());
        assert!(names(Scope::Run).contains(&"nginx"));
        assert!(!names(Scope::Run).contains(&"curl"));
        assert!(!names(Scope::Run).contains(&"wrk"));
        assert!(names(Scope::Everything).contains(&"wrk"));
    }
}
