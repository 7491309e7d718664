//! A host for one test.

use super::bundle::People;
use super::cgroups::Cgroups;
use super::stand_in::{command, socket_of};
use super::{Recorder, Wire, until};
use ed25519_dalek::SigningKey;
use gate_bundle::Bundle;
use gate_host::{Role, public_key_line};
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_statements::{BundleDigest, Confirmation, Signed};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// The first of the users; nobody else on the machine has these numbers.
const FIRST_UID: u32 = 61_800;
const OPERATORS: u32 = 61_900;

pub struct Host {
    directory: tempfile::TempDir,
    cgroups: Cgroups,
    pub people: People,
}

/// A running daemon, killed when it is dropped.
pub struct Daemon {
    child: Child,
    pub role: Role,
}

fn path_with_mode(path: &Path, mode: u32, owner: u32) {
    fs::create_dir_all(path).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

impl Host {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "this test needs root: it runs daemons as other users");
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let cgroups = Cgroups::new(&Role::ALL.map(Role::name));
        let people = directory.path().join("people");
        path_with_mode(&people, 0o700, 0);
        let host = Self { people: People::new(&people), directory, cgroups };
        host.make_directories();
        Role::SIGNING.into_iter().for_each(|role| host.enrol(role));
        host.write_configuration();
        host
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn uid(role: Role) -> u32 {
        FIRST_UID + role as u32
    }

    pub fn cgroup(&self, role: Role) -> PathBuf {
        self.cgroups.root().join(role.name())
    }

    pub fn config(&self) -> PathBuf {
        self.path("gate.toml")
    }

    pub fn socket(&self, role: Role) -> PathBuf {
        self.path("run").join(format!("{role}.sock"))
    }

    /// A role's private key, which the test has as well.
    pub fn key(role: Role) -> SigningKey {
        SigningKey::from_bytes(&[role as u8 + 100; 32])
    }

    fn make_directories(&self) {
        path_with_mode(&self.path("run"), 0o1777, 0);
        path_with_mode(&self.path("run/admin"), 0o777, 0);
        chown(self.path("run/admin"), Some(0), Some(OPERATORS)).unwrap();
        fs::set_permissions(self.path("run/admin"), Permissions::from_mode(0o3777)).unwrap();
        path_with_mode(&self.path("keys"), 0o755, 0);
        path_with_mode(&self.path("state"), 0o755, 0);
        for role in Role::ALL {
            path_with_mode(&self.path("state").join(role.name()), 0o700, Self::uid(role));
        }
    }

    fn enrol(&self, role: Role) {
        let file = self.path("state").join(role.name()).join("role.key");
        fs::write(&file, Self::key(role).to_bytes()).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(Self::uid(role)), Some(Self::uid(role))).unwrap();
        let line = public_key_line(&Self::key(role).verifying_key());
        fs::write(self.path("keys").join(format!("{role}.pub")), line + "\n").unwrap();
    }

    fn write_configuration(&self) {
        let path = |name: &str| self.path(name).display().to_string();
        let mut text = format!(
            "host = \"h1\"\nenvironment = \"demo\"\ncgroup_root = \"{}\"\nrun_dir = \"{}\"\nstate_dir = \"{}\"\n\
             keys_dir = \"{}\"\n[enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = [{OPERATORS}]\nuids = [0]\n\
             [proxy]\nport = 15001\nworkers = 1\n",
            self.cgroups.root().display(),
            path("run"),
            path("state"),
            path("keys"),
            self.people.duties_digest(),
        );
        for role in Role::ALL {
            let uid = Self::uid(role);
            text += &format!("[role.{role}]\nuid = {uid}\ngid = {uid}\ncgroup = \"{role}\"\n");
        }
        fs::write(self.config(), text).unwrap();
    }

    /// A program where every user may run it, wherever it was built.
    pub fn install(&self, program: &Path) -> PathBuf {
        let installed = self.path(&program.file_name().unwrap().to_string_lossy());
        if !installed.exists() {
            let copy = installed.with_extension("copy");
            fs::copy(program, &copy).unwrap();
            fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
            fs::rename(copy, &installed).unwrap();
        }
        installed
    }

    /// Starts a daemon and waits until it answers.
    pub fn start(&self, role: Role, program: &str) -> Daemon {
        let mut child = self.run(role, program, &[]).spawn().unwrap();
        until("the daemon answers", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("gate-{role} did not start: {status}");
            }
            let admin = Wire::connect(&self.admin(role)).ok()?;
            let AdminReply::Json(_) = admin.call(&AdminRequest::Status, &[]) else { return None };
            Some(())
        });
        Daemon { child, role }
    }

    /// The program with its role's user, cgroup and configuration.
    pub fn run(&self, role: Role, program: &str, arguments: &[&str]) -> std::process::Command {
        let program = self.install(Path::new(program));
        let config = self.config();
        let all: Vec<&OsStr> =
            [OsStr::new("--config"), config.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new)).collect();
        let mut command = command(Self::uid(role), &self.cgroup(role), &program, &all);
        command.stdin(Stdio::null());
        command
    }

    fn admin(&self, role: Role) -> PathBuf {
        self.path("run/admin").join(format!("{role}.sock"))
    }

    /// A connection to `callee`, made with the user of `uid_of` in the cgroup of `cgroup_of`.
    pub fn connect_as(&self, uid_of: Role, cgroup_of: Role, callee: Role) -> Wire {
        let myself = self.install(&std::env::current_exe().unwrap());
        let (uid, cgroup) = (Self::uid(uid_of), self.cgroup(cgroup_of));
        let (socket, keeper) = socket_of(uid, &cgroup, &myself, "connect", &self.socket(callee));
        Wire::from_socket(socket, Some(Box::new(keeper)))
    }

    /// A connection as gate-proxy makes it.
    pub fn connect(&self, callee: Role) -> Wire {
        self.connect_as(Role::Proxy, Role::Proxy, callee)
    }

    /// Takes reports in gate-audit's place.
    pub fn record(&self) -> Recorder {
        let myself = self.install(&std::env::current_exe().unwrap());
        let (uid, cgroup) = (Self::uid(Role::Audit), self.cgroup(Role::Audit));
        let (socket, keeper) = socket_of(uid, &cgroup, &myself, "listen", &self.socket(Role::Audit));
        Recorder::serve(socket, keeper)
    }

    pub fn operate(&self, role: Role, request: &AdminRequest) -> AdminReply {
        Wire::connect(&self.admin(role)).unwrap().call(request, &[])
    }

    pub fn status(&self, role: Role) -> Value {
        let AdminReply::Json(status) = self.operate(role, &AdminRequest::Status) else { panic!() };
        serde_json::from_str(&status).unwrap()
    }

    pub fn stage(&self, role: Role, bundle: &Bundle, confirmation: Option<Signed<Confirmation>>) -> AdminReply {
        let file = self.path("candidate.tar");
        File::create(&file).unwrap().write_all(&bundle.to_tar()).unwrap();
        let file = File::open(file).unwrap();
        let admin = Wire::connect(&self.admin(role)).unwrap();
        admin.call(&AdminRequest::Stage { confirmation }, &[file.as_fd()])
    }

    /// Stages and activates; what it confirmed, if it does.
    pub fn load(&self, role: Role, bundle: &Bundle, confirmation: Option<Signed<Confirmation>>) -> AdminReply {
        let staged = self.stage(role, bundle, confirmation);
        let AdminReply::Staged { bundle: digest, .. } = &staged else { panic!("{staged:?}") };
        let activated = self.operate(role, &AdminRequest::Activate { bundle: *digest });
        assert_eq!(activated, AdminReply::Activated { version: bundle.manifest().version() });
        staged
    }

    /// As gate-authz confirms, or with another key.
    pub fn confirmation(bundle: &Bundle, key: &SigningKey) -> Signed<Confirmation> {
        let (environment, version) = (bundle.manifest().environment().to_owned(), bundle.manifest().version());
        let bundle = BundleDigest(*bundle.digest().as_bytes());
        Signed::sign(&Confirmation { bundle, environment, version }, key).unwrap()
    }
}

impl Daemon {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop; whether it stopped in an orderly way.
    pub fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
