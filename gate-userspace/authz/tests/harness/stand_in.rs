//! A process with the user and in the cgroup of a role, which connects or listens there and passes the socket on.
//! It is this test binary, run again.

use super::wire::{receive, send, socket};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socketpair};
use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const TASK: &str = "GATE_TEST_STAND_IN";

/// Ends the process when it is dropped.
pub struct StandIn {
    child: Child,
    control: Option<OwnedFd>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.control.take());
        let _ = self.child.wait();
    }
}

/// Runs a program as this user (and group) in this cgroup.
pub fn command(uid: u32, cgroup: &Path, program: &Path, arguments: &[&OsStr]) -> Command {
    let script = r#"echo $$ > "$1/cgroup.procs" || exit 9; uid=$2; shift 2
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@""#;
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg("sh").arg(cgroup).arg(uid.to_string()).arg(program).args(arguments);
    command
}

/// A socket that such a process connected (`connect`), or listens on (`listen`).
pub fn socket_of(uid: u32, cgroup: &Path, program: &Path, task: &str, path: &Path) -> (OwnedFd, StandIn) {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let arguments = ["--exact", "harness::stand_in::stand_in", "--ignored", "--nocapture"].map(OsStr::new);
    let child = command(uid, cgroup, program, &arguments)
        .env(TASK, format!("{task}:{}", path.display()))
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let stand_in = StandIn { child, control: Some(ours) };
    let mut byte = [0; 1];
    let control = stand_in.control.as_ref().unwrap().as_fd();
    let (_, mut descriptors) = receive(control, &mut byte).unwrap();
    (descriptors.pop().unwrap_or_else(|| panic!("no socket to {task} at {}", path.display())), stand_in)
}

#[test]
#[ignore = "run by the other tests, as another user"]
fn stand_in() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (task, path) = task.split_once(':').unwrap();
    let (socket, address) = (socket(), SocketAddrUnix::new(path).unwrap());
    match task {
        "connect" => connect(&socket, &address).unwrap(),
        _ => {
            bind(&socket, &address).unwrap();
            std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
            listen(&socket, 16).unwrap();
        }
    }
    send(std::io::stdin().as_fd(), &[1], &[socket.as_fd()]).unwrap();
    // Until the test lets go.
    let _ = std::io::stdin().read(&mut [0; 1]);
}
