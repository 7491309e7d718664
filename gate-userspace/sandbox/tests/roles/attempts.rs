//! What no role may do.

use crate::probe::{EACCES, EBADF, EPERM, NOBODY, Probe, UNPRIVILEGED, User, assert_root, is_ok};
use gate_host::Role;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Needs no privilege outside the sandbox.
const FOR_ANYBODY: &[&[&str]] = &[
    &["execve"],
    &["spawn"],
    &["fork"],
    &["ptrace"],
    &["kill"],
    &["raise-limit"],
    &["executable-memory"],
    &["list", "/"],
];

/// Works outside, and inside fails as it should in each of these roles.
#[track_caller]
fn assert_only_outside(probe: &Probe, roles: &[Role], attempt: &[&str], expected: &str) {
    let outside = probe.outside(attempt);
    assert!(is_ok(&outside), "{attempt:?} must work outside a sandbox, or the test shows nothing: {outside}");
    for role in roles {
        assert_eq!(probe.inside(*role, attempt), expected, "{role} {attempt:?}");
    }
}

fn refusal(attempt: &[&str]) -> &'static str {
    match attempt {
        ["list", ..] => EACCES,
        _ => EPERM,
    }
}

fn try_what_anybody_may(user: User, roles: &[Role]) {
    let probe = Probe::new(user);
    for attempt in FOR_ANYBODY {
        assert_only_outside(&probe, roles, attempt, refusal(attempt));
    }
}

#[test]
fn no_role_may_start_trace_signal_or_load_anything() {
    try_what_anybody_may(User::Same, &UNPRIVILEGED);
}

#[test]
#[ignore = "needs root"]
fn no_role_may_as_root() {
    assert_root();
    try_what_anybody_may(User::Same, &Role::ALL);
}

#[test]
#[ignore = "needs root"]
fn no_role_may_as_a_user_of_its_own() {
    assert_root();
    try_what_anybody_may(User::Nobody, &UNPRIVILEGED);
    try_what_anybody_may(User::NobodyWithNetAdmin, &[Role::Net]);
}

#[test]
fn a_file_elsewhere_is_neither_read_nor_written() {
    let probe = Probe::new(User::Same);
    let readable = file(probe.elsewhere(), "readable", 0o644);
    let attempt = ["read", readable.to_str().unwrap()];
    assert_only_outside(&probe, &UNPRIVILEGED, &attempt, EACCES);

    let new = probe.elsewhere().join("new");
    for role in UNPRIVILEGED {
        assert_eq!(probe.inside(role, &["write", new.to_str().unwrap()]), EACCES);
        assert!(!new.exists());
    }
    assert!(is_ok(&probe.outside(&["write", new.to_str().unwrap()])));
    let own = probe.place().join("own");
    assert!(is_ok(&probe.inside(Role::Audit, &["write", own.to_str().unwrap()])));
}

#[test]
#[ignore = "needs root"]
fn another_users_private_file_is_not_read_even_as_root() {
    assert_root();
    let probe = Probe::new(User::Same);
    // Elsewhere, where Landlock says no; and in the role's own directory, where only the missing capability does.
    for directory in [probe.elsewhere().to_owned(), probe.place()] {
        let private = file(&directory, "private", 0o600);
        chown(&private, Some(NOBODY), Some(NOBODY)).unwrap();
        assert_only_outside(&probe, &Role::ALL, &["read", private.to_str().unwrap()], EACCES);
    }
}

#[test]
#[ignore = "needs root"]
fn no_role_may_become_another_user() {
    assert_root();
    let probe = Probe::new(User::Same);
    let nobody = NOBODY.to_string();
    for attempt in [["setuid", &nobody], ["setgid", &nobody]] {
        assert_only_outside(&probe, &Role::ALL, &attempt, EPERM);
    }
    // Even to whom it is already, which needs no capability: the call itself is refused.
    let probe = Probe::new(User::Nobody);
    assert_only_outside(&probe, &UNPRIVILEGED, &["setuid", &nobody], EPERM);
}

#[test]
#[ignore = "needs root"]
fn no_role_may_leave_its_namespaces() {
    assert_root();
    assert_only_outside(&Probe::new(User::Same), &Role::ALL, &["unshare"], EPERM);
}

#[test]
#[ignore = "needs root"]
fn only_the_loader_makes_maps_and_programs() {
    assert_root();
    let probe = Probe::new(User::Same);
    let others = [Role::Net, Role::Proxy, Role::Authn, Role::Authz, Role::Audit];
    for attempt in [["bpf-prog-load"], ["bpf-map-create"]] {
        assert_only_outside(&probe, &others, &attempt, EPERM);
        assert!(is_ok(&probe.inside(Role::Loader, &attempt)), "{attempt:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn only_the_loader_and_net_reach_map_entries() {
    assert_root();
    let probe = Probe::new(User::Same);
    // EBADF: the call is made, and asked for a descriptor that is not open.
    for role in [Role::Loader, Role::Net] {
        assert_eq!(probe.inside(role, &["bpf-map-lookup"]), EBADF, "{role}");
    }
    for role in UNPRIVILEGED {
        assert_eq!(probe.inside(role, &["bpf-map-lookup"]), EPERM, "{role}");
    }
}

fn file(directory: &Path, name: &str, mode: u32) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, "content").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}
