//! What each role must still be able to do, and what it says of its sandbox.

use crate::probe::{Probe, UNPRIVILEGED, User, assert_root};
use gate_host::Role;

fn assert_works(user: User, roles: &[Role]) {
    let probe = Probe::new(user);
    assert_eq!(probe.outside(&["work"]), "ok worked");
    for role in roles {
        assert_eq!(probe.inside(*role, &["work"]), "ok worked", "{role}");
    }
}

#[test]
fn an_event_loop_threads_sockets_and_files_work_in_the_sandbox() {
    assert_works(User::Same, &UNPRIVILEGED);
}

#[test]
#[ignore = "needs root"]
fn they_work_for_a_user_of_its_own() {
    assert_root();
    assert_works(User::Nobody, &UNPRIVILEGED);
    assert_works(User::NobodyWithNetAdmin, &[Role::Net]);
}

#[test]
fn the_report_says_what_holds() {
    let probe = Probe::new(User::Same);
    for role in UNPRIVILEGED {
        let report = probe.inside(role, &["report"]);
        for found in ["ok holds=true", "capabilities: []", "no_new_privs: true", "undumpable: true", "seccomp: true"] {
            assert!(report.contains(found), "{role}: {found}: {report}");
        }
        // Without it this test would say nothing of file access.
        assert!(!report.contains("landlock_abi: 0"), "{role}: this kernel has no Landlock: {report}");
    }
}

#[test]
#[ignore = "needs root"]
fn root_keeps_nothing_but_what_the_role_needs() {
    assert_root();
    let probe = Probe::new(User::Same);
    for (role, kept) in [
        (Role::Loader, r#"["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]"#),
        (Role::Net, r#"["CAP_NET_ADMIN"]"#),
        (Role::Proxy, "[]"),
        (Role::Audit, "[]"),
    ] {
        let report = probe.inside(role, &["report"]);
        assert!(report.contains(&format!("capabilities: {kept}, bounding: {kept}")), "{role}: {report}");
    }
}

#[test]
#[ignore = "needs root"]
fn net_does_not_start_without_its_capability() {
    assert_root();
    let without = Probe::new(User::Nobody).inside(Role::Net, &["report"]);
    assert!(without.starts_with("refused net needs CAP_NET_ADMIN, and was started without"), "{without}");
    let with = Probe::new(User::NobodyWithNetAdmin).inside(Role::Net, &["report"]);
    assert!(with.contains(r#"holds=true"#) && with.contains(r#"capabilities: ["CAP_NET_ADMIN"]"#), "{with}");
}

#[test]
fn a_process_with_threads_is_refused() {
    let probe = Probe::new(User::Same);
    let refused = probe.inside(Role::Authz, &["threads-first"]);
    assert!(refused.starts_with("refused the process has 2 threads"), "{refused}");
}
