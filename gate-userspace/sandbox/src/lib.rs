//! The sandbox that each process of Gate puts itself into before it serves: capabilities, `no_new_privs`, Landlock,
//! seccomp, limits. The same in release builds, debug builds and tests; there is no switch.
//!
//! ```no_run
//! # use gate_host::{HostConfig, Role};
//! # use gate_sandbox::Sandbox;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::for_role(Role::Authz, &[])?; // the first line of main()
//! let host = HostConfig::load("/etc/gate/gate.toml".as_ref())?;
//! let confined = sandbox.for_host(&host).apply()?; // before any thread, before anything is served
//! println!("{:?}", confined.verify()?);
//! # Ok(())
//! # }
//! ```
//!
//! What needs more than the role has must be done before `apply()`: hashing the binary, reading `gate.toml`. Directories
//! that [`Sandbox::for_host`] names must exist.

mod calls;
mod capabilities;
mod error;
mod files;
mod filter;
mod kernel;
mod report;

pub use error::SandboxError;
pub use report::Report;

use error::refused;
use files::{Path, Right, Tcp};
use gate_host::{HostConfig, LandlockNeed, Role};
use report::{Asked, report};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getegid, geteuid, getrlimit, getuid, set_dumpable_behavior, setrlimit,
};
use rustix::thread::set_no_new_privs;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// A sandbox that is being described. It holds from [`Self::apply`] on.
#[derive(Debug)]
#[must_use = "nothing is restricted before apply()"]
pub struct Sandbox {
    role: Role,
    user: Option<(u32, u32)>,
    paths: Vec<Path>,
    bind: Vec<u16>,
    nofile: u64,
    landlock: LandlockNeed,
    closed: Vec<i32>,
}

/// Proof that the sandbox holds. What serves takes it as an argument, so that it cannot run without.
#[derive(Debug, Clone)]
pub struct Confined(Asked);

impl Sandbox {
    /// To be called first in `main()`. Closes every inherited descriptor but the standard three and those listed, and from
    /// here on lets nobody trace, dump or raise this process.
    pub fn for_role(role: Role, inherited: &[RawFd]) -> Result<Self, SandboxError> {
        check_single_thread()?;
        set_no_new_privs(true).map_err(refused("PR_SET_NO_NEW_PRIVS"))?;
        set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused("PR_SET_DUMPABLE"))?;
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Core, none).map_err(refused("RLIMIT_CORE"))?;
        Ok(Self {
            role,
            user: None,
            paths: Vec::new(),
            bind: Vec::new(),
            nofile: nofile(role),
            landlock: LandlockNeed::Required,
            closed: close_inherited(inherited)?,
        })
    }

    /// The user, paths and ports that this host's configuration gives the role.
    pub fn for_host(mut self, host: &HostConfig) -> Self {
        let role = self.role;
        let config = host.role(role);
        self.user = Some((config.uid, config.gid));
        self.landlock = host.landlock();
        self = self.read_write(host.state_dir(role)).read(host.keys_dir());
        match role {
            // BTF; the tree to attach to; the reserved ports; the pins.
            Role::Loader => self
                .read("/proc")
                .read_if_present("/sys/kernel/btf")
                .read_if_present("/sys/devices/system/cpu")
                .read(host.cgroup_root())
                .read_write_if_present("/proc/sys/net/ipv4/ip_local_reserved_ports")
                .read_write(host.bpffs_dir()),
            // Callers' cgroups are in /proc; services' cgroups in the tree; the number of cores sizes per-CPU values.
            Role::Net => self
                .read("/proc")
                .read_if_present("/sys/devices/system/cpu")
                .read(host.cgroup_root())
                .read_write(host.bpffs_dir())
                .sockets(host.run_dir()),
            Role::Proxy => self.read("/proc").sockets(host.run_dir()).bind_tcp(host.proxy().port),
            Role::Authn | Role::Authz | Role::Audit => self.read("/proc").sockets(host.run_dir()),
        }
    }

    /// Files and directories below this path may be read. It must exist when the sandbox is applied.
    pub fn read(self, path: impl Into<PathBuf>) -> Self {
        self.path(path.into(), Right::Read, true)
    }

    /// As [`Self::read`], but it need not exist.
    pub fn read_if_present(self, path: impl Into<PathBuf>) -> Self {
        self.path(path.into(), Right::Read, false)
    }

    /// Files and directories below this path may be read, written, made and removed. It must exist.
    pub fn read_write(self, path: impl Into<PathBuf>) -> Self {
        self.path(path.into(), Right::ReadWrite, true)
    }

    /// As [`Self::read_write`], but it need not exist.
    pub fn read_write_if_present(self, path: impl Into<PathBuf>) -> Self {
        self.path(path.into(), Right::ReadWrite, false)
    }

    /// Unix sockets may be made and removed below this directory. It must exist. (Connecting needs no right.)
    pub fn sockets(self, directory: impl Into<PathBuf>) -> Self {
        self.path(directory.into(), Right::Sockets, true)
    }

    /// This TCP port may be bound. Means something for the proxy alone: others have no TCP sockets.
    pub fn bind_tcp(mut self, port: u16) -> Self {
        self.bind.push(port);
        self
    }

    /// Another limit of open descriptors than the role's usual one. Where the process was started with a lower limit, that
    /// one stays.
    pub fn nofile(mut self, limit: u64) -> Self {
        self.nofile = limit;
        self
    }

    /// Whether a kernel without Landlock will do.
    pub fn landlock(mut self, need: LandlockNeed) -> Self {
        self.landlock = need;
        self
    }

    /// Restricts the process, for good, and checks that it holds. On an error some of it may hold already: the process must
    /// not serve.
    pub fn apply(self) -> Result<Confined, SandboxError> {
        check_single_thread()?;
        self.check_user()?;
        limit_descriptors(self.nofile)?;
        // Before the capabilities go: opening the paths may need them.
        let landlock_abi = files::restrict(&self.paths, &self.tcp(), self.landlock)?;
        capabilities::drop_all_but_kept(self.role)?;
        filter::install(self.role)?;
        let confined = Confined(Asked { role: self.role, landlock: self.landlock, landlock_abi, closed: self.closed });
        let report = confined.verify()?;
        if report.holds() { Ok(confined) } else { Err(SandboxError::DoesNotHold(Box::new(report))) }
    }

    fn path(mut self, path: PathBuf, right: Right, required: bool) -> Self {
        self.paths.push(Path { path, right, required });
        self
    }

    fn tcp(&self) -> Tcp {
        match self.role {
            Role::Proxy => Tcp::Bind(self.bind.clone()),
            _ => Tcp::Nothing,
        }
    }

    fn check_user(&self) -> Result<(), SandboxError> {
        let Some((uid, gid)) = self.user else { return Ok(()) };
        let (found_uid, found_gid) = (geteuid().as_raw(), getegid().as_raw());
        if (found_uid, getuid().as_raw(), found_gid) == (uid, uid, gid) {
            return Ok(());
        }
        Err(SandboxError::User { role: self.role, found_uid, found_gid, uid, gid })
    }
}

impl Confined {
    /// The role whose sandbox holds.
    pub fn role(&self) -> Role {
        self.0.role
    }

    /// Asks the kernel again what holds, and tries again what must fail.
    pub fn verify(&self) -> Result<Report, SandboxError> {
        report(&self.0)
    }
}

/// The system calls that a role may make, by name, each with the reason; for the documentation and for `doctor`. A call that
/// is there more than once may be made under any of the conditions.
pub fn allowed_calls(role: Role) -> impl Iterator<Item = (&'static str, &'static str)> {
    calls::allowed(role).map(|call| (call.name(), call.why))
}

/// Descriptors: the proxy has two for each connection; the others, a few dozen.
const fn nofile(role: Role) -> u64 {
    match role {
        Role::Proxy => 65_536,
        Role::Net => 4_096,
        Role::Loader | Role::Authn | Role::Authz | Role::Audit => 1_024,
    }
}

fn limit_descriptors(limit: u64) -> Result<(), SandboxError> {
    let limit = getrlimit(Resource::Nofile).maximum.map_or(limit, |most| most.min(limit));
    let limits = Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::Nofile, limits).map_err(refused("RLIMIT_NOFILE"))
}

fn check_single_thread() -> Result<(), SandboxError> {
    match numbers_in("/proc/self/task")?.len() {
        1 => Ok(()),
        found => Err(SandboxError::Threads { found }),
    }
}

fn close_inherited(listed: &[RawFd]) -> Result<Vec<RawFd>, SandboxError> {
    let mut open = numbers_in("/proc/self/fd")?;
    open.retain(|fd| !listed.contains(fd) && kernel::close_if_inherited(*fd));
    open.sort_unstable();
    Ok(open)
}

/// The names in a directory of /proc that are numbers.
fn numbers_in(path: &'static str) -> Result<Vec<i32>, SandboxError> {
    let failed = |source| SandboxError::Proc { path, source };
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    Ok(numbers)
}
