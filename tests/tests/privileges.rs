//! What each role's user can open of the others: nothing.

use anyhow::{Context as _, ensure};
use gate_host::Role;
use gate_tests::{Host, Output, Stand, at, attacker::Outcome, left_out, shared};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SERVING: [Role; 5] = [Role::Net, Role::Proxy, Role::Authn, Role::Authz, Role::Audit];

/// Tries to open each, as somebody.
fn open(host: &Host, stand: &Stand, paths: &[PathBuf]) -> anyhow::Result<Vec<(PathBuf, Outcome)>> {
    let attacker = host.installed("gate-attacker")?.display().to_string();
    let words: Vec<String> =
        std::iter::once("open".to_owned()).chain(paths.iter().map(|path| path.display().to_string())).collect();
    let output = Output::of(&mut stand.command(attacker, &words)?)?;
    let outcomes: Option<Vec<Outcome>> = output.out.lines().map(Outcome::from_json).collect();
    let outcomes = outcomes.filter(|outcomes| outcomes.len() == paths.len());
    let outcomes = outcomes.with_context(|| format!("gate-attacker said {:?}", output.text()))?;
    Ok(paths.iter().cloned().zip(outcomes).collect())
}

/// Every file and directory below a directory.
fn all_below(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![directory.to_owned()];
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(all_below(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// A role's key, bundles, log and, for gate-net, maps; the links are root's.
fn possessions(host: &Host, role: Role) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = all_below(&host.path("state").join(role.name()))?;
    if role == Role::Net {
        let pins = host.path(&format!("run/bpf/abi-{}", gate_common::ABI_VERSION));
        found.extend(all_below(&pins.join("maps"))?);
    }
    Ok(found)
}

#[test]
fn no_role_opens_what_is_anothers() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for owner in SERVING {
        let theirs = possessions(host, owner)?;
        ensure!(theirs.len() > 2, "gate-{owner} has {theirs:?}");
        for role in SERVING.into_iter().filter(|role| *role != owner) {
            for (path, came) in open(host, &host.stand(role), &theirs)? {
                ensure!(came.is("open", "EACCES"), "gate-{role} at {}: {came}", path.display());
            }
        }
        let web = host.stand_of("web");
        for (path, came) in open(host, &web, &theirs)? {
            ensure!(came.is("open", "EACCES"), "web at {}: {came}", path.display());
        }
        // That opening would be seen: the owner can.
        let own = host.path("state").join(owner.name()).join("bundles");
        for (path, came) in open(host, &host.stand(owner), &[own])? {
            ensure!(came.worked_with("listed"), "gate-{owner} at its own {}: {came}", path.display());
        }
    }
    Ok(())
}

#[test]
fn links_and_peoples_keys_are_roots() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let mut roots = all_below(&host.path(&format!("run/bpf/abi-{}/links", gate_common::ABI_VERSION)))?;
    ensure!(roots.len() > 17, "{} links are pinned", roots.len().saturating_sub(1));
    roots.extend(all_below(&host.path("people"))?);
    for role in SERVING {
        for (path, came) in open(host, &host.stand(role), &roots)? {
            ensure!(came.is("open", "EACCES"), "gate-{role} at {}: {came}", path.display());
        }
    }
    Ok(())
}

#[test]
fn no_role_writes_what_decides_who_is_who() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let (config, keys) = (host.config().display().to_string(), host.path("keys/authz.pub").display().to_string());
    for role in SERVING {
        for path in [&config, &keys] {
            let append = format!("echo evil >> {path}");
            let written = Output::of(&mut host.stand(role).command("sh", &["-c", &append])?)?;
            ensure!(!written.succeeded(), "gate-{role} wrote {path}");
            let replace = format!("mv -f /dev/null {path} || rm -f {path}");
            let replaced = Output::of(&mut host.stand(role).command("sh", &["-c", &replace])?)?;
            ensure!(!replaced.succeeded(), "gate-{role} replaced {path}");
        }
    }
    Ok(())
}

#[test]
fn nobody_looks_into_a_running_role_not_even_its_own_user() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    for role in SERVING {
        let pid = host.pid_of(role).with_context(|| format!("gate-{role} is not running"))?;
        let paths: Vec<PathBuf> =
            ["mem", "environ", "maps", "fd"].map(|file| PathBuf::from(format!("/proc/{pid}/{file}"))).into();
        for (path, came) in open(host, &host.stand(role), &paths)? {
            ensure!(came.is("open", "EACCES"), "gate-{role}'s own user at {}: {came}", path.display());
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.rsplit('\t').next().unwrap_or_default().to_owned()
        };
        // CAP_NET_ADMIN is bit 12.
        let capabilities = if role == Role::Net { "0000000000001000" } else { "0000000000000000" };
        for (name, right) in
            [("CapEff:", capabilities), ("CapBnd:", capabilities), ("NoNewPrivs:", "1"), ("Seccomp:", "2")]
        {
            ensure!(field(name) == right, "gate-{role}: {name} {}, it must be {right}", field(name));
        }
    }
    Ok(())
}

#[test]
fn gate_loader_is_gone_and_what_it_made_stays() -> anyhow::Result<()> {
    if left_out()? {
        return Ok(());
    }
    let mut shared = shared()?;
    let host = shared.host()?;
    let procs = fs::read_to_string(host.stand(Role::Loader).cgroup.join("cgroup.procs"))?;
    ensure!(procs.trim().is_empty(), "processes in gate-loader's cgroup: {procs}");
    let report: serde_json::Value = serde_json::from_slice(&fs::read(host.path("run/loader.json"))?)?;
    let links = all_below(&host.path(&format!("run/bpf/abi-{}/links", gate_common::ABI_VERSION)))?.len() - 1;
    ensure!(
        at(&report, "/links").as_array().map(Vec::len) == Some(links),
        "{links} links are pinned, it reported {report}"
    );
    Ok(())
}
