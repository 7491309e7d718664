//! gate-bench: what Gate costs on this machine, beside the same without Gate.

use clap::{Parser, Subcommand};
use gate_tests::bench::{self, Extent, What};
use std::{fs, path::PathBuf};

/// Measures what Gate costs, as ratios within one interleaved run.
#[derive(Parser)]
#[command(name = "gate-bench", args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What is measured.
    #[arg(value_enum, default_value_t)]
    what: What,
    /// Writes the raw values of every round to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Rounds; in each, every side has its turn.
    #[arg(long, default_value_t = 9, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=200))]
    rounds: usize,
    /// Connections of one turn.
    #[arg(long, default_value_t = 2_000)]
    connections: usize,
    /// Seconds of requests of one turn.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Questions of one turn.
    #[arg(long, default_value_t = 4_000)]
    questions: usize,
    #[command(subcommand)]
    place: Option<Place>,
}

/// This program again, in the place of a service or of a role.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
enum Place {
    /// Connects as standard input says.
    #[command(hide = true)]
    Connect,
    /// Accepts as standard input says.
    #[command(hide = true)]
    Accept {
        /// On which port.
        port: u16,
    },
    /// Answers as gate-authz does, without thinking.
    #[command(hide = true)]
    Echo {
        /// Its socket.
        socket: PathBuf,
        /// The cgroup tree of the host.
        cgroups: PathBuf,
    },
    /// Asks gate-authz.
    #[command(hide = true)]
    Ask {
        /// Its socket.
        socket: PathBuf,
        /// A frame with the question, as JSON.
        frame: PathBuf,
        /// Frames.
        frames: usize,
        /// Questions in each.
        batch: usize,
        /// Whether a grant is wanted.
        #[arg(action = clap::ArgAction::Set)]
        grant: bool,
    },
}

fn main() -> anyhow::Result<()> {
    let Arguments { what, json, rounds, connections, seconds, questions, place } = Arguments::parse();
    match place {
        Some(Place::Connect) => return bench::connect(),
        Some(Place::Accept { port }) => return bench::accept(port),
        Some(Place::Echo { socket, cgroups }) => return bench::echo(&socket, &cgroups),
        Some(Place::Ask { socket, frame, frames, batch, grant }) => {
            return bench::ask(&socket, &frame, frames, batch, grant);
        }
        None => {}
    }
    let found = bench::run(what, Extent { rounds, connections, seconds, questions })?;
    if let Some(file) = json {
        fs::write(file, format!("{found:#}\n"))?;
    }
    Ok(())
}
