//! What holds, as the kernel says it: for `status` and for the record of a start.

use crate::capabilities::{held, kept, names};
use crate::error::{SandboxError, refused};
use gate_host::{LandlockNeed, Role};
use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getegid, geteuid, getrlimit};
use rustix::thread::{CapabilitySet, SecureComputingMode, no_new_privs, secure_computing_mode};
use serde::{Deserialize, Serialize};

/// What holds of one process's sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The role whose sandbox it is.
    pub role: Role,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// Capabilities that it holds (permitted).
    pub capabilities: Vec<String>,
    /// Capabilities left in its bounding set: not held, and with `no_new_privs` not to be had.
    pub bounding: Vec<String>,
    /// No program that it could start has more rights than itself.
    pub no_new_privs: bool,
    /// Others of its user cannot trace it, read its memory or make it dump core.
    pub undumpable: bool,
    /// The limit of open descriptors.
    pub nofile: u64,
    /// The Landlock ABI reached; 0: file access is not restricted. 4 and above: TCP ports too; 6: signals too.
    pub landlock_abi: u8,
    /// A seccomp filter is on, and refuses what is on no list.
    pub seccomp: bool,
    /// Descriptors that it inherited and closed.
    pub closed: Vec<i32>,
    /// What should hold and does not. Empty in a process that serves.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether everything holds that should.
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }
}

/// What was asked for, to compare with.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) role: Role,
    pub(crate) landlock: LandlockNeed,
    pub(crate) landlock_abi: u8,
    pub(crate) closed: Vec<i32>,
}

/// Asks the kernel, and tries what must fail.
pub(crate) fn report(asked: &Asked) -> Result<Report, SandboxError> {
    let capabilities = held()?;
    let core = getrlimit(Resource::Core);
    let mut report = Report {
        role: asked.role,
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
        capabilities: names(capabilities.sets.permitted),
        bounding: names(capabilities.bounding),
        no_new_privs: no_new_privs().map_err(refused("PR_GET_NO_NEW_PRIVS"))?,
        undumpable: dumpable_behavior().map_err(refused("PR_GET_DUMPABLE"))? == DumpableBehavior::NotDumpable
            && core.maximum == Some(0),
        nofile: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        landlock_abi: asked.landlock_abi,
        seccomp: is_filtered()?,
        closed: asked.closed.clone(),
        problems: Vec::new(),
    };
    let nothing = CapabilitySet::empty();
    let kept = kept(asked.role);
    let same = [
        ("permitted", capabilities.sets.permitted == kept),
        ("effective", capabilities.sets.effective == kept),
        ("inheritable", capabilities.sets.inheritable == nothing),
        ("ambient", capabilities.ambient == nothing),
    ];
    for (set, _) in same.into_iter().filter(|(_, holds)| !holds) {
        report.problems.push(format!("the {set} capabilities are not what {} keeps", asked.role));
    }
    let must = [
        ("no_new_privs is off", report.no_new_privs),
        ("the process can be traced or dumped", report.undumpable),
        ("system calls are not restricted", report.seccomp),
        ("file access is not restricted", is_file_access_restricted() || !is_landlock_due(asked)),
    ];
    let failed = must.into_iter().filter(|(_, holds)| !holds);
    report.problems.extend(failed.map(|(problem, _)| problem.to_owned()));
    Ok(report)
}

fn is_landlock_due(asked: &Asked) -> bool {
    asked.landlock == LandlockNeed::Required || asked.landlock_abi > 0
}

/// Tried, not only asked: memfd_create is on no role's list and needs no right otherwise.
fn is_filtered() -> Result<bool, SandboxError> {
    let mode = secure_computing_mode().map_err(refused("PR_GET_SECCOMP"))?;
    let tried = memfd_create("probe", MemfdFlags::CLOEXEC);
    Ok(mode == SecureComputingMode::Filter && matches!(tried, Err(Errno::PERM)))
}

/// Landlock cannot be asked about, only tried: no role may list the root directory, and anybody else may.
fn is_file_access_restricted() -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    matches!(open("/", flags, Mode::empty()), Err(Errno::ACCESS))
}
