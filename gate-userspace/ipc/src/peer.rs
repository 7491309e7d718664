//! Who is at the other end of a Unix socket: user, process and cgroup, all from the kernel.
//!
//! A process number alone may be another process by the time it is looked up, so the process is held by a pidfd,
//! its cgroup is read, and then the pidfd must say that the process still lives.

use crate::sockopt::{self, Credentials};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The process that made a connection, as it was when it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its effective user when it connected.
    pub uid: u32,
    /// Its effective group when it connected.
    pub gid: u32,
    /// Its supplementary groups when it connected.
    pub groups: Vec<u32>,
    /// Its process number. For the record only: it may be another's by now.
    pub pid: i32,
    /// Its cgroup relative to the host's `cgroup_root`, without a leading slash; empty: the root itself.
    /// `None`: outside of it.
    pub cgroup: Option<String>,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uid, gid, pid, .. } = self;
        match &self.cgroup {
            Some(cgroup) => write!(f, "uid {uid}, gid {gid}, pid {pid}, cgroup \"{cgroup}\""),
            None => write!(f, "uid {uid}, gid {gid}, pid {pid}, a cgroup outside of cgroup_root"),
        }
    }
}

/// Why a peer could not be identified. The connection is refused.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The process ended, or may have ended, before its cgroup was known.
    #[error("the process that connected (pid {pid}, uid {uid}) was gone before its cgroup was known")]
    Gone {
        /// Its number.
        pid: i32,
        /// Its user.
        uid: u32,
    },
    /// The process is not visible from here: of another PID namespace.
    #[error("the process that connected (uid {uid}) is of another PID namespace")]
    Invisible {
        /// Its user.
        uid: u32,
    },
    /// The kernel did not answer.
    #[error("the peer is not known: {0}")]
    Io(#[from] io::Error),
}

impl Peer {
    /// Identifies whoever made this connection.
    pub(crate) fn identify(socket: BorrowedFd<'_>, cgroups: &CgroupRoot) -> Result<Self, PeerError> {
        let credentials = sockopt::peer_credentials(socket)?;
        let Some(pid) = Pid::from_raw(credentials.pid) else {
            return Err(PeerError::Invisible { uid: credentials.uid });
        };
        let cgroup = match sockopt::peer_pidfd(socket) {
            Ok(pidfd) => cgroup_of(pid, &pidfd, &credentials, cgroups)?,
            // Before Linux 6.5.
            Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => {
                cgroup_by_number(socket, pid, &credentials, cgroups)?
            }
            // The process was reaped.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENODATA | libc::EINVAL)) => {
                return Err(gone(&credentials));
            }
            Err(error) => return Err(error.into()),
        };
        let groups = sockopt::peer_groups(socket)?;
        Ok(Self { uid: credentials.uid, gid: credentials.gid, groups, pid: credentials.pid, cgroup })
    }
}

fn gone(credentials: &Credentials) -> PeerError {
    PeerError::Gone { pid: credentials.pid, uid: credentials.uid }
}

fn cgroup_of(
    pid: Pid,
    pidfd: &OwnedFd,
    credentials: &Credentials,
    cgroups: &CgroupRoot,
) -> Result<Option<String>, PeerError> {
    let found = cgroups.of_process(pid);
    if !is_alive(pidfd)? {
        return Err(gone(credentials));
    }
    Ok(found?)
}

/// Without `SO_PEERPIDFD`: the number may have been another process's already when the pidfd was opened. It was not
/// if the connection is still open at its other end afterwards and the process has the same user.
pub(crate) fn cgroup_by_number(
    socket: BorrowedFd<'_>,
    pid: Pid,
    credentials: &Credentials,
    cgroups: &CgroupRoot,
) -> Result<Option<String>, PeerError> {
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Err(gone(credentials)),
        other => other.map_err(io::Error::from)?,
    };
    let cgroup = cgroup_of(pid, &pidfd, credentials, cgroups)?;
    if effective_uid(pid)? != Some(credentials.uid) || is_hung_up(socket)? || !is_alive(&pidfd)? {
        return Err(gone(credentials));
    }
    Ok(cgroup)
}

fn is_alive(pidfd: &OwnedFd) -> io::Result<bool> {
    Ok(!is_ready(pidfd.as_fd(), PollFlags::IN)?)
}

fn is_hung_up(socket: BorrowedFd<'_>) -> io::Result<bool> {
    is_ready(socket, PollFlags::RDHUP)
}

fn is_ready(descriptor: BorrowedFd<'_>, flags: PollFlags) -> io::Result<bool> {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, flags)];
    loop {
        match poll(&mut polled, Some(&rustix::fs::Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Err(Errno::INTR) => {}
            other => return Ok(other? > 0),
        }
    }
}

fn effective_uid(pid: Pid) -> io::Result<Option<u32>> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    Ok(line.and_then(|line| line.split_ascii_whitespace().nth(1)).and_then(|uid| uid.parse().ok()))
}

/// The configured `cgroup_root`, as paths in `/proc/<pid>/cgroup` begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupRoot {
    /// Without a slash at the end: empty for the root of the hierarchy.
    prefix: String,
}

/// `CGROUP2_SUPER_MAGIC` of linux/magic.h.
const CGROUP2: i64 = 0x6367_7270;

impl CgroupRoot {
    /// Finds the directory's place in the unified hierarchy. Reads `/proc/self/mountinfo`: before the sandbox.
    ///
    /// # Errors
    /// When it is not a directory of a cgroup2 mount.
    pub fn resolve(directory: &Path) -> io::Result<Self> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
        let directory = directory.canonicalize().map_err(named)?;
        let magic = rustix::fs::statfs(&directory)?.f_type;
        if magic != CGROUP2 {
            let found = format!("{}: it is in no cgroup2 file system", directory.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
        }
        Self::from_mounts(&directory, &std::fs::read_to_string("/proc/self/mountinfo")?).ok_or_else(|| {
            let found = format!("{}: no cgroup2 mount in /proc/self/mountinfo holds it", directory.display());
            io::Error::new(io::ErrorKind::InvalidInput, found)
        })
    }

    /// The root as the kernel writes it in paths of cgroups, without a slash at the end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The same from a canonical path and the text of mountinfo: `id parent dev ROOT POINT options… - TYPE …`.
    pub(crate) fn from_mounts(directory: &Path, mounts: &str) -> Option<Self> {
        let holding = mounts.lines().filter_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut fields = mount.split(' ').skip(3);
            let (root, point) = (unescape(fields.next()?), PathBuf::from(unescape(fields.next()?)));
            let is_cgroup2 = kind.split(' ').next() == Some("cgroup2");
            let below = directory.strip_prefix(&point).ok()?;
            is_cgroup2.then(|| (point.as_os_str().len(), root, below.to_owned()))
        });
        // The innermost mount point; of mounts on one point the last, which covers the others.
        let (_, root, below) = holding.max_by_key(|(length, ..)| *length)?;
        let mut prefix = root.trim_end_matches('/').to_owned();
        for part in below.components() {
            prefix.push('/');
            prefix.push_str(part.as_os_str().to_str()?);
        }
        Some(Self { prefix })
    }

    /// The cgroup of this process relative to this root; `None`: outside.
    ///
    /// # Errors
    /// When `/proc/self/cgroup` cannot be read.
    pub fn own(&self) -> io::Result<Option<String>> {
        self.of_process(rustix::process::getpid())
    }

    /// The cgroup of a process relative to this root; `None`: outside.
    fn of_process(&self, pid: Pid) -> io::Result<Option<String>> {
        let text = std::fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_nonzero()))?;
        let path = unified(&text).ok_or_else(|| io::Error::other("no unified hierarchy in /proc/<pid>/cgroup"))?;
        Ok(self.relative(path))
    }

    /// A path of the unified hierarchy relative to this root.
    pub(crate) fn relative(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix(self.prefix.as_str())?;
        match rest.strip_prefix('/') {
            Some("..") => None,
            Some(rest) if rest.starts_with("../") => None,
            Some(rest) => Some(rest.to_owned()),
            None => rest.is_empty().then(String::new),
        }
    }
}

/// The path of the line `0::PATH`; hybrid hosts have more lines, of other hierarchies.
pub(crate) fn unified(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(field: &str) -> String {
    let mut pieces = field.split('\\');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, piece.get(3..)) {
            (Some(code), Some(rest)) => {
                text.push(char::from(code));
                text.push_str(rest);
            }
            _ => {
                text.push('\\');
                text.push_str(piece);
            }
        }
    }
    text
}
