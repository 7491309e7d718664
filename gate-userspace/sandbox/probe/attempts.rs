//! What is tried.

use crate::{Before, system, work};
use std::error::Error;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// What came of it: something to show, or the kernel's error.
type Outcome = io::Result<String>;

pub(crate) fn attempt(
    name: &str,
    arguments: &[String],
    place: &Path,
    before: &mut Before,
) -> Result<Outcome, Box<dyn Error>> {
    let argument = |index: usize| arguments.get(index).ok_or_else(|| format!("{name} needs argument {index}"));
    let number = |index: usize| -> Result<usize, Box<dyn Error>> { Ok(argument(index)?.parse()?) };
    let child = usize::try_from(before.child.id())?;
    Ok(match name {
        "read" => fs::read_to_string(argument(0)?),
        "write" => fs::write(argument(0)?, "written").map(|()| String::new()),
        "list" => fs::read_dir(argument(0)?).map(|entries| entries.count().to_string()),
        "socket" => shown(system::plain(libc::SYS_socket, [number(0)?, number(1)?, number(2)?, 0, 0])),
        "bind" => TcpListener::bind(argument(0)?).map(|listener| format!("{listener:?}")),
        "bpf-prog-load" => shown(system::load_program()),
        "bpf-map-create" => shown(system::make_map()),
        "bpf-map-lookup" => shown(system::look_up_in_no_map()),
        // Replaces this process; what the other prints is then the outcome.
        "execve" => Err(Command::new("/bin/echo").arg("ok executed").exec()),
        "spawn" => Command::new("/bin/true").status().map(|status| status.to_string()),
        "fork" => fork(),
        "ptrace" => shown(system::plain(libc::SYS_ptrace, [PTRACE_SEIZE, child, 0, 0, 0])),
        "kill" => shown(system::plain(libc::SYS_kill, [child, 0, 0, 0, 0])),
        "setuid" => shown(system::plain(libc::SYS_setuid, [number(0)?, 0, 0, 0, 0])),
        "setgid" => shown(system::plain(libc::SYS_setgid, [number(0)?, 0, 0, 0, 0])),
        "unshare" => {
            shown(system::plain(libc::SYS_unshare, [libc::CLONE_NEWUSER.cast_unsigned() as usize, 0, 0, 0, 0]))
        }
        "raise-limit" => raise_limit(),
        "executable-memory" => executable_memory(),
        "descriptor" => fs::read_link(format!("/proc/self/fd/{}", argument(0)?)).map(|to| to.display().to_string()),
        "report" | "threads-first" => Ok(report(before)?),
        "work" => work::everyday(place).map(|()| "worked".to_owned()),
        other => return Err(format!("{other}: no such attempt").into()),
    })
}

/// linux/ptrace.h.
const PTRACE_SEIZE: usize = 0x4206;

fn shown(result: io::Result<i64>) -> Outcome {
    result.map(|value| value.to_string())
}

fn fork() -> Outcome {
    match system::plain(libc::SYS_clone, [libc::SIGCHLD.cast_unsigned() as usize, 0, 0, 0, 0]) {
        // The other process has nothing to say.
        Ok(0) => std::process::exit(0),
        result => shown(result),
    }
}

/// Lowers a limit, which anybody may.
fn raise_limit() -> Outcome {
    let limit = rustix::process::Rlimit { current: Some(8), maximum: Some(8) };
    rustix::process::setrlimit(rustix::process::Resource::Nproc, limit)?;
    Ok(String::new())
}

/// One page that may be run.
fn executable_memory() -> Outcome {
    let protection = (libc::PROT_READ | libc::PROT_EXEC).cast_unsigned() as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).cast_unsigned() as usize;
    shown(system::map_page(protection, flags))
}

fn report(before: &Before) -> Result<String, Box<dyn Error>> {
    match &before.confined {
        None => Ok("unconfined".to_owned()),
        Some(confined) => {
            let report = confined.verify()?;
            Ok(format!("holds={} {report:?}", report.holds()))
        }
    }
}
