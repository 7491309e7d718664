use super::*;

/// What no role may do, whatever its arguments.
const NEVER: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_mount,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kill,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_memfd_create,
    libc::SYS_seccomp,
    libc::SYS_personality,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_init_module,
    libc::SYS_keyctl,
    libc::SYS_userfaultfd,
];

#[test]
fn every_role_compiles_to_a_filter_that_the_kernel_takes() {
    for role in Role::ALL {
        let program = allow_list(role).unwrap();
        // BPF_MAXINSNS, linux/bpf_common.h.
        assert!((100..4096).contains(&program.len()), "{role}: {}", program.len());
    }
}

#[test]
fn no_role_may_do_what_none_needs() {
    for role in Role::ALL {
        let rules = rules(role).unwrap();
        for call in NEVER {
            assert!(!rules.contains_key(call), "{role} may make call {call}");
        }
    }
}

#[test]
fn bpf_is_for_the_loader_and_net_alone() {
    for role in Role::ALL {
        let found = rules(role).unwrap().get(&libc::SYS_bpf).map(Vec::len);
        let expected = match role {
            Role::Loader => Some(0),
            Role::Net => Some(11),
            _ => None,
        };
        assert_eq!(found, expected, "{role}");
    }
}

#[test]
fn a_condition_in_one_group_does_not_vanish_in_another() {
    // setsockopt is in UNIX and in INET, each time with conditions: they add up.
    assert_eq!(rules(Role::Proxy).unwrap()[&libc::SYS_setsockopt].len(), 5);
    assert_eq!(rules(Role::Authz).unwrap()[&libc::SYS_setsockopt].len(), 1);
    assert_eq!(rules(Role::Net).unwrap()[&libc::SYS_socket].len(), 2);
}

#[test]
fn each_call_says_why() {
    for role in Role::ALL {
        for call in allowed(role) {
            assert!(call.why.len() > 6, "{}: {:?}", call.name(), call.why);
        }
    }
}
