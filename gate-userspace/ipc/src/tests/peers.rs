//! Who is at the other end, with real processes in real cgroups. Needs root, and says so.

use super::{cgroup_mount, run};
use crate::peer::{cgroup_by_number, unified};
use crate::{CgroupRoot, Connection, Listener, Peer, PeerError, sockopt};
use rustix::process::Pid;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SOCKET: &str = "GATE_TEST_SOCKET";

/// Not a test of its own: the process that the tests below start. It waits for a byte, connects, says so, and ends
/// with its input.
#[test]
fn caller() {
    let Some(path) = std::env::var_os(SOCKET) else {
        return;
    };
    std::io::stdin().read_exact(&mut [0]).unwrap();
    run(async {
        let connection = Connection::connect(Path::new(&path)).unwrap();
        connection.send(&1_u8, &[]).await.unwrap();
        // Until the test closes it.
        let _ = std::io::stdin().read(&mut [0]);
    });
}

/// A cgroup of the tests' own, removed at the end.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(name: &str) -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test makes cgroups: run it as root");
        let path = cgroup_mount().join(format!("gate-ipc-test-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn child(&self, name: &str) -> Self {
        let path = self.0.join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn take(&self, process: &Child) {
        std::fs::write(self.0.join("cgroup.procs"), process.id().to_string()).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process leaves its cgroup a moment after its end was collected.
        for _ in 0..200 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        eprintln!("left behind: {}", self.0.display());
    }
}

struct Caller(Child);

impl Caller {
    /// A process of this user that has not connected yet.
    fn start(socket: &Path, uid: u32, groups: &str) -> Self {
        let mut command = match groups {
            "" => Command::new(std::env::current_exe().unwrap()),
            groups => {
                let mut command = Command::new("setpriv");
                command.args(["--groups", groups]).arg(std::env::current_exe().unwrap());
                command
            }
        };
        command.args(["--exact", "tests::peers::caller", "--nocapture"]).env(SOCKET, socket);
        if groups.is_empty() {
            command.uid(uid).gid(uid);
        }
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn connect(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    }

    fn end(&mut self) {
        self.0.stdin.take();
        self.0.wait().unwrap();
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A socket that every user may call, with this cgroup as `cgroup_root`.
fn listen(root: &Path) -> (tempfile::TempDir, PathBuf, Listener) {
    let directory = tempfile::tempdir().unwrap();
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), everyone).unwrap();
    let path = directory.path().join("test.sock");
    let listener = Listener::bind(&path, 0o666, None, CgroupRoot::resolve(root).unwrap()).unwrap();
    (directory, path, listener)
}

#[test]
fn a_process_is_known_by_user_and_cgroup() {
    let (root, other) = (Cgroup::new("known"), Cgroup::new("known-elsewhere"));
    let service = root.child("web.service");
    run(async {
        let (_directory, path, listener) = listen(&root.0);
        for (cgroup, expected) in [(&service, Some("web.service")), (&root, Some("")), (&other, None)] {
            let mut caller = Caller::start(&path, 4242, "");
            cgroup.take(&caller.0);
            caller.connect();
            let connection = listener.accept().await.unwrap().unwrap();
            let peer = connection.peer().unwrap();
            assert_eq!(peer.cgroup.as_deref(), expected);
            assert_eq!((peer.uid, peer.gid, peer.pid), (4242, 4242, i32::try_from(caller.0.id()).unwrap()));
            caller.end();
        }
    });
}

#[test]
fn supplementary_groups_are_known() {
    let root = Cgroup::new("groups");
    run(async {
        let (_directory, path, listener) = listen(&root.0);
        let mut caller = Caller::start(&path, 0, "7001,7002");
        caller.connect();
        let connection = listener.accept().await.unwrap().unwrap();
        assert_eq!(connection.peer().unwrap().groups, [7001, 7002]);
        caller.end();
    });
}

#[test]
fn a_process_that_ended_is_nobody() {
    let root = Cgroup::new("ended");
    run(async {
        let (_directory, path, listener) = listen(&root.0);
        let mut caller = Caller::start(&path, 4242, "");
        root.take(&caller.0);
        caller.connect();
        // It connected when it has ended, and nobody has accepted.
        caller.end();
        let error = listener.accept().await.unwrap().unwrap_err();
        assert!(matches!(error, PeerError::Gone { uid: 4242, .. }), "{error}");
    });
}

#[test]
fn without_a_pidfd_of_the_connection_a_live_process_is_known_and_an_ended_one_is_not() {
    let root = Cgroup::new("by-number");
    let cgroups = CgroupRoot::resolve(&root.0).unwrap();
    let (_directory, path, socket) = std_listener();
    let mut caller = Caller::start(&path, 4242, "");
    root.take(&caller.0);
    caller.connect();
    let (connection, _) = accept(&socket);
    let credentials = sockopt::peer_credentials(connection.as_fd()).unwrap();
    let pid = Pid::from_raw(credentials.pid).unwrap();
    assert_eq!(cgroup_by_number(connection.as_fd(), pid, &credentials, &cgroups).unwrap().as_deref(), Some(""));
    // Another process has the number now, as far as this one can tell: itself.
    let own = rustix::process::getpid();
    let error = cgroup_by_number(connection.as_fd(), own, &credentials, &cgroups).unwrap_err();
    assert!(matches!(error, PeerError::Gone { .. }), "{error}");
    caller.end();
    let error = cgroup_by_number(connection.as_fd(), pid, &credentials, &cgroups).unwrap_err();
    assert!(matches!(error, PeerError::Gone { .. }), "{error}");
}

fn std_listener() -> (tempfile::TempDir, PathBuf, std::os::fd::OwnedFd) {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
    let directory = tempfile::tempdir().unwrap();
    let everyone = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(directory.path(), everyone(0o755)).unwrap();
    let path = directory.path().join("test.sock");
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    std::fs::set_permissions(&path, everyone(0o666)).unwrap();
    listen(&socket, 8).unwrap();
    (directory, path, socket)
}

fn accept(socket: &std::os::fd::OwnedFd) -> (std::os::fd::OwnedFd, ()) {
    (rustix::net::accept_with(socket, rustix::net::SocketFlags::CLOEXEC).unwrap(), ())
}

#[test]
fn this_process_is_itself() {
    let own = unified(&std::fs::read_to_string("/proc/self/cgroup").unwrap()).unwrap().to_owned();
    let root = CgroupRoot::resolve(&cgroup_mount()).unwrap();
    assert_eq!(root.own().unwrap().as_deref(), own.strip_prefix('/'));
    run(async {
        let (_caller, callee) = super::pair().await;
        let peer: &Peer = callee.peer().unwrap();
        assert_eq!(u32::try_from(peer.pid).unwrap(), std::process::id());
        assert_eq!(peer.cgroup.as_deref(), own.strip_prefix('/'));
    });
}

#[test]
fn a_directory_elsewhere_is_no_cgroup_root() {
    let error = CgroupRoot::resolve(Path::new("/proc")).unwrap_err().to_string();
    assert!(error.contains("no cgroup2 file system"), "{error}");
    let error = CgroupRoot::resolve(Path::new("/nowhere/at/all")).unwrap_err().to_string();
    assert!(error.contains("/nowhere/at/all"), "{error}");
}

/// The root of a mount table line `root point`, for a directory; and a path relative to it.
fn relative(mounts: &[(&str, &str)], directory: &str, path: &str) -> Option<Option<String>> {
    let lines = mounts
        .iter()
        .map(|(root, point)| format!("31 23 0:28 {root} {point} rw,relatime shared:1 - cgroup2 cgroup2 rw\n"))
        .chain([
            "1 1 0:1 / / rw - ext4 /dev/root rw\n".into(),
            "1 1 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n".into(),
        ]);
    let root = CgroupRoot::from_mounts(Path::new(directory), &lines.collect::<String>())?;
    Some(root.relative(path))
}

#[test]
fn paths_are_relative_to_the_configured_root_wherever_the_mount_is() {
    let some = |text: &str| Some(Some(text.to_owned()));
    let whole = [("/", "/sys/fs/cgroup")];
    assert_eq!(relative(&whole, "/sys/fs/cgroup", "/system.slice/a.service"), some("system.slice/a.service"));
    assert_eq!(relative(&whole, "/sys/fs/cgroup", "/"), some(""));
    assert_eq!(relative(&whole, "/sys/fs/cgroup/gate", "/gate/a.service"), some("a.service"));
    assert_eq!(relative(&whole, "/sys/fs/cgroup/gate", "/gate"), some(""));
    // A name that merely begins alike.
    assert_eq!(relative(&whole, "/sys/fs/cgroup/gate", "/gatecrasher/a.service"), Some(None));
    assert_eq!(relative(&whole, "/sys/fs/cgroup/gate", "/"), Some(None));
    // A process outside of the own cgroup namespace.
    assert_eq!(relative(&whole, "/sys/fs/cgroup", "/../other.service"), Some(None));
    assert_eq!(relative(&whole, "/sys/fs/cgroup", "/.."), Some(None));
    // A part of the hierarchy is mounted.
    let part = [("/machine/x", "/sys/fs/cgroup")];
    assert_eq!(relative(&part, "/sys/fs/cgroup/gate", "/machine/x/gate/a.service"), some("a.service"));
    assert_eq!(relative(&part, "/sys/fs/cgroup/gate", "/gate/a.service"), Some(None));
    // The innermost mount counts; a space is written in octal.
    let nested = [("/", "/mnt"), ("/machine", "/mnt/my\\040cgroups")];
    assert_eq!(relative(&nested, "/mnt/my cgroups/gate", "/machine/gate/a"), some("a"));
    // Only a cgroup of the first version holds it.
    assert_eq!(relative(&whole, "/sys/fs/elsewhere", "/a"), None);
}

#[test]
fn hybrid_hosts_have_one_line_that_counts() {
    let hybrid = "12:cpu,cpuacct:/user.slice\n1:name=systemd:/user.slice\n0::/system.slice/a.service\n";
    assert_eq!(unified(hybrid), Some("/system.slice/a.service"));
    assert_eq!(unified("4:memory:/0::/x\n"), None);
}
