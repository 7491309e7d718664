//! gate-loader: loads, attaches and pins the BPF programs, seeds the identities of Gate's own roles, and exits.
//!
//! It runs as root with `CAP_BPF`, `CAP_NET_ADMIN` and `CAP_PERFMON` only, in gate-net's group, inside the network
//! namespace that Gate governs. What it leaves behind are pins: the links belong to root alone, the maps to gate-net.

mod attach;
mod btf;
mod capability;
mod diagnose;
mod object;
mod pins;
mod seed;
mod syscall;

use anyhow::Context as _;
use aya::Ebpf;
use clap::Parser;
use gate_host::{HostConfig, Role};
use gate_ipc::CgroupRoot;
use std::{path::PathBuf, time::Duration};

/// Loads, attaches and pins Gate's kernel programs, then exits.
#[derive(Parser)]
#[command(name = "gate-loader", version)]
struct Arguments {
    /// The host's configuration.
    #[arg(long, default_value = "/etc/gate/gate.toml")]
    config: PathBuf,
    /// Write each verdict of the kernel to standard error for so long, then replace the programs by silent ones.
    #[arg(long, value_name = "SECONDS")]
    diagnose: Option<u32>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = HostConfig::load(&arguments.config)?;
    capability::keep_needed().context("the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed")?;
    if let Some(seconds) = arguments.diagnose {
        let (mut loaded, _) = load(&config, object::DEBUG)?;
        diagnose::follow(&mut loaded, Duration::from_secs(seconds.into()))?;
    }
    let (_, report) = load(&config, 0)?;
    println!("{report}");
    Ok(())
}

fn load(config: &HostConfig, log_level: u8) -> anyhow::Result<(Ebpf, serde_json::Value)> {
    let root = CgroupRoot::resolve(config.cgroup_root())?;
    let pins = pins::Pins::prepare(&config.bpffs_dir(), config.role(Role::Net).gid)?;
    let netns = syscall::netns_cookie().context("reading the cookie of the network namespace")?;
    let offsets = btf::Offsets::of_running_kernel()?;
    let mut loaded = object::load(&pins, netns, &offsets, log_level)?;
    seed::roles(&mut loaded, config, root.prefix())?;
    let cgroup = std::fs::File::open(config.cgroup_root())
        .with_context(|| format!("opening {}", config.cgroup_root().display()))?;
    let namespace = std::fs::File::open("/proc/self/ns/net").context("opening /proc/self/ns/net")?;
    let links = attach::all(&mut loaded, &pins, &cgroup, &namespace)?;
    pins.hand_over()?;
    let report = serde_json::json!({
        "object": object::digest(),
        "netns_cookie": netns,
        "cgroup_root": config.cgroup_root(),
        "links": links,
    });
    pins::write_report(config, &report)?;
    Ok((loaded, report))
}
