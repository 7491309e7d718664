use super::*;
use proptest::prelude::*;

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text).unwrap()
}

#[test]
fn blocks_are_written_in_one_way() {
    for (text, canonical) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("FD00:0::/8", "fd00::/8"),
        ("fd00::1", "fd00::1/128"),
    ] {
        assert_eq!(prefix(text).to_string(), canonical, "{text}");
        assert_eq!(prefix(canonical), prefix(text));
    }
}

#[test]
fn a_block_that_says_something_else_than_it_seems_is_refused() {
    for (text, mend) in [
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("fd00::1/8", "write fd00::/8"),
        ("::ffff:10.0.0.0/104", "write 10.0.0.0/8"),
        ("10.0.0.0/33", "from 0 to 32"),
        ("10.0.0.0/08", "from 0 to 32"),
        ("10.0.0.0/", "from 0 to 32"),
        ("10.0.0.0/+8", "from 0 to 32"),
        ("10.0/8", "a single address"),
        ("010.0.0.0/8", "a single address"),
        ("", "a single address"),
        ("fe80::1%eth0", "a single address"),
        ("resolver.example", "a single address"),
    ] {
        let error = Prefix::parse(text).unwrap_err().to_string();
        assert!(error.contains(mend), "{text}: {error}");
    }
}

#[test]
fn an_address_of_ipv4_in_ipv6_is_in_the_block_of_ipv4() {
    assert!(prefix("10.0.0.0/8").contains("::ffff:10.1.1.1".parse().unwrap()));
    assert!(!prefix("::/0").contains("::ffff:10.1.1.1".parse().unwrap()));
}

proptest! {
    #[test]
    fn a_block_holds_what_has_its_bits(four: bool, bits: u128, other: u128, length in 0..=128u8, longer in 0..=128u8) {
        let most = if four { 32 } else { 128 };
        let (length, longer) = (length.min(most), longer.min(most));
        let of = |bits: u128, length: u8| {
            let shift = u32::from(most - length);
            let bits = bits.checked_shr(shift).unwrap_or(0).checked_shl(shift).unwrap_or(0);
            let address = if four {
                IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits & u128::from(u32::MAX)).unwrap()))
            } else {
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            };
            (bits & if four { u128::from(u32::MAX) } else { u128::MAX }, address)
        };
        let (outer_bits, outer) = of(bits, length);
        let (inner_bits, inner) = of(bits ^ (other >> 7), longer);
        prop_assume!(four || (outer.to_canonical() == outer && inner.to_canonical() == inner));
        let (a, b) = (prefix(&format!("{outer}/{length}")), prefix(&format!("{inner}/{longer}")));
        let same = (0..u32::from(length)).all(|bit| {
            let at = u32::from(most) - 1 - bit;
            outer_bits >> at & 1 == inner_bits >> at & 1
        });
        prop_assert_eq!(a.contains(inner), same);
        prop_assert_eq!(a.holds(&b), same && length <= longer);
    }
}
