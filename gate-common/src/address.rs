//! One form for every address: IPv6, with IPv4 as v4-mapped. Two spellings of one address are equal, in the
//! kernel and outside.

use crate::abi;

abi! {
    /// A canonical address: four words as they stand in the packet (network byte order in memory).
    pub struct Address: 16 {
        /// First word; 0 for IPv4.
        pub a: u32,
        /// Second word; 0 for IPv4.
        pub b: u32,
        /// Third word; `::ffff` for IPv4.
        pub c: u32,
        /// Fourth word; the IPv4 address.
        pub d: u32,
    }
}

/// Third word of a v4-mapped address.
const MAPPED: u32 = 0xffff_u32.to_be();
/// The fourth word of `::1`.
const ONE: u32 = 1_u32.to_be();
/// 127.0.0.1.
const LOOPBACK: u32 = 0x7f00_0001_u32.to_be();

impl Address {
    /// From an IPv4 address in network byte order. 0.0.0.0 as a destination is the loopback address, as in the
    /// kernel.
    #[must_use]
    #[inline(always)]
    pub const fn v4(word: u32) -> Self {
        let word = if word == 0 { LOOPBACK } else { word };
        Self { a: 0, b: 0, c: MAPPED, d: word }
    }

    /// From the four words of an IPv6 address in network byte order. `::` as a destination is `::1`; v4-mapped
    /// addresses become IPv4.
    #[must_use]
    #[inline(always)]
    pub const fn v6(a: u32, b: u32, c: u32, d: u32) -> Self {
        if a == 0 && b == 0 && c == 0 && d == 0 {
            return Self { a: 0, b: 0, c: 0, d: ONE };
        }
        if a == 0 && b == 0 && c == MAPPED {
            return Self::v4(d);
        }
        Self { a, b, c, d }
    }

    /// Whether it is an IPv4 address.
    #[must_use]
    #[inline(always)]
    pub const fn is_v4(self) -> bool {
        self.a == 0 && self.b == 0 && self.c == MAPPED
    }

    /// Whether it is 127.0.0.0/8 or ::1.
    #[must_use]
    #[inline(always)]
    pub const fn is_loopback(self) -> bool {
        if self.is_v4() {
            return u32::from_be(self.d) >> 24 == 127;
        }
        self.a == 0 && self.b == 0 && self.c == 0 && self.d == ONE
    }

    /// The sixteen bytes in network order.
    #[must_use]
    pub fn octets(self) -> [u8; 16] {
        self.to_bytes()
    }

    /// As the standard library has it, IPv4 as IPv4.
    #[must_use]
    pub fn ip(self) -> core::net::IpAddr {
        core::net::Ipv6Addr::from(self.octets()).to_canonical()
    }

    /// From the standard library's form.
    #[must_use]
    pub fn from_ip(ip: core::net::IpAddr) -> Self {
        match ip {
            core::net::IpAddr::V4(ip) => Self::v4(u32::from_ne_bytes(ip.octets())),
            core::net::IpAddr::V6(ip) => {
                let Self { a, b, c, d } = Self::from_bytes(&ip.octets());
                Self::v6(a, b, c, d)
            }
        }
    }
}
