//! gate-launch: becomes a program in a service's place. What systemd does for an installed host, for the tests.

use anyhow::Context as _;
use clap::Parser;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::{
    ffi::OsString,
    fs::{self, File},
    io::Read as _,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    path::PathBuf,
    process::Command,
};

/// Joins a cgroup and a network namespace, takes a user, and becomes a program.
#[derive(Parser)]
#[command(name = "gate-launch")]
struct Arguments {
    /// The cgroup's directory; made if it is not there.
    #[arg(long, required_unless_present = "reap")]
    cgroup: Option<PathBuf>,
    /// The network namespace's file.
    #[arg(long)]
    netns: Option<PathBuf>,
    /// A new network namespace with nothing in it, instead.
    #[arg(long)]
    private_network: bool,
    /// The user.
    #[arg(long, default_value_t = 0)]
    uid: u32,
    /// The group.
    #[arg(long, default_value_t = 0)]
    gid: u32,
    /// Further groups.
    #[arg(long, value_delimiter = ',')]
    groups: Vec<u32>,
    /// The only capabilities that it keeps.
    #[arg(long, value_delimiter = ',')]
    caps: Vec<String>,
    /// Waits for the end of standard input, and removes what this host of a test has on the machine.
    #[arg(long, conflicts_with = "cgroup")]
    reap: Option<String>,
    /// The program.
    #[arg(last = true)]
    command: Vec<OsString>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(name) = &arguments.reap {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        gate_tests::remove(name);
        return Ok(());
    }
    enter(&arguments)?;
    Err(become_it(&arguments).into())
}

fn enter(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(cgroup) = &arguments.cgroup {
        fs::create_dir_all(cgroup).with_context(|| format!("making {}", cgroup.display()))?;
        let procs = cgroup.join("cgroup.procs");
        fs::write(&procs, "0").with_context(|| format!("writing {}", procs.display()))?;
    }
    if let Some(netns) = &arguments.netns {
        let file = File::open(netns).with_context(|| format!("opening {}", netns.display()))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).context("joining the namespace")?;
    }
    Ok(())
}

/// setpriv(1) changes the user and drops the rest.
fn become_it(arguments: &Arguments) -> std::io::Error {
    let mut command = Command::new(if arguments.private_network { "unshare" } else { "setpriv" });
    if arguments.private_network {
        command.args(["--net", "setpriv"]);
    }
    let kept: String = arguments.caps.iter().map(|name| format!(",+{name}")).collect();
    command.args(["--reuid", &arguments.uid.to_string(), "--regid", &arguments.gid.to_string()]);
    if arguments.groups.is_empty() {
        command.arg("--clear-groups");
    } else {
        let groups: Vec<String> = arguments.groups.iter().map(u32::to_string).collect();
        command.args(["--groups", &groups.join(",")]);
    }
    command.arg(format!("--bounding-set=-all{kept}")).arg(format!("--inh-caps=-all{kept}"));
    command.arg(format!("--ambient-caps=-all{kept}"));
    command.arg("--").args(&arguments.command).exec()
}
