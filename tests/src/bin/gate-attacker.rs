//! gate-attacker: tries one thing that Gate should stop (or let pass), and says exactly what the kernel answered, as one
//! line of JSON. It runs in the place of a service, of a role, or of nobody.

use clap::{Parser, Subcommand};
use gate_tests::attacker::{
    connect, echo, files, flood, frames, grants, hold, later, listen, passing, relisten, segment, sockets, stray,
};
use std::{
    net::{SocketAddr, SocketAddrV4},
    path::PathBuf,
};

/// Tries one thing, and prints what came of it.
#[derive(Parser)]
#[command(name = "gate-attacker")]
struct Arguments {
    #[command(subcommand)]
    attempt: Attempt,
}

#[derive(Subcommand)]
enum Attempt {
    /// Connects, sends a line, and reads the answer.
    Connect {
        /// To where.
        to: SocketAddr,
        /// The line.
        #[arg(long, default_value = "hello")]
        line: String,
        /// From where.
        #[arg(long)]
        from: Option<SocketAddr>,
    },
    /// Binds a port and listens.
    Bind {
        /// Where.
        at: SocketAddr,
        /// With `SO_REUSEPORT`.
        #[arg(long)]
        reuse: bool,
    },
    /// Connects, and sends one request for each line of standard input.
    Hold {
        /// To where.
        to: SocketAddr,
        /// Lines, not HTTP requests.
        #[arg(long)]
        plain: bool,
    },
    /// The same with datagrams, over a connected UDP socket.
    HoldUdp {
        /// To where.
        to: SocketAddr,
    },
    /// Prints every datagram, and sends it back.
    EchoUdp {
        /// Where.
        at: SocketAddr,
    },
    /// Makes a socket.
    Socket {
        /// tcp, mptcp, udp, udplite, sctp, dccp, raw.
        kind: String,
    },
    /// Sends a datagram.
    Datagram {
        /// To where.
        to: SocketAddr,
    },
    /// Connects with `MSG_FASTOPEN`.
    FastOpen {
        /// To where.
        to: SocketAddr,
    },
    /// Connects, dissolves that with `AF_UNSPEC`, and connects the same socket again.
    Again {
        /// To where at first.
        first: SocketAddr,
        /// To where then.
        then: SocketAddr,
    },
    /// Makes a socket, moves to another cgroup, and connects it.
    Migrate {
        /// The cgroup's directory.
        cgroup: PathBuf,
        /// To where.
        to: SocketAddr,
    },
    /// Listens without binding.
    Autobind {
        /// How often.
        count: u32,
    },
    /// Accepts connections, and asks the kernel who is at their other ends.
    Peer {
        /// Where.
        at: SocketAddr,
    },
    /// Makes a socket and gives it away.
    Lend {
        /// Over which Unix socket.
        at: PathBuf,
        /// For which address.
        to: SocketAddr,
        /// For datagrams.
        #[arg(long)]
        datagram: bool,
    },
    /// Takes a socket from `lend`, and connects it, or sends a datagram.
    Borrow {
        /// Over which Unix socket.
        at: PathBuf,
        /// To where.
        to: SocketAddr,
        /// It is one for datagrams.
        #[arg(long)]
        datagram: bool,
    },
    /// Opens flows until that is not permitted, and keeps them.
    Flood {
        /// To where; nobody listens there.
        to: SocketAddr,
        /// How many at most.
        most: u16,
    },
    /// Makes a socket, and connects it when standard input has a line.
    Later {
        /// To where.
        to: SocketAddr,
        /// From where.
        from: SocketAddr,
        /// With MPTCP.
        #[arg(long)]
        mptcp: bool,
    },
    /// Connects through a device, whatever the routing table says.
    Through {
        /// Which.
        device: String,
        /// To where.
        to: SocketAddr,
        /// From where.
        #[arg(long)]
        from: Option<SocketAddr>,
    },
    /// Serves lines, and prints each that arrives.
    Echo {
        /// Where.
        at: SocketAddr,
    },
    /// Listens with a socket that was connected before, and serves lines.
    Relisten {
        /// Where.
        at: SocketAddr,
        /// To where it is connected first.
        first: SocketAddr,
        /// End that with `AF_UNSPEC`, instead of being refused.
        #[arg(long)]
        dissolve: bool,
    },
    /// Sends a SYN made by hand.
    Syn {
        /// From where, as it claims.
        from: SocketAddrV4,
        /// To where.
        to: SocketAddrV4,
    },
    /// Sends a frame to a role.
    Frame {
        /// Its socket.
        socket: PathBuf,
        /// The frame's bytes, in hexadecimal; 7f*100 is the same byte a hundred times.
        #[arg(default_value = "")]
        bytes: String,
        /// A descriptor to send with it: file, pipe, udp, tcp-listener, unix.
        #[arg(long = "with")]
        with: Vec<String>,
    },
    /// Opens files.
    Open {
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// In gate-proxy's place: presents a grant to gate-net, connects to the backend, and asks it.
    Grant(grants::Forgery),
}

fn main() -> anyhow::Result<()> {
    let came_of_it = match Arguments::parse().attempt {
        Attempt::Connect { to, line, from } => connect::once(to, from, &line),
        Attempt::Bind { at, reuse } => listen::once(at, reuse),
        Attempt::Hold { to, plain } => return hold::serve(to, plain),
        Attempt::HoldUdp { to } => return hold::serve_datagrams(to),
        Attempt::EchoUdp { at } => match sockets::echo(at)? {},
        Attempt::Socket { kind } => sockets::make(&kind),
        Attempt::Datagram { to } => sockets::datagram(to),
        Attempt::FastOpen { to } => sockets::fast_open(to),
        Attempt::Again { first, then } => sockets::again(first, then),
        Attempt::Migrate { cgroup, to } => sockets::migrate(&cgroup, to),
        Attempt::Autobind { count } => sockets::autobind(count),
        Attempt::Peer { at } => match sockets::peer(at)? {},
        Attempt::Lend { at, to, datagram } => passing::lend(&at, to, datagram)?,
        Attempt::Borrow { at, to, datagram } => passing::borrow(&at, to, datagram)?,
        Attempt::Flood { to, most } => return flood::serve(to, most),
        Attempt::Later { to, from, mptcp } => return later::serve(to, from, mptcp),
        Attempt::Through { device, to, from } => stray::through(&device, to, from),
        Attempt::Echo { at } => match echo::serve(at)? {},
        Attempt::Relisten { at, first, dissolve } => match relisten::serve(at, first, dissolve)? {},
        Attempt::Syn { from, to } => segment::syn(from, to)?,
        Attempt::Frame { socket, bytes, with } => frames::send(&socket, &hexadecimal(&bytes)?, &with)?,
        Attempt::Open { paths } => {
            paths.iter().for_each(|path| println!("{}", files::open(path).to_json()));
            return Ok(());
        }
        Attempt::Grant(forgery) => {
            println!("{}", grants::try_it(&forgery)?);
            return Ok(());
        }
    };
    println!("{}", came_of_it.to_json());
    Ok(())
}

/// `00ff`, or `7f*100000`: an argument of a program has at most 128 KiB.
fn hexadecimal(text: &str) -> anyhow::Result<Vec<u8>> {
    if let Some((byte, count)) = text.split_once('*') {
        return Ok(hexadecimal(byte)?.repeat(count.parse()?));
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16);
    Ok((0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>()?)
}
