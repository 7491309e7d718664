//! A TCP segment made by hand: what a process with `CAP_NET_RAW`, or a host on the wire, can send.

use super::Outcome;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recv, sendto, socket_with,
    sockopt::{Timeout, set_socket_timeout},
};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

/// How long an answer may take. A dropped segment has none, so that this time passes in full.
const PATIENCE: Duration = Duration::from_millis(300);
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const RST: u8 = 0x04;

/// Sends a SYN from `from` to `to`, and says which answer came: `SYN-ACK`, `RST`, `none`.
///
/// # Errors
/// Without `CAP_NET_RAW`.
pub fn syn(from: SocketAddrV4, to: SocketAddrV4) -> io::Result<Outcome> {
    let ears = socket_with(AddressFamily::INET, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::TCP))?;
    let mouth = socket_with(AddressFamily::INET, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW))?;
    set_socket_timeout(&ears, Timeout::Recv, Some(PATIENCE))?;
    sendto(&mouth, &packet(from, to), SendFlags::empty(), &SocketAddr::V4(to))?;
    let end = Instant::now() + PATIENCE;
    let mut seen = "none";
    while Instant::now() < end {
        let mut buffer = [0_u8; 256];
        let length = match recv(&ears, &mut buffer, RecvFlags::empty()) {
            Ok((length, _)) => length,
            Err(rustix::io::Errno::AGAIN) => break,
            Err(error) => return Err(error.into()),
        };
        match answer(buffer.get(..length).unwrap_or_default(), to.port(), from.port()) {
            Some(flags) if flags & SYN_ACK == SYN_ACK => return Ok(Outcome::Worked("SYN-ACK".into())),
            Some(flags) if flags & RST != 0 => seen = "RST",
            _ => {}
        }
    }
    Ok(Outcome::Worked(seen.into()))
}

/// The flags of a segment from one port to another.
fn answer(packet: &[u8], from: u16, to: u16) -> Option<u8> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let port = |at: usize| Some(u16::from_be_bytes(packet.get(header + at..header + at + 2)?.try_into().ok()?));
    if port(0)? != from || port(2)? != to {
        return None;
    }
    packet.get(header + 13).copied()
}

/// An IPv4 header (the kernel fills in length and checksum) and a TCP header without options.
fn packet(from: SocketAddrV4, to: SocketAddrV4) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0];
    bytes.extend(from.ip().octets());
    bytes.extend(to.ip().octets());
    let mut segment = Vec::new();
    segment.extend(from.port().to_be_bytes());
    segment.extend(to.port().to_be_bytes());
    segment.extend(0x1234_5678_u32.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend([0x50, SYN, 0xff, 0xff, 0, 0, 0, 0]);
    let sum = checksum(*from.ip(), *to.ip(), &segment).to_be_bytes();
    segment.splice(16..18, sum);
    bytes.extend(segment);
    bytes
}

/// RFC 9293, 3.1: over a pseudo header and the segment.
fn checksum(from: Ipv4Addr, to: Ipv4Addr, segment: &[u8]) -> u16 {
    let length = u16::try_from(segment.len()).unwrap_or(u16::MAX).to_be_bytes();
    let pseudo = [from.octets().as_slice(), &to.octets(), &[0, 6], &length].concat();
    let words = pseudo.chunks(2).chain(segment.chunks(2));
    let sum = words.fold(0_u32, |sum, pair| {
        let high = pair.first().copied().unwrap_or(0);
        let low = pair.get(1).copied().unwrap_or(0);
        sum + u32::from(u16::from_be_bytes([high, low]))
    });
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_with_its_checksum_sums_to_zero() {
        let (from, to) = ("127.0.0.1:40000".parse().unwrap(), "127.0.0.1:9000".parse().unwrap());
        let whole = packet(from, to);
        assert_eq!(checksum(*from.ip(), *to.ip(), &whole[20..]), 0);
    }
}
