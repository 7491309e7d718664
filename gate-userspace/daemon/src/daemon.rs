//! From a configuration file to a daemon that is ready to be confined.

use crate::confine::{Needs, confine};
use crate::queue::{Queue, Reports};
use crate::serving::Confined;
use crate::{Context, DaemonError, Reporter, Socket};
use gate_bundle::{Admitted, Digest, EnrolledRoot, Snapshot, Store, Uptime};
use gate_host::{Clock, HostConfig, PublicKeys, Role, RoleKey, binary_sha256, public_key_line, system_random};
use gate_ipc::{Admission, CgroupRoot, Listener};
use gate_sandbox::Sandbox;
use std::future::Future;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

/// Sockets of roles are called by other users; whoever calls is identified by the kernel and judged.
const ROLE_SOCKET_MODE: u32 = 0o666;
/// The file of an enrolled snapshot, in the directory of the keys.
const SNAPSHOT: &str = "enrolled.snapshot";
/// More than any snapshot has, in bytes.
const MAX_SNAPSHOT: u64 = 128 << 10;
/// Operators' sockets belong to the operators' group.
const ADMIN_SOCKET_MODE: u32 = 0o660;

/// A daemon that has read what it needs and is not confined yet.
pub struct Daemon {
    context: Context,
    key: Option<RoleKey>,
    store: Store,
    cgroups: CgroupRoot,
    reports: Reports,
    sandbox: Sandbox,
    boot: String,
}

/// SIGTERM and SIGINT, caught from the start on.
pub(crate) struct Stop {
    pub(crate) terminate: Signal,
    pub(crate) interrupt: Signal,
}

/// Runs a daemon on this thread until `body` returns: reads `gate.toml`, the keys and the stored bundles, and gives
/// them to `body`, which confines and serves.
///
/// # Errors
/// [`DaemonError`] from the start or from `body`.
pub fn run<F, B>(role: Role, config: &Path, body: F) -> Result<(), DaemonError>
where
    F: FnOnce(Daemon) -> B,
    B: Future<Output = Result<(), DaemonError>>,
{
    // Before anything is opened: from here on nobody may look into this process.
    let sandbox = Sandbox::for_role(role, &[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(DaemonError::system("starting the runtime"))?;
    LocalSet::new().block_on(&runtime, async {
        let daemon = Daemon::start(role, config, sandbox)?;
        body(daemon).await
    })
}

/// Makes the role's key where there is none, and returns the line that root enrols in `<keys dir>/<role>.pub`.
///
/// # Errors
/// [`DaemonError::Config`] and [`DaemonError::Key`].
pub fn init_key(role: Role, config: &Path) -> Result<String, DaemonError> {
    let config = HostConfig::load(config)?;
    let (found, right) = (rustix::process::geteuid().as_raw(), config.role(role).uid);
    if found != right {
        // The role itself could not read the key of somebody else.
        let (found, right) = (format!("uid {found}"), format!("uid {right}"));
        return Err(DaemonError::Misplaced { role, found, right });
    }
    let key = RoleKey::load_or_create(&config.role_key(role), system_random);
    Ok(public_key_line(&key.map_err(|error| DaemonError::Key(error, role))?.public()))
}

impl Daemon {
    fn start(role: Role, config: &Path, sandbox: Sandbox) -> Result<Self, DaemonError> {
        let config = HostConfig::load(config)?;
        let cgroups = CgroupRoot::resolve(config.cgroup_root()).map_err(DaemonError::system("cgroup_root"))?;
        check_place(role, &config, &cgroups)?;
        let public_keys = PublicKeys::load(config.keys_dir(), 0)?;
        let key = load_key(role, &config, &public_keys)?;
        let binary = binary_sha256().map_err(DaemonError::system("reading /proc/self/exe"))?;
        let clock = Clock::system();
        let boot = boot_id()?;
        let store = open_store(role, &config, &Uptime { boot: boot.clone(), ns: clock.boottime_ns() })?;
        let queue = Queue::new(clock.clone());
        let context = Context {
            role,
            config: Arc::new(config),
            public_keys: Arc::new(public_keys),
            clock,
            reporter: Reporter::new(Arc::clone(&queue)),
            binary: hex::encode(binary),
        };
        Ok(Self { context, key, store, cgroups, reports: Reports::new(&queue), sandbox, boot })
    }

    /// What every part of the daemon may know.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The role's key, for the one part that signs. gate-authn, gate-authz and gate-audit have one.
    pub fn take_key(&mut self) -> Option<RoleKey> {
        self.key.take()
    }

    /// The bundle that was in force when the daemon last ran, admitted again from the enrolled root. It is put into
    /// force by [`Confined::begin`].
    #[must_use]
    pub fn current(&self) -> Option<&Admitted> {
        self.store.current()
    }

    /// Listens on the role's own socket, for these roles.
    ///
    /// # Errors
    /// [`DaemonError::Bind`].
    pub fn listen(&self, callers: &[Role]) -> Result<Socket, DaemonError> {
        let path = self.context.config.socket(self.context.role);
        let listener = Listener::bind(&path, ROLE_SOCKET_MODE, None, self.cgroups.clone())?;
        Ok(Socket { listener, admission: Admission::roles(&self.context.config, callers) })
    }

    /// Listens on the operators' socket and applies the sandbox to this process: nothing else can be opened from here
    /// on. Threads are started afterwards, so that they are confined too.
    ///
    /// # Errors
    /// [`DaemonError::Bind`], [`DaemonError::Sandbox`].
    pub fn confine(self, needs: Needs) -> Result<Confined, DaemonError> {
        let config = &self.context.config;
        let path = config.admin_socket(self.context.role);
        let group = config.operators().gids.first().copied();
        let listener = Listener::bind(&path, ADMIN_SOCKET_MODE, group, self.cgroups.clone())?;
        let admin = Socket { listener, admission: Admission::operators(config) };
        let catch = |kind| signal(kind).map_err(DaemonError::system("catching signals"));
        let stop = Stop { terminate: catch(SignalKind::terminate())?, interrupt: catch(SignalKind::interrupt())? };
        let sandbox = confine(self.sandbox, &self.context, needs)?;
        let Self { context, store, reports, boot, .. } = self;
        Ok(Confined { context, store, boot, reports: Some(reports), admin, stop, sandbox })
    }
}

/// Callees check user and cgroup; a daemon that is misplaced finds out here and not by their refusals.
fn check_place(role: Role, config: &HostConfig, cgroups: &CgroupRoot) -> Result<(), DaemonError> {
    let right = config.role(role);
    let uid = rustix::process::geteuid().as_raw();
    let cgroup = cgroups.own().map_err(DaemonError::system("reading /proc/self/cgroup"))?;
    if uid == right.uid && cgroup.as_deref() == Some(right.cgroup.as_str()) {
        return Ok(());
    }
    let cgroup = cgroup.map_or("a cgroup outside of cgroup_root".to_owned(), |cgroup| format!("cgroup \"{cgroup}\""));
    Err(DaemonError::Misplaced {
        role,
        found: format!("uid {uid} in {cgroup}"),
        right: format!("uid {} in cgroup \"{}\"", right.uid, right.cgroup),
    })
}

fn load_key(role: Role, config: &HostConfig, enrolled: &PublicKeys) -> Result<Option<RoleKey>, DaemonError> {
    let right = match role {
        Role::Authn => enrolled.authn(),
        Role::Authz => enrolled.authz(),
        Role::Audit => enrolled.audit(),
        Role::Loader | Role::Net | Role::Proxy => return Ok(None),
    };
    let path = config.role_key(role);
    let key = RoleKey::load(&path).map_err(|error| DaemonError::Key(error, role))?;
    if key.public() == *right {
        return Ok(Some(key));
    }
    let public = public_key_line(&key.public());
    Err(DaemonError::NotEnrolled { key: path, enrolled: config.keys_dir().to_owned(), public })
}

/// What root enrolled beside the keys, where this host begins later than the chain. Its signatures are judged with the
/// bundle that it names.
fn read_snapshot(path: &Path) -> Result<Option<Snapshot>, DaemonError> {
    let bytes = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => {
            let mut bytes = Vec::new();
            let read = opened.and_then(|file| file.take(MAX_SNAPSHOT).read_to_end(&mut bytes));
            read.map_err(DaemonError::system(path.display().to_string()))?;
            bytes
        }
    };
    let snapshot = Snapshot::parse(&bytes);
    snapshot.map(Some).map_err(|error| DaemonError::Duty(format!("{}: {error}; enrol it again", path.display())))
}

/// Which boot this is: a provisional bundle does not outlive it.
fn boot_id() -> Result<String, DaemonError> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = std::fs::read_to_string(path).map_err(DaemonError::system(path))?;
    Ok(text.trim().to_owned())
}

fn open_store(role: Role, config: &HostConfig, clock: &Uptime) -> Result<Store, DaemonError> {
    let environment = config.environment();
    let trust = EnrolledRoot {
        environment: environment.to_owned(),
        duties_sha256: Digest::from_bytes(config.enrolled().duties_sha256),
    };
    let directory = config.state_dir(role).join("bundles");
    let mut store = Store::open(&directory, trust, environment, gate_bundle::Limits::default(), clock)?;
    if store.current().is_none() {
        read_snapshot(&config.keys_dir().join(SNAPSHOT))?.into_iter().for_each(|snapshot| store.begin_with(snapshot));
    }
    Ok(store)
}
