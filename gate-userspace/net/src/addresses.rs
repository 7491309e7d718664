//! The host's own addresses: a connection to one of them is judged by whose port it is; one to any other is not
//! local, whatever its port.

use gate_common::address::Address;
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The addresses of this network namespace, loopback networks left out (the kernel side knows them).
pub(crate) fn of_host() -> io::Result<BTreeSet<[u8; 16]>> {
    let four = std::fs::read_to_string("/proc/self/net/fib_trie")?;
    // A kernel without IPv6 has no such file.
    let six = std::fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default();
    let addresses = parse4(&four).map(IpAddr::V4).chain(parse6(&six).map(IpAddr::V6));
    Ok(addresses.map(Address::from_ip).filter(|address| !address.is_loopback()).map(Address::octets).collect())
}

/// `fib_trie`: a leaf is `|-- ADDRESS`, and what it is follows below it: `/32 host LOCAL`.
fn parse4(text: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut leaf = None;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        }
        if line == "/32 host LOCAL" { leaf } else { None }
    })
}

/// `if_inet6`: the address in 32 hexadecimal digits begins each line.
fn parse6(text: &str) -> impl Iterator<Item = Ipv6Addr> {
    text.lines().filter_map(|line| {
        let digits = line.split_ascii_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_leaves_are_found() {
        let text = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.7\n        /32 host LOCAL\n     |-- 192.0.2.255\n        \
                    /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        let found: Vec<_> = parse4(text).collect();
        assert_eq!(found, [Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::LOCALHOST]);
    }

    #[test]
    fn six_is_read() {
        let text =
            "00000000000000000000000000000001 01 80 10 80 lo\n20010db8000000000000000000000007 02 40 00 80 eth0\nx\n";
        let found: Vec<_> = parse6(text).collect();
        assert_eq!(found, [Ipv6Addr::LOCALHOST, "2001:db8::7".parse::<Ipv6Addr>().unwrap()]);
    }

    #[test]
    fn this_host_is_read() {
        assert!(of_host().is_ok());
    }
}
