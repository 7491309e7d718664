//! Addresses outside the host that have a name.

use crate::{Port, ServiceId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: where connections come from, and where they may go. An address is of the narrowest network that holds it, and
/// of no other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its number, of the same numbers as services'.
    pub id: ServiceId,
    /// Its name; no service has it.
    pub name: String,
    /// The team that answers for it.
    pub owner: String,
    /// The environment whose machines are there; `None`: of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Its addresses, sorted, none inside another.
    pub addresses: Vec<Prefix>,
    /// The ports that may be reached there, sorted by name; all [`crate::Protocol::Plain`].
    pub ports: Vec<Port>,
}

impl Network {
    /// Whether each address of `other` is one of this network's prefixes, too.
    #[must_use]
    pub fn encloses(&self, other: &Self) -> bool {
        other.addresses.iter().all(|inner| self.addresses.iter().any(|outer| outer.holds(inner)))
    }

    /// Whether some address is of prefixes of both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        let meet = |a: &Prefix, b: &Prefix| a.holds(b) || b.holds(a);
        self.addresses.iter().any(|a| other.addresses.iter().any(|b| meet(a, b)))
    }
}

/// A CIDR block without host bits: `10.0.0.0/8`, `fd00::/8`. IPv4 is never written as IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Why a text is no [`Prefix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {found}; {expected}")]
pub struct PrefixError {
    /// As written.
    pub text: String,
    /// What was found.
    pub found: String,
    /// What would be right.
    pub expected: String,
}

impl Prefix {
    /// Parses a block, or a single address.
    ///
    /// # Errors
    /// [`PrefixError`] for anything that is no address, that has host bits, or that is IPv4 in the clothes of IPv6.
    pub fn parse(text: &str) -> Result<Self, PrefixError> {
        let refuse =
            |found: &str, expected: String| PrefixError { text: text.to_owned(), found: found.into(), expected };
        let right = || "write 10.0.0.0/8, fd00::/8 or a single address".to_owned();
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.parse().map_err(|_| refuse("is no address", right()))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => most,
            Some(length) => match length.parse::<u8>() {
                Ok(number) if number <= most && number.to_string() == length => number,
                _ => return Err(refuse("has no length of its block", format!("write a number from 0 to {most}"))),
            },
        };
        if let IpAddr::V6(six) = address
            && let Some(four) = six.to_ipv4_mapped()
        {
            let length = length.saturating_sub(96);
            return Err(refuse("is IPv4 written as IPv6", format!("write {four}/{length}")));
        }
        let block = Self { address: masked(address, length), length };
        if block.address != address {
            return Err(refuse("has bits beyond its length", format!("write {block}")));
        }
        Ok(block)
    }

    /// The block's first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// How many bits are fixed.
    #[must_use]
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether every address of `other` is in this block.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.length <= other.length && self.contains(other.address)
    }

    /// Whether the address is in this block. Addresses of IPv4 in IPv6 are taken for what they are.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.length) == self.address
    }
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(four.to_bits() & mask))
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(six.to_bits() & mask))
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;
    fn try_from(text: String) -> Result<Self, PrefixError> {
        Self::parse(&text)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

#[cfg(test)]
mod tests;
