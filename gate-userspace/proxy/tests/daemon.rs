//! gate-proxy as it is started: its own user, cgroup and sandbox. Needs root and a cgroup2 mount; without them the test
//! fails and says so.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use ed25519_dalek::SigningKey;
use gate_host::{Role, public_key_line};
use gate_ipc::Client;
use gate_ipc::messages::{AdminReply, AdminRequest};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const FIRST_UID: u32 = 61_700;
const WORKERS: usize = 3;

struct Host {
    directory: tempfile::TempDir,
    cgroups: PathBuf,
    port: u16,
}

impl Host {
    fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test needs root: it runs gate-proxy as another user");
        let directory = tempfile::tempdir().unwrap();
        let cgroups = mount().join(format!("gate-proxy-test-{}", std::process::id()));
        let port = TcpListener::bind("[::]:0").unwrap().local_addr().unwrap().port();
        let host = Self { directory, cgroups, port };
        host.make_directories();
        host.write_configuration();
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn make_directories(&self) {
        fs::set_permissions(self.directory.path(), Permissions::from_mode(0o755)).unwrap();
        for (name, mode) in [("run", 0o1777), ("run/admin", 0o1777), ("keys", 0o755), ("state", 0o755)] {
            fs::create_dir(self.path(name)).unwrap();
            fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        }
        fs::create_dir(&self.cgroups).unwrap();
        for role in Role::ALL {
            fs::create_dir(self.cgroups.join(role.name())).unwrap();
            let state = self.path("state").join(role.name());
            fs::create_dir(&state).unwrap();
            fs::set_permissions(&state, Permissions::from_mode(0o700)).unwrap();
            chown(&state, Some(uid(role)), Some(uid(role))).unwrap();
        }
        for role in Role::SIGNING {
            let key = SigningKey::from_bytes(&[role as u8; 32]).verifying_key();
            fs::write(self.path("keys").join(format!("{role}.pub")), public_key_line(&key) + "\n").unwrap();
        }
    }

    fn write_configuration(&self) {
        let path = |name: &str| self.path(name).display().to_string();
        let mut text = format!(
            "host = \"h1\"\nenvironment = \"demo\"\ncgroup_root = \"{}\"\nrun_dir = \"{}\"\nstate_dir = \"{}\"\n\
             keys_dir = \"{}\"\n[enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = [61799]\nuids = [0]\n\
             [proxy]\nport = {}\nworkers = {WORKERS}\n",
            self.cgroups.display(),
            path("run"),
            path("state"),
            path("keys"),
            "00".repeat(32),
            self.port,
        );
        for role in Role::ALL {
            text += &format!("[role.{role}]\nuid = {0}\ngid = {0}\ncgroup = \"{role}\"\n", uid(role));
        }
        fs::write(self.path("gate.toml"), text).unwrap();
    }

    fn start(&self) -> Proxy {
        let program = self.path("gate-proxy");
        fs::copy(env!("CARGO_BIN_EXE_gate-proxy"), &program).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        // Root makes the operators' sockets' group possible by membership; a test needs no group.
        let script = r#"echo $$ > "$1/cgroup.procs" || exit 9; uid=$2; shift 2
exec setpriv --reuid="$uid" --regid="$uid" --groups=61799 "$@""#;
        let child = Command::new("/bin/sh")
            .args(["-c", script, "sh"])
            .arg(self.cgroups.join(Role::Proxy.name()))
            .arg(uid(Role::Proxy).to_string())
            .arg(program)
            .arg("--config")
            .arg(self.path("gate.toml"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut proxy = Proxy(child);
        let admin = self.path("run/admin/proxy.sock");
        until("gate-proxy answers", || {
            assert!(proxy.0.try_wait().unwrap().is_none(), "gate-proxy did not start");
            admin.exists().then_some(()).and_then(|()| try_status(&admin))
        });
        proxy
    }

    fn status(&self) -> Value {
        until("a status", || try_status(&self.path("run/admin/proxy.sock")))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::write(self.cgroups.join("cgroup.kill"), "1");
        for directory in Role::ALL.map(|role| self.cgroups.join(role.name())).iter().chain([&self.cgroups]) {
            // Killed processes leave their cgroup a moment later.
            let end = Instant::now() + Duration::from_secs(5);
            while fs::remove_dir(directory).is_err() && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn uid(role: Role) -> u32 {
    FIRST_UID + role as u32
}

fn mount() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let point = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        kind.starts_with("cgroup2 ").then(|| mount.split(' ').nth(4).map(PathBuf::from)).flatten()
    });
    point.expect("a cgroup2 mount")
}

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        match ask() {
            Some(answer) => return answer,
            None if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            None => panic!("never: {what}"),
        }
    }
}

fn try_status(admin: &Path) -> Option<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client: Client<AdminRequest, AdminReply> = Client::new(admin, None, Duration::from_secs(2));
    let reply = tokio::task::LocalSet::new()
        .block_on(&runtime, async { client.call(&AdminRequest::Status, &[]).await })
        .ok()?;
    let AdminReply::Json(text) = reply else { panic!("{reply:?}") };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn it_starts_confined_serves_nothing_without_a_bundle_and_stops_orderly() {
    let host = Host::new();
    let mut proxy = host.start();

    // A thread has its starter's name until it has run and named itself.
    let names = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", proxy.0.id())).unwrap();
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
    };
    until("every worker has its name", || {
        (names().filter(|name| name.starts_with("worker-")).count() == WORKERS).then_some(())
    });
    let mut threads = Vec::new();
    for task in fs::read_dir(format!("/proc/{}/task", proxy.0.id())).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        let held = ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"].map(line);
        assert!(held.iter().all(|set| set.trim_start_matches('0').is_empty()), "{held:?}");
        assert_eq!((line("Seccomp:").as_str(), line("NoNewPrivs:").as_str()), ("2", "1"));
        threads.push(line("Name:"));
    }
    let workers = threads.iter().filter(|name| name.starts_with("worker-")).count();
    assert_eq!(workers, WORKERS, "each of {threads:?} was looked at");

    for address in ["127.0.0.1", "::1"] {
        let mut client = TcpStream::connect((address, host.port)).unwrap();
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{answer:?}");
    }
    let status = host.status();
    // The daemon may put its own state around the role's.
    let text = status.to_string();
    assert!(text.contains("\"registered\":false"), "{text}");
    assert!(text.contains("\"turned_away\":2"), "{text}");

    let pid = rustix::process::Pid::from_child(&proxy.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(proxy.0.wait().unwrap().success());
    assert!(TcpStream::connect(("127.0.0.1", host.port)).is_err());
}
