//! System calls by number: what is tried here has, on purpose, no safe interface.
#![expect(unsafe_code, reason = "the point is to make calls that a role must not be able to make")]

use std::io;

/// Makes a system call.
///
/// # Safety
///
/// The pointers among the arguments must be what this call wants, and what it does must be sound in this process.
pub(crate) unsafe fn call(number: libc::c_long, arguments: [usize; 5]) -> io::Result<i64> {
    let [a, b, c, d, e] = arguments;
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(number, a, b, c, d, e) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A call without pointers, which touches no memory of this process.
pub(crate) fn plain(number: libc::c_long, arguments: [usize; 5]) -> io::Result<i64> {
    // SAFETY: callers pass numbers only, to calls that take nothing else or ignore the rest.
    unsafe { call(number, arguments) }
}

/// Loads the smallest program there is: `return 0`, as a socket filter.
pub(crate) fn load_program() -> io::Result<i64> {
    // struct bpf_insn: mov64 r0, 0; exit.
    let instructions: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
    let license = c"Apache-2.0";
    let mut attributes = [0_u64; 16];
    // union bpf_attr: prog_type 1 (socket filter), insn_cnt 2; insns; license.
    attributes[0] = 1 | (2 << 32);
    attributes[1] = instructions.as_ptr() as u64;
    attributes[2] = license.as_ptr() as u64;
    bpf(5, &attributes)
}

/// Makes an array with one entry of four bytes.
pub(crate) fn make_map() -> io::Result<i64> {
    let mut attributes = [0_u64; 16];
    // union bpf_attr: map_type 2 (array), key_size 4; value_size 4, max_entries 1.
    attributes[0] = 2 | (4 << 32);
    attributes[1] = 4 | (1 << 32);
    bpf(0, &attributes)
}

/// Asks for the map with this descriptor: fails either way, with EBADF where it is allowed.
pub(crate) fn look_up_in_no_map() -> io::Result<i64> {
    let mut attributes = [0_u64; 16];
    attributes[0] = 4_000;
    bpf(1, &attributes)
}

/// Maps a page of fresh memory somewhere.
pub(crate) fn map_page(protection: usize, flags: usize) -> io::Result<i64> {
    // SAFETY: an anonymous private mapping at an address that the kernel chooses touches no memory of this process.
    let page =
        unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection as libc::c_int, flags as libc::c_int, -1, 0) };
    if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(0) }
}

fn bpf(command: usize, attributes: &[u64; 16]) -> io::Result<i64> {
    let size = size_of_val(attributes);
    // SAFETY: the attributes, and what they point to, live until the call returns; the kernel only reads them.
    unsafe { call(libc::SYS_bpf, [command, attributes.as_ptr() as usize, size, 0, 0]) }
}
