//! Which system calls each role may make, and why.
//!
//! A role's list is the sum of a few groups. What is on no list is answered with `EPERM` and logged by the kernel. On no
//! list, so for no role: `execve`, `ptrace`, `setuid` and its kin, `mount`, `unshare`, `setns`, `io_uring_setup`,
//! `process_vm_readv`, `pidfd_getfd`, `keyctl`, `userfaultfd`, `memfd_create`, `seccomp` and `fork`.

mod files;
mod kernel;
mod runtime;
mod sockets;

use gate_host::Role;

/// One allowed call, and the reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) number: i64,
    name: &'static str,
    pub(crate) why: &'static str,
    pub(crate) when: When,
}

/// For which arguments it is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// For any.
    Always,
    /// For those that fit one of these lines, each wholly.
    Any(&'static [&'static [Arg]]),
}

/// What one argument must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arg {
    /// Which one, from 0.
    pub(crate) index: u8,
    pub(crate) is: Is,
}

/// A condition on an argument.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Is {
    /// An `int` of this value.
    Int(u32),
    /// An `int` or `long` with these bits in this state.
    Bits { mask: u64, value: u64 },
    /// A null pointer.
    Null,
    /// This process's id.
    OwnPid,
}

impl Call {
    /// The name as manual pages have it: `openat`.
    pub(crate) fn name(&self) -> &'static str {
        self.name.trim_start_matches("SYS_")
    }
}

/// `call!(SYS_read, "why")`, `call!(SYS_socket, "why", [line, line])`.
macro_rules! call {
    ($number:ident, $why:literal) => {
        $crate::calls::Call {
            number: ::libc::$number,
            name: stringify!($number),
            why: $why,
            when: $crate::calls::When::Always,
        }
    };
    ($number:ident, $why:literal, $lines:expr) => {
        $crate::calls::Call {
            number: ::libc::$number,
            name: stringify!($number),
            why: $why,
            when: $crate::calls::When::Any($lines),
        }
    };
}
use call;

/// An argument that is this `int`.
const fn int(index: u8, value: i32) -> Arg {
    // Negative values do not occur; the bits are compared.
    Arg { index, is: Is::Int(value.cast_unsigned()) }
}

/// An argument whose bits under the mask are these.
const fn bits(index: u8, mask: u64, value: u64) -> Arg {
    Arg { index, is: Is::Bits { mask, value } }
}

/// Every call that this role may make. One call may be on several lines; any of them suffices.
pub(crate) fn allowed(role: Role) -> impl Iterator<Item = &'static Call> {
    let groups: &[&'static [Call]] = match role {
        Role::Loader => {
            &[runtime::MEMORY, runtime::THREADS, files::DESCRIPTORS, files::FILES, sockets::UNIX, kernel::BPF_LOAD]
        }
        Role::Net => &[
            runtime::MEMORY,
            runtime::THREADS,
            runtime::POLLING,
            files::DESCRIPTORS,
            files::FILES,
            sockets::UNIX,
            sockets::PEERS,
            sockets::NETLINK,
            kernel::BPF_MAPS,
        ],
        Role::Proxy => &[
            runtime::MEMORY,
            runtime::THREADS,
            runtime::WORKERS,
            runtime::POLLING,
            files::DESCRIPTORS,
            files::FILES,
            sockets::UNIX,
            sockets::PEERS,
            sockets::INET,
        ],
        Role::Authn | Role::Authz | Role::Audit => &[
            runtime::MEMORY,
            runtime::THREADS,
            runtime::POLLING,
            files::DESCRIPTORS,
            files::FILES,
            sockets::UNIX,
            sockets::PEERS,
        ],
    };
    groups.iter().copied().flatten()
}
