//! gate-attacker: tries one thing that Gate should stop (or let pass), and says exactly what the kernel answered, as one
//! line of JSON. It runs in the place of a service, of a role, or of nobody.

use clap::{Parser, Subcommand};
use gate_tests::attacker::{connect, grants, hold, listen};
use std::net::SocketAddr;

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
    },
    /// In gate-proxy's place: presents a grant to gate-net, connects to the backend, and asks it.
    Grant(grants::Forgery),
}

fn main() -> anyhow::Result<()> {
    let came_of_it = match Arguments::parse().attempt {
        Attempt::Connect { to, line } => connect::once(to, &line).to_json(),
        Attempt::Bind { at, reuse } => listen::once(at, reuse).to_json(),
        Attempt::Hold { to } => return hold::serve(to),
        Attempt::Grant(forgery) => grants::try_it(&forgery)?,
    };
    println!("{came_of_it}");
    Ok(())
}
