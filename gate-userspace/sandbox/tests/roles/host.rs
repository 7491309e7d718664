//! The sandbox that `gate.toml` gives.

use crate::probe::{EACCES, NOBODY, Probe, User, assert_root, is_ok};
use gate_host::Role;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// A host whose roles have made-up users, except that this one runs as nobody.
fn host(probe: &Probe, role: Role) -> PathBuf {
    let base = probe.elsewhere();
    let at = |name: &str| base.join(name).display().to_string();
    let mut text = format!(
        "host = \"h1\"\nenvironment = \"test\"\ncgroup_root = {:?}\nrun_dir = {:?}\nstate_dir = {:?}\nkeys_dir = {:?}\n\
         [enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = []\nuids = [0]\n[proxy]\nport = 15001\n",
        at("cgroup"),
        at("run"),
        at("state"),
        at("keys"),
        "00".repeat(32),
    );
    for (index, each) in Role::ALL.into_iter().enumerate() {
        let id = if each == role { NOBODY } else { 70_000 + u32::try_from(index).unwrap() };
        text.push_str(&format!("[role.{each}]\nuid = {id}\ngid = {id}\ncgroup = \"gate/{each}\"\n"));
    }
    for name in ["cgroup", "run", "run/bpf", "state", "keys"].map(String::from).into_iter().chain(states()) {
        fs::create_dir_all(base.join(&name)).unwrap();
        chown(base.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let path = base.join("gate.toml");
    fs::write(&path, text).unwrap();
    path
}

fn states() -> impl Iterator<Item = String> {
    Role::ALL.into_iter().map(|role| format!("state/{role}"))
}

fn write_to(path: &Path) -> [String; 2] {
    ["write".to_owned(), path.display().to_string()]
}

#[test]
#[ignore = "needs root"]
fn a_role_writes_its_own_state_and_reads_no_other() {
    assert_root();
    for (role, user) in [
        (Role::Authn, User::Nobody),
        (Role::Authz, User::Nobody),
        (Role::Audit, User::Nobody),
        (Role::Proxy, User::Nobody),
        (Role::Net, User::NobodyWithNetAdmin),
    ] {
        let probe = Probe::new(user);
        let toml = host(&probe, role);
        let attempt = |words: &[String]| {
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            [probe.outside(&words), probe.on_host(role, &toml, &words)]
        };
        let own = attempt(&write_to(&probe.elsewhere().join(format!("state/{role}/file"))));
        assert!(own.iter().all(|outcome| is_ok(outcome)), "{role}: {own:?}");
        for other in Role::ALL.into_iter().filter(|other| *other != role) {
            // All directories belong to this user here: what refuses is Landlock alone.
            let [outside, inside] = attempt(&write_to(&probe.elsewhere().join(format!("state/{other}/file"))));
            assert!(is_ok(&outside), "{outside}");
            assert_eq!(inside, EACCES, "{role} writes {other}'s state");
        }
        let [_, keys] = attempt(&["list".to_owned(), probe.elsewhere().join("keys").display().to_string()]);
        assert!(is_ok(&keys), "{role} reads the enrolled keys: {keys}");
        let [_, key] = attempt(&write_to(&probe.elsewhere().join("keys/authz.pub")));
        assert_eq!(key, EACCES, "{role} enrolls a key");
    }
}

#[test]
#[ignore = "needs root"]
fn another_user_than_the_configured_one_is_refused() {
    assert_root();
    let probe = Probe::new(User::Nobody);
    let toml = host(&probe, Role::Authn);
    let refused = probe.on_host(Role::Authz, &toml, &["report"]);
    let expected = "refused authz runs as uid 65534, gid 65534; the configuration gives it uid 70004, gid 70004";
    assert_eq!(refused, expected);
}

#[test]
#[ignore = "needs root"]
fn a_directory_that_is_missing_is_named() {
    assert_root();
    let probe = Probe::new(User::Nobody);
    let toml = host(&probe, Role::Authz);
    fs::remove_dir(probe.elsewhere().join("state/authz")).unwrap();
    let refused = probe.on_host(Role::Authz, &toml, &["report"]);
    assert!(refused.contains("state/authz: cannot be opened for the sandbox"), "{refused}");
}
