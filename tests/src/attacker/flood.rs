//! One source that opens as many flows as it is let.

use super::{Outcome, connect};
use rustix::{
    io::Errno,
    net::{bind, connect as open},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    os::fd::OwnedFd,
};

/// Where its ports begin: above the declared ones, and far enough below those that the kernel chooses itself.
const FIRST_PORT: u16 = 16_000;

/// Connects from one port after the other, at most `most` times, until `connect()` is not permitted; prints how many were,
/// and keeps all sockets until standard input ends. Nobody must listen at `to`: a socket whose connection was reset is
/// shut, and holds what the kernel keeps for it.
///
/// # Errors
/// When the attack could not be tried.
pub fn serve(to: SocketAddr, most: u16) -> anyhow::Result<()> {
    let limits = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits })?;
    let mut held: Vec<OwnedFd> = Vec::new();
    for number in 0..most {
        let socket = connect::socket(to).map_err(|outcome| anyhow::anyhow!("{outcome}"))?;
        bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT + number)))?;
        match open(&socket, &to) {
            Err(Errno::CONNREFUSED) => held.push(socket),
            Err(Errno::PERM) => break,
            other => anyhow::bail!("flow {number}: connect() gave {other:?}"),
        }
    }
    println!("{}", Outcome::Worked(held.len().to_string()).to_json());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
