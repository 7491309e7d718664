//! What any Rust program does: memory, threads, signals, time, waiting.

use super::{Arg, Call, Is, bits, call, int};
use libc::{CLONE_THREAD, PROT_EXEC};

const NOT_EXECUTABLE: &[&[Arg]] = &[&[bits(2, PROT_EXEC as u64, 0)]];
const A_THREAD: &[&[Arg]] = &[&[bits(0, CLONE_THREAD as u64, CLONE_THREAD as u64)]];

/// `PR_CAP_AMBIENT_IS_SET`, linux/prctl.h.
const PR_CAP_AMBIENT_IS_SET: i32 = 1;

/// Memory and the end of the process.
pub(super) const MEMORY: &[Call] = &[
    call!(SYS_mmap, "memory, stacks, ring buffers; never executable: no new code after start", NOT_EXECUTABLE),
    call!(SYS_mprotect, "guard pages of stacks and heaps; never executable", NOT_EXECUTABLE),
    call!(SYS_munmap, "gives memory back"),
    call!(SYS_mremap, "grows large vectors in place"),
    call!(SYS_madvise, "the allocator and ending threads give pages back"),
    call!(SYS_brk, "the allocator's first heap"),
    call!(SYS_getrandom, "keys of hash maps, ids, nonces"),
    call!(SYS_clock_gettime, "time, on machines where the vDSO cannot answer"),
    call!(SYS_exit_group, "the end of the process"),
    call!(SYS_restart_syscall, "the kernel's own way on after a stop signal"),
    call!(SYS_rt_sigaction, "handlers for SIGTERM and SIGHUP"),
    call!(SYS_rt_sigprocmask, "threads and abort() block signals"),
    call!(SYS_rt_sigreturn, "the return from a handler"),
    call!(SYS_sigaltstack, "each thread has a stack for the overflow handler"),
    call!(SYS_getpid, "abort(), and the name in messages"),
    call!(SYS_gettid, "abort(), panics"),
    call!(SYS_getuid, "the report of what holds"),
    call!(SYS_geteuid, "a role's key must belong to the role"),
    call!(SYS_getgid, "the report of what holds"),
    call!(SYS_getegid, "the report of what holds"),
    call!(SYS_tgkill, "abort() signals its own thread; no other process", &[&[Arg { index: 0, is: Is::OwnPid }]]),
    call!(SYS_capget, "the report of what holds"),
    call!(SYS_prlimit64, "reads limits; never sets them", &[&[Arg { index: 2, is: Is::Null }]]),
    call!(
        SYS_prctl,
        "names threads, and reads back what holds; sets nothing else",
        &[
            &[int(0, libc::PR_SET_NAME)],
            &[int(0, libc::PR_GET_NO_NEW_PRIVS)],
            &[int(0, libc::PR_GET_DUMPABLE)],
            &[int(0, libc::PR_GET_SECCOMP)],
            &[int(0, libc::PR_CAPBSET_READ)],
            &[int(0, libc::PR_CAP_AMBIENT), int(1, PR_CAP_AMBIENT_IS_SET)],
        ]
    ),
];

/// Threads of this process; never a process.
pub(super) const THREADS: &[Call] = &[
    call!(SYS_clone, "a new thread; without CLONE_THREAD it would be a process", A_THREAD),
    // A second filter answers ENOSYS: the flags of clone3 are behind a pointer, so the C library shall fall back on clone.
    call!(SYS_clone3, "answered with ENOSYS by a filter of its own, so that clone() is used"),
    call!(SYS_set_robust_list, "the start of a thread"),
    call!(SYS_rseq, "the start of a thread"),
    call!(SYS_exit, "the end of a thread"),
    call!(SYS_futex, "locks and waiting between threads"),
    call!(SYS_sched_yield, "spinning locks give way"),
    call!(SYS_sched_getaffinity, "how many cores there are"),
    call!(SYS_clock_nanosleep, "a thread that waits"),
];

/// One runtime for each core.
pub(super) const WORKERS: &[Call] =
    &[call!(SYS_sched_setaffinity, "a worker stays on its core; only the caller itself", &[&[int(0, 0)]])];

/// The event loop.
pub(super) const POLLING: &[Call] = &[
    call!(SYS_epoll_create1, "the event loop"),
    call!(SYS_epoll_ctl, "the event loop"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_epoll_wait, "the event loop"),
    call!(SYS_epoll_pwait, "the event loop"),
    call!(SYS_epoll_pwait2, "the event loop, with finer timeouts"),
    call!(SYS_eventfd2, "wakes the event loop from another thread"),
];
