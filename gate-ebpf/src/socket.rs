//! Socket storage and the fields of `bpf_sock`.

use aya_ebpf::{
    bindings::{BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    helpers::generated::bpf_sk_storage_get,
};
use core::ffi::c_void;
use gate_common::maps::SocketState;

/// `SOCK_STREAM`.
pub const STREAM: u32 = 1;
/// `SOCK_DGRAM`.
pub const DATAGRAM: u32 = 2;
/// `AF_INET`.
pub const INET: u32 = 2;
/// `IPPROTO_TCP`.
pub const TCP: u32 = 6;
/// `IPPROTO_UDP`.
pub const UDP: u32 = 17;
/// `IPPROTO_MPTCP`.
pub const MPTCP: u32 = 262;
/// `TCP_LISTEN`.
pub const LISTEN: u32 = 10;

/// The storage of a socket, if it has one.
///
/// # Safety
/// `sk` is a socket pointer of the running program's context, not null.
#[inline(always)]
pub unsafe fn state<'a>(sk: *mut bpf_sock) -> Option<&'a mut SocketState> {
    // SAFETY: the helper returns null or storage that lives as long as the socket, which outlives the program.
    unsafe { bpf_sk_storage_get(storage(), sk.cast(), core::ptr::null_mut(), 0).cast::<SocketState>().as_mut() }
}

/// The storage of a socket, made of zeros where there is none.
///
/// # Safety
/// As for [`state`].
#[inline(always)]
pub unsafe fn create<'a>(sk: *mut bpf_sock) -> Option<&'a mut SocketState> {
    // SAFETY: as above.
    unsafe {
        bpf_sk_storage_get(storage(), sk.cast(), core::ptr::null_mut(), BPF_SK_STORAGE_GET_F_CREATE.into())
            .cast::<SocketState>()
            .as_mut()
    }
}

#[inline(always)]
fn storage() -> *mut c_void {
    (&raw const crate::maps::SOCKETS).cast_mut().cast()
}
