//! The typed form of `gate.toml`.

use crate::Role;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The configuration of one host. Every path in it is absolute and without `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    pub(crate) host: String,
    pub(crate) environment: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) cgroup_root: PathBuf,
    pub(crate) run_dir: PathBuf,
    pub(crate) state_dir: PathBuf,
    pub(crate) keys_dir: PathBuf,
    pub(crate) enrolled: Enrolled,
    pub(crate) operators: Operators,
    pub(crate) proxy: Proxy,
    pub(crate) landlock: LandlockNeed,
    pub(crate) roles: [RoleConfig; 6],
}

/// What root enrolled: the duties that admit the first bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// SHA-256 of the first bundle's `duties.toml`.
    pub duties_sha256: [u8; 32],
    /// Where that file is on this host, where it is kept at all.
    pub duties: Option<PathBuf>,
}

/// Who may use the operators' sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operators {
    /// Groups.
    pub gids: Vec<u32>,
    /// Users, whatever their groups.
    pub uids: Vec<u32>,
}

/// The request enforcement point's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxy {
    /// The hidden port that diverted connections are accepted on.
    pub port: u16,
    /// Runtimes, one thread each. 0: one for each core.
    pub workers: u16,
}

/// Whether a process may serve on a kernel without Landlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LandlockNeed {
    /// It refuses to start.
    Required,
    /// It starts, and its report says that file access is not restricted.
    IfAvailable,
}

/// One role's user and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// Which role.
    pub role: Role,
    /// Its Unix user, that of no other role.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// Its cgroup, relative to [`HostConfig::cgroup_root`], without a leading slash.
    pub cgroup: String,
}

impl HostConfig {
    /// The host's name in records and in the log's origin.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The environment whose chain of bundles this host follows.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// What sections of the policy are for this host: one value for a key. The policy declares which there are.
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// The cgroup2 directory that services' and roles' cgroups are relative to, and that programs attach at.
    pub fn cgroup_root(&self) -> &Path {
        &self.cgroup_root
    }

    /// Where sockets and pins are: `/run/gate`.
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Where the roles' public keys are enrolled.
    pub fn keys_dir(&self) -> &Path {
        &self.keys_dir
    }

    /// What admits the first bundle.
    pub fn enrolled(&self) -> &Enrolled {
        &self.enrolled
    }

    /// Who may use the operators' sockets.
    pub fn operators(&self) -> &Operators {
        &self.operators
    }

    /// The proxy's settings.
    pub fn proxy(&self) -> Proxy {
        self.proxy
    }

    /// Whether Landlock is required.
    pub fn landlock(&self) -> LandlockNeed {
        self.landlock
    }

    /// Gate's own bpffs mount: `/run/gate/bpf`.
    pub fn bpffs_dir(&self) -> PathBuf {
        self.run_dir.join("bpf")
    }

    /// The socket that other processes of Gate call this role on: `/run/gate/net.sock`.
    pub fn socket(&self, role: Role) -> PathBuf {
        self.run_dir.join(format!("{role}.sock"))
    }

    /// The directory of the operators' sockets: `/run/gate/admin`.
    pub fn admin_dir(&self) -> PathBuf {
        self.run_dir.join("admin")
    }

    /// The socket that operators call this role on: `/run/gate/admin/net.sock`.
    pub fn admin_socket(&self, role: Role) -> PathBuf {
        self.admin_dir().join(format!("{role}.sock"))
    }

    /// This role's own directory: `/var/lib/gate/net`.
    pub fn state_dir(&self, role: Role) -> PathBuf {
        self.state_dir.join(role.name())
    }

    /// This role's private key, in its own directory: `/var/lib/gate/authn/role.key`.
    pub fn role_key(&self, role: Role) -> PathBuf {
        self.state_dir(role).join("role.key")
    }

    /// This role's user and place.
    pub fn role(&self, role: Role) -> &RoleConfig {
        let [loader, net, proxy, authn, authz, audit] = &self.roles;
        match role {
            Role::Loader => loader,
            Role::Net => net,
            Role::Proxy => proxy,
            Role::Authn => authn,
            Role::Authz => authz,
            Role::Audit => audit,
        }
    }

    /// Every role's user and place, in the order of [`Role::ALL`].
    pub fn roles(&self) -> &[RoleConfig; 6] {
        &self.roles
    }

    /// This role's cgroup directory.
    pub fn cgroup_dir(&self, role: Role) -> PathBuf {
        self.cgroup_root.join(&self.role(role).cgroup)
    }

    /// The role that runs as this user. The caller checks the cgroup too: whoever has root can take a uid.
    pub fn role_of_uid(&self, uid: u32) -> Option<Role> {
        self.roles.iter().find(|config| config.uid == uid).map(|config| config.role)
    }

    /// Whether this user, with these groups, is an operator.
    pub fn is_operator(&self, uid: u32, gids: &[u32]) -> bool {
        self.operators.uids.contains(&uid) || gids.iter().any(|gid| self.operators.gids.contains(gid))
    }
}
