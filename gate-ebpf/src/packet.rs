//! The addresses and ports of a TCP packet, seen from the IP header.

use aya_ebpf::{bindings::__sk_buff, helpers::generated::bpf_skb_load_bytes};
use gate_common::{address::Address, maps::FlowKey};

/// What a packet says of its flow.
pub struct Segment {
    /// From its sender to its receiver.
    pub key: FlowKey,
}

/// Reads a TCP segment. None: it is not TCP in the first fragment of a plain IPv4 or IPv6 packet.
#[inline(always)]
pub fn tcp(skb: *mut __sk_buff, netns: u64) -> Option<Segment> {
    let version: u8 = load(skb, 0)?;
    match version >> 4 {
        4 => tcp4(skb, version, netns),
        6 => tcp6(skb, netns),
        _ => None,
    }
}

#[inline(always)]
fn tcp4(skb: *mut __sk_buff, version: u8, netns: u64) -> Option<Segment> {
    let header: [u8; 20] = load(skb, 0)?;
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    if header[9] != 6 || fragment != 0 {
        return None;
    }
    let source = u32::from_ne_bytes([header[12], header[13], header[14], header[15]]);
    let destination = u32::from_ne_bytes([header[16], header[17], header[18], header[19]]);
    let ports: [u8; 4] = load(skb, u32::from(version & 15) * 4)?;
    Some(segment(Address::v4(source), Address::v4(destination), ports, netns))
}

#[inline(always)]
fn tcp6(skb: *mut __sk_buff, netns: u64) -> Option<Segment> {
    // A TCP segment behind extension headers is not recognized, and so is dropped where a tag is needed.
    let next: u8 = load(skb, 6)?;
    if next != 6 {
        return None;
    }
    let [a, b, c, d]: [u32; 4] = load(skb, 8)?;
    let source = Address::v6(a, b, c, d);
    let [a, b, c, d]: [u32; 4] = load(skb, 24)?;
    let destination = Address::v6(a, b, c, d);
    let ports: [u8; 4] = load(skb, 40)?;
    Some(segment(source, destination, ports, netns))
}

#[inline(always)]
fn segment(source: Address, destination: Address, ports: [u8; 4], netns: u64) -> Segment {
    Segment {
        key: FlowKey {
            netns,
            source,
            destination,
            source_port: u16::from_be_bytes([ports[0], ports[1]]),
            destination_port: u16::from_be_bytes([ports[2], ports[3]]),
            reserved: 0,
        },
    }
}

#[inline(always)]
fn load<T: Copy>(skb: *mut __sk_buff, offset: u32) -> Option<T> {
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of `value` or fails.
    unsafe {
        (bpf_skb_load_bytes(skb.cast(), offset, value.as_mut_ptr().cast(), size_of::<T>() as u32) == 0)
            .then(|| value.assume_init())
    }
}
