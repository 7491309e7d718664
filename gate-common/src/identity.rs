//! Service identities as the kernel has them.

use crate::abi;

/// A process or socket of no service: `Host::"self"`.
pub const NOT_GOVERNED: u32 = 0;

/// The first of the numbers that no bundle may use.
pub const FIRST_RESERVED: u32 = 0xffff_0000;

/// gate-proxy.
pub const PROXY: u32 = 0xffff_0001;
/// gate-authn.
pub const AUTHN: u32 = 0xffff_0002;
/// gate-authz.
pub const AUTHZ: u32 = 0xffff_0003;
/// gate-audit.
pub const AUDIT: u32 = 0xffff_0004;
/// gate-net.
pub const NET: u32 = 0xffff_0005;
/// On whose behalf gate-proxy connects when it is the host's own: what no service claims has number 0 everywhere else,
/// which is also what a socket says that has said nothing. No cgroup and no table has this number.
pub const BEHALF_OF_HOST: u32 = 0xffff_0006;
/// Under a governed slice and of no service, or not identifiable: allowed nothing.
pub const UNATTESTED: u32 = 0xffff_ffff;

/// Whose rules and grants are meant by what gate-proxy says with `GATE_BEHALF`. Only where it has said something.
#[must_use]
#[inline(always)]
pub const fn of_behalf(behalf: u32) -> u32 {
    if behalf == BEHALF_OF_HOST { NOT_GOVERNED } else { behalf }
}

/// What gate-proxy says with `GATE_BEHALF` for that source.
#[must_use]
#[inline(always)]
pub const fn to_behalf(source: u32) -> u32 {
    if source == NOT_GOVERNED { BEHALF_OF_HOST } else { source }
}

/// Whether an identity is governed at all.
#[must_use]
#[inline(always)]
pub const fn is_governed(identity: u32) -> bool {
    identity != NOT_GOVERNED
}

abi! {
    /// Value of `CGROUPS`: what a cgroup is.
    pub struct CgroupIdentity: 8 {
        /// The service.
        pub service: u32,
        /// [`SLICE`] or 0.
        pub flags: u32,
    }
}

/// The cgroup is a slice whose unmatched children are [`UNATTESTED`], not ungoverned.
pub const SLICE: u32 = 1;

/// How deep below the cgroup mount a governed cgroup may lie for its descendants to be recognized when their own
/// entry is missing.
pub const MAX_DEPTH: i32 = 12;

/// Longest cgroup path that can be matched, with its terminating zero. A longer one is [`UNATTESTED`] under a
/// governed slice, and not governed elsewhere.
pub const PATH_SIZE: usize = 256;
