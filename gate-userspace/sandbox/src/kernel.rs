//! The two things that no safe interface offers: closing descriptors by number, and a seccomp filter that is logged.
#![expect(
    unsafe_code,
    reason = "descriptors by number, and seccomp(2) with SECCOMP_FILTER_FLAG_LOG, have no safe interface"
)]

use rustix::io::{FdFlags, fcntl_getfd};
use seccompiler::{BpfProgram, sock_filter};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `struct sock_fprog`, linux/filter.h.
#[repr(C)]
struct SockFprog {
    len: libc::c_ushort,
    filter: *const sock_filter,
}

/// Closes this descriptor if it came through `execve`, that is if it lacks close-on-exec. Says whether it did.
pub(crate) fn close_if_inherited(fd: RawFd) -> bool {
    if fd <= 2 {
        return false;
    }
    // SAFETY: the number is only asked about; a number that is not open (any more) gives EBADF.
    let flags = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(fd) });
    if flags.is_ok_and(|flags| !flags.contains(FdFlags::CLOEXEC)) {
        // SAFETY: nothing in this process owns it. Whatever Rust's standard library, rustix and tokio open has
        // close-on-exec set, and one that has it cannot have come through execve; so this one was inherited, and the
        // caller does not list it as one that it is going to take.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
        return true;
    }
    false
}

/// Installs the filter for this thread and all that it makes. Refused calls are logged (`actions_logged`, seccomp(2)).
pub(crate) fn install_filter(program: &BpfProgram) -> io::Result<()> {
    let len = libc::c_ushort::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = SockFprog { len, filter: program.as_ptr() };
    // SAFETY: `program` and the `len` instructions that it points to live until the call returns, and the kernel copies
    // them; both types have the kernel's layout (`sock_filter` is repr(C) in seccompiler, which passes it the same way).
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_LOG,
            std::ptr::from_ref(&program),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
