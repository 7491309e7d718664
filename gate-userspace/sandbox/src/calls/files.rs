//! Descriptors and files. Which files, Landlock says.

use super::{Arg, Call, bits, call, int};

const FCNTL: &[&[Arg]] = &[
    &[int(1, libc::F_GETFD)],
    &[int(1, libc::F_SETFD)],
    &[int(1, libc::F_GETFL)],
    &[int(1, libc::F_SETFL)],
    &[int(1, libc::F_DUPFD_CLOEXEC)],
    &[int(1, libc::F_OFD_SETLK)],
];

/// `PIDFD_GET_INFO` is `_IOWR(0xff, 11, struct pidfd_info)`, linux/pidfd.h; the size in its upper half grows with the
/// kernel.
const PIDFD_GET_INFO: u64 = 0xff0b;

/// Descriptors that are open.
pub(super) const DESCRIPTORS: &[Call] = &[
    call!(SYS_read, "files, sockets, event descriptors"),
    call!(SYS_write, "files, sockets, event descriptors, messages on stderr"),
    call!(SYS_readv, "several buffers at once"),
    call!(SYS_writev, "several buffers at once"),
    call!(SYS_close, "the end of any descriptor"),
    call!(SYS_fcntl, "flags, copies with close-on-exec, and the lock of a state directory", FCNTL),
    call!(
        SYS_ioctl,
        "switches a socket to non-blocking, and asks a pidfd for its process's cgroup; no terminal, no device",
        &[&[int(1, 0x5421)], &[bits(1, 0xffff, PIDFD_GET_INFO)]]
    ),
    call!(SYS_fstat, "length and kind of an open file"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_poll, "waits for one descriptor"),
    call!(SYS_ppoll, "waits for one descriptor"),
];

/// A role's own directory, the enrolled keys, and what Landlock gives besides.
pub(super) const FILES: &[Call] = &[
    call!(SYS_openat, "opens what Landlock lets it"),
    call!(SYS_newfstatat, "length and kind of a file"),
    call!(SYS_statx, "length and kind of a file"),
    call!(SYS_lseek, "the end of a log's file"),
    call!(SYS_pread64, "a piece of a file"),
    call!(SYS_pwrite64, "a piece of a file"),
    call!(SYS_getdents64, "what a directory holds"),
    call!(SYS_readlinkat, "the target of a link"),
    call!(SYS_mkdirat, "directories of a log and of bundles"),
    call!(SYS_renameat, "a finished file takes its place"),
    call!(SYS_renameat2, "a finished file takes its place"),
    call!(SYS_linkat, "a finished file takes its place, unless there is one"),
    call!(SYS_unlinkat, "removes unfinished files and the socket of an earlier run"),
    call!(SYS_ftruncate, "cuts off a record that was not finished"),
    call!(SYS_fallocate, "room for the log before it is needed"),
    call!(SYS_fsync, "what is acknowledged is on disk"),
    call!(SYS_fdatasync, "what is acknowledged is on disk"),
    call!(SYS_flock, "one process per state directory"),
    call!(SYS_fchmod, "the mode of a new file"),
    call!(SYS_fchmodat, "the mode of a socket"),
    call!(SYS_fchownat, "the group of a socket; without CAP_CHOWN only a group of its own"),
    call!(SYS_umask, "the mode of a new socket"),
    call!(SYS_fstatfs, "how full the disk is"),
    call!(SYS_statfs, "how full the disk is"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_open, "rustix's open()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_link, "rustix's link()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_stat, "older C libraries' newfstatat"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_lstat, "older C libraries' newfstatat"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_readlink, "the C library's readlink()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_mkdir, "the C library's mkdir()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_rename, "the C library's rename()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_unlink, "the C library's unlink()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_rmdir, "the C library's rmdir()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_chmod, "the C library's chmod()"),
    #[cfg(target_arch = "x86_64")]
    call!(SYS_chown, "the C library's chown()"),
];
