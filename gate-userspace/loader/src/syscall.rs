//! The system calls that have no safe binding: links of `bpf(2)` (aya 0.14 cannot pin a `getsockopt` link nor update a
//! `sock_addr` link in place) and `SO_NETNS_COOKIE`.
#![expect(unsafe_code, reason = "bpf(2) and getsockopt(2) have no safe binding for these")]

use std::{
    ffi::CString,
    io, mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    os::unix::ffi::OsStrExt,
    path::Path,
};

const BPF_OBJ_PIN: i64 = 6;
const BPF_OBJ_GET: i64 = 7;
const BPF_RAW_TRACEPOINT_OPEN: i64 = 17;
const BPF_LINK_CREATE: i64 = 28;
const BPF_LINK_UPDATE: i64 = 29;

/// Attaches a program to a cgroup or a network namespace.
pub fn link_create(program: BorrowedFd<'_>, target: BorrowedFd<'_>, attach_type: u32) -> io::Result<OwnedFd> {
    // struct { prog_fd, target_fd, attach_type, flags }
    let attr = [program.as_raw_fd() as u32, target.as_raw_fd() as u32, attach_type, 0];
    new_descriptor(bpf(BPF_LINK_CREATE, &attr)?)
}

/// Replaces the program of a link, in place.
pub fn link_update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    // struct { link_fd, new_prog_fd, flags, old_prog_fd }
    let attr = [link.as_raw_fd() as u32, program.as_raw_fd() as u32, 0, 0];
    bpf(BPF_LINK_UPDATE, &attr).map(drop)
}

/// Attaches a program to a raw tracepoint.
pub fn raw_tracepoint_open(name: &str, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let name = CString::new(name)?;
    // struct { u64 name, u32 prog_fd, u32 }
    let pointer = split(name.as_ptr() as u64);
    let attr = [pointer[0], pointer[1], program.as_raw_fd() as u32, 0];
    new_descriptor(bpf(BPF_RAW_TRACEPOINT_OPEN, &attr)?)
}

/// Pins a link.
pub fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // struct { u64 pathname, u32 bpf_fd, u32 file_flags }
    let pointer = split(path.as_ptr() as u64);
    let attr = [pointer[0], pointer[1], object.as_raw_fd() as u32, 0];
    bpf(BPF_OBJ_PIN, &attr).map(drop)
}

/// Opens a pinned link. `None`: there is none.
pub fn pinned(path: &Path) -> io::Result<Option<OwnedFd>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let pointer = split(path.as_ptr() as u64);
    match bpf(BPF_OBJ_GET, &[pointer[0], pointer[1], 0, 0]) {
        Ok(descriptor) => new_descriptor(descriptor).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The cookie of the network namespace that this process is in.
pub fn netns_cookie() -> io::Result<u64> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").or_else(|_| std::net::UdpSocket::bind("[::1]:0"))?;
    let mut cookie = 0_u64;
    let mut length = mem::size_of::<u64>() as libc::socklen_t;
    // SAFETY: `cookie` and `length` are valid for writes, and `length` is the size of `cookie`.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut length,
        )
    };
    if failed != 0 { Err(io::Error::last_os_error()) } else { Ok(cookie) }
}

fn bpf(command: i64, attr: &[u32; 4]) -> io::Result<i64> {
    // The kernel takes a longer attribute whose rest is zero, and a shorter one as zero-extended.
    // SAFETY: `attr` is valid for reads of its size; pointers in it are to strings that the caller keeps alive.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attr.as_ptr(), mem::size_of_val(attr)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn new_descriptor(number: i64) -> io::Result<OwnedFd> {
    let number = i32::try_from(number).map_err(io::Error::other)?;
    // SAFETY: the kernel has just returned this descriptor; nobody else owns it. bpf(2) sets close-on-exec.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// A pointer as the two words that it is in the attribute.
fn split(pointer: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = pointer.to_ne_bytes();
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
}
