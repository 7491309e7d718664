//! Attaching: every program at one root, every link pinned. A link that is pinned already gets the new program in
//! place, so that there is no moment without one.

use crate::{pins::Pins, syscall};
use anyhow::{Context as _, bail};
use aya::{Ebpf, programs::Program};
use aya_obj::generated::bpf_attach_type as attach;
use std::{
    fs::{self, File},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

/// Where a program attaches.
#[derive(Clone, Copy)]
enum Place {
    Cgroup(u32),
    Namespace(u32),
    Tracepoint(&'static str),
}

/// Every program, in the order of attaching: identities and socket states first, so that what judges finds them.
const PROGRAMS: [(&str, Place); 18] = [
    ("cgroup_mkdir", Place::Tracepoint("cgroup_mkdir")),
    ("cgroup_rmdir", Place::Tracepoint("cgroup_rmdir")),
    ("sock_create", Place::Cgroup(attach::BPF_CGROUP_INET_SOCK_CREATE as u32)),
    ("sock_release", Place::Cgroup(attach::BPF_CGROUP_INET_SOCK_RELEASE as u32)),
    ("operations", Place::Cgroup(attach::BPF_CGROUP_SOCK_OPS as u32)),
    ("option_get", Place::Cgroup(attach::BPF_CGROUP_GETSOCKOPT as u32)),
    ("option_set", Place::Cgroup(attach::BPF_CGROUP_SETSOCKOPT as u32)),
    ("bind4", Place::Cgroup(attach::BPF_CGROUP_INET4_BIND as u32)),
    ("bind6", Place::Cgroup(attach::BPF_CGROUP_INET6_BIND as u32)),
    ("post_bind4", Place::Cgroup(attach::BPF_CGROUP_INET4_POST_BIND as u32)),
    ("post_bind6", Place::Cgroup(attach::BPF_CGROUP_INET6_POST_BIND as u32)),
    ("connect4", Place::Cgroup(attach::BPF_CGROUP_INET4_CONNECT as u32)),
    ("connect6", Place::Cgroup(attach::BPF_CGROUP_INET6_CONNECT as u32)),
    ("sendmsg4", Place::Cgroup(attach::BPF_CGROUP_UDP4_SENDMSG as u32)),
    ("sendmsg6", Place::Cgroup(attach::BPF_CGROUP_UDP6_SENDMSG as u32)),
    ("lookup", Place::Namespace(attach::BPF_SK_LOOKUP as u32)),
    ("ingress", Place::Cgroup(attach::BPF_CGROUP_INET_INGRESS as u32)),
    ("egress", Place::Cgroup(attach::BPF_CGROUP_INET_EGRESS as u32)),
];

/// Loads and attaches every program; returns their names.
///
/// # Errors
/// The first program that the kernel refuses, with the verifier's words.
pub fn all(loaded: &mut Ebpf, pins: &Pins, cgroup: &File, namespace: &File) -> anyhow::Result<Vec<&'static str>> {
    for (name, place) in PROGRAMS {
        let program = loaded.program_mut(name).with_context(|| format!("the object has no program {name}"))?;
        load(program).with_context(|| format!("loading the program {name}"))?;
        let program = program.fd()?.as_fd();
        let pin = pins.link(name);
        let attached = match place {
            Place::Cgroup(kind) => link(program, cgroup.as_fd(), kind, &pin),
            Place::Namespace(kind) => link(program, namespace.as_fd(), kind, &pin),
            Place::Tracepoint(tracepoint) => trace(program, tracepoint, &pin),
        };
        attached.with_context(|| format!("attaching the program {name}"))?;
    }
    Ok(PROGRAMS.map(|(name, _)| name).to_vec())
}

fn load(program: &mut Program) -> anyhow::Result<()> {
    match program {
        Program::CgroupSkb(program) => program.load()?,
        Program::CgroupSock(program) => program.load()?,
        Program::CgroupSockAddr(program) => program.load()?,
        Program::CgroupSockopt(program) => program.load()?,
        Program::SockOps(program) => program.load()?,
        Program::SkLookup(program) => program.load()?,
        Program::RawTracePoint(program) => program.load()?,
        other => bail!("Gate has no program of type {:?}", other.prog_type()),
    }
    Ok(())
}

fn link(program: BorrowedFd<'_>, target: BorrowedFd<'_>, kind: u32, pin: &Path) -> anyhow::Result<()> {
    if let Some(link) = syscall::pinned(pin)? {
        match syscall::link_update(link.as_fd(), program) {
            Ok(()) => return Ok(()),
            // Its cgroup or namespace is gone.
            Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => fs::remove_file(pin)?,
            Err(error) => return Err(error).with_context(|| format!("updating {}", pin.display())),
        }
    }
    let link = syscall::link_create(program, target, kind)?;
    syscall::pin(link.as_fd(), pin).with_context(|| format!("pinning {}", pin.display()))
}

/// Links of raw tracepoints cannot be updated: the new one is attached before the old one goes.
fn trace(program: BorrowedFd<'_>, tracepoint: &str, pin: &Path) -> anyhow::Result<()> {
    let link = syscall::raw_tracepoint_open(tracepoint, program)?;
    // bpffs reserves dots in names.
    let fresh = pin.with_file_name(format!("{tracepoint}_new"));
    if fresh.exists() {
        fs::remove_file(&fresh)?;
    }
    syscall::pin(link.as_fd(), &fresh).with_context(|| format!("pinning {}", fresh.display()))?;
    fs::rename(&fresh, pin).with_context(|| format!("pinning {}", pin.display()))
}
