//! Every task that a developer or the build server runs: `cargo xtask --help`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

mod bench;
mod build;
mod build_ebpf;
mod demo;
mod fuzz;
mod lint;
mod setup;
mod step;
mod test;
mod workspace;

/// Gate's tasks. Each installs what it needs; none of them needs a prepared machine.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what is missing: a BPF toolchain, bpf-linker, and the programs that tests and demo run (root)
    ///
    /// Uses the rustup toolchain that has `rust-src` when there is one, else Debian's rustc. Does nothing when all is there.
    Setup,
    /// Set up, build the BPF programs, and build everything else
    Build {
        /// Build the release profile, into target/release
        #[arg(long)]
        release: bool,
    },
    /// Build the BPF programs alone, into target/ebpf/gate-ebpf.o
    BuildEbpf,
    /// Set up, build, lint, and run every test, on this machine's kernel (root)
    ///
    /// Without root it runs what needs none and says what it left out; where the variable CI is set, that is an error.
    Test,
    /// Check formatting, clippy, dependency boundaries, licences and file lengths
    Lint,
    /// Set up, build, and show Gate at work in a cgroup tree and a network namespace of its own (root)
    Demo {
        /// Write what happened to this file, as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// Further arguments of the demo
        #[arg(last = true, value_name = "ARGS")]
        further: Vec<OsString>,
    },
    /// Search for inputs that break what reads strangers' files, from the corpus in tests/fuzz on (no root)
    ///
    /// `cargo test` feeds the corpus itself.
    Fuzz {
        /// Search in this target only: a directory of tests/fuzz/corpus
        target: Option<String>,
        /// How long, for each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Set up, build the release profile, and measure (root)
    Bench {
        /// Arguments of the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let task = Arguments::parse().task;
    run(task).unwrap_or_else(|error| {
        step::error(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Setup => setup::run(&workspace, setup::Scope::Everything).map(|_| ExitCode::SUCCESS),
        Task::Build { release } => build::run(&workspace, build::Profile::from_flag(release)),
        Task::BuildEbpf => build_ebpf::run(&workspace),
        Task::Test => test::run(&workspace),
        Task::Lint => lint::run(&workspace),
        Task::Demo { json, further } => demo::run(&workspace, json, further),
        Task::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), seconds),
        Task::Bench { arguments } => bench::run(&workspace, arguments),
    }
}
