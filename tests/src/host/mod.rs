//! A host of a test's own: every daemon of Gate as it runs when installed (its user, cgroup, capabilities, sandbox),
//! real services, and clients, in a cgroup tree and a network namespace that nothing else of the machine is in.

mod candidate;
mod daemons;
mod place;
mod process;
mod programs;
mod services;
mod users;

pub use candidate::Candidate;
pub use place::{give_back_on_signals, remove};
pub use process::{Output, Process, Stand};
pub use programs::built;
pub use services::{LEDGER_PORT, ORDERS_PORT, OUTSIDE};

use crate::{operator::Operator, people::People, policy::Policy};
use anyhow::Context as _;
use gate_bundle::{Bundle, Digest};
use gate_host::Role;
use place::Place;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
pub use users::Users;

/// gate-proxy's own port.
pub const PROXY_PORT: u16 = 15_001;

/// A host.
pub struct Host {
    // In the order of dropping: processes first.
    services: BTreeMap<String, Process>,
    daemons: BTreeMap<Role, Process>,
    /// alice, bob and the others.
    pub people: People,
    /// The policy that is in force, or will be.
    pub policy: Policy,
    bundle: Option<Bundle>,
    users: Users,
    numbers: BTreeMap<String, u32>,
    place: Place,
}

impl Host {
    /// A host with everything running: the shop's policy in force, its services up.
    ///
    /// # Errors
    /// What failed, with the output of the process that failed.
    pub fn start() -> anyhow::Result<Self> {
        let mut host = Self::prepare()?;
        host.start_roles(&Role::ALL)?;
        host.break_on_purpose()?;
        host.load_first()?;
        host.start_services()?;
        Ok(host)
    }

    /// Detaches the programs that `GATE_TESTS_WITHOUT` names (`connect4,egress`), so that one can see tests fail.
    fn break_on_purpose(&self) -> anyhow::Result<()> {
        let Some(names) = std::env::var_os("GATE_TESTS_WITHOUT") else { return Ok(()) };
        let links = self.path(&format!("run/bpf/abi-{}/links", gate_common::ABI_VERSION));
        for name in names.to_string_lossy().split(',').filter(|name| !name.is_empty()) {
            fs::remove_file(links.join(name)).with_context(|| format!("detaching {name}"))?;
        }
        Ok(())
    }

    /// A host with nothing running: directories, users, keys, configuration.
    ///
    /// # Errors
    /// What failed.
    pub fn prepare() -> anyhow::Result<Self> {
        require_root()?;
        let place = Place::take()?;
        let people = People::make(&place.directory().join("people"))?;
        let policy = Policy::shop(&people.duties()?)?;
        let users = Users::take()?;
        let mut host = Self {
            services: BTreeMap::new(),
            daemons: BTreeMap::new(),
            people,
            policy,
            bundle: None,
            users,
            numbers: BTreeMap::new(),
            place,
        };
        host.install()?;
        Ok(host)
    }

    /// A path below the host's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.directory().join(name)
    }

    /// The host's `gate.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path("gate.toml")
    }

    /// The root of the cgroup tree, where the programs attach.
    #[must_use]
    pub fn cgroups(&self) -> &Path {
        self.place.cgroups()
    }

    /// The numbers of users and groups.
    #[must_use]
    pub fn users(&self) -> Users {
        self.users
    }

    /// Operates this host.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(&self.path("run"))
    }

    /// The bundle in force.
    ///
    /// # Errors
    /// Before the first.
    pub fn bundle(&self) -> anyhow::Result<&Bundle> {
        self.bundle.as_ref().context("no bundle is in force")
    }

    /// Loads the policy as the first bundle, as people do.
    ///
    /// # Errors
    /// What gatectl said.
    pub fn load_first(&mut self) -> anyhow::Result<()> {
        self.publish(self.policy.clone())
    }

    /// Builds, signs (alice), approves (bob) and loads a policy after the one in force, with gatectl.
    ///
    /// # Errors
    /// What gatectl said.
    pub fn publish(&mut self, policy: Policy) -> anyhow::Result<()> {
        let version = self.bundle.as_ref().map_or(1, |bundle| bundle.manifest().version() + 1);
        let directory = self.path(&format!("people/policy-{version}"));
        policy.write(&directory)?;
        let file = self.bundle_file(version);
        let mut build = vec!["bundle".into(), "build".into(), text(&directory), "--out".into(), text(&file)];
        if version > 1 {
            build.extend(["--previous".into(), text(&self.bundle_file(version - 1))]);
        }
        self.gatectl_or_fail(&build)?;
        let (alice, bob) = (text(&self.people.key("alice")), text(&self.people.key("bob")));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        self.gatectl_or_fail(&words(&["bundle", "sign", &text(&file), "--as", "author", "--key", &alice]))?;
        self.gatectl_or_fail(&words(&["bundle", "approve", &text(&file), "--key", &bob]))?;
        self.gatectl_or_fail(&words(&["bundle", "load", &text(&file), "--config", &text(&self.config())]))?;
        self.bundle = Some(Bundle::from_tar(fs::File::open(&file)?, &gate_bundle::Limits::default())?);
        self.policy = policy;
        Ok(())
    }

    /// The file that a version was published as.
    #[must_use]
    pub fn bundle_file(&self, version: u64) -> PathBuf {
        self.path(&format!("people/bundle-{version}.tar"))
    }

    /// gatectl, as root.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn gatectl(&self, words: &[String]) -> anyhow::Result<Output> {
        Output::of(std::process::Command::new(built("gatectl")?).args(words).stdin(std::process::Stdio::null()))
    }

    fn gatectl_or_fail(&self, words: &[String]) -> anyhow::Result<()> {
        let output = self.gatectl(words)?;
        anyhow::ensure!(
            output.succeeded(),
            "gatectl {} ended with {:?}:\n{}{}\n{}",
            words.join(" "),
            output.code,
            output.out,
            output.err,
            self.logs()
        );
        Ok(())
    }

    fn install(&mut self) -> anyhow::Result<()> {
        let (users, root) = (self.users, Some(0));
        let run = self.path("run");
        // Roles make their sockets here and nobody else does: the directory is of a group that only they have.
        give(&run, root, Some(users.roles_group()), 0o1775)?;
        // Its sockets are born in the operators' group; roles must not be in it.
        give(&run.join("admin"), root, Some(users.operators_group()), 0o3777)?;
        for directory in ["keys", "state", "bin", "logs", "services"] {
            place::directory(&self.path(directory), 0o755)?;
        }
        place::directory(&self.path("people"), 0o700)?;
        for role in Role::ALL {
            let uid = users.role(role);
            give(&self.path("state").join(role.name()), Some(uid), Some(uid), 0o700)?;
            place::directory(&self.cgroups().join(daemons::cgroup(role)), 0o755)?;
        }
        self.write_configuration()?;
        self.enrol()
    }

    fn write_configuration(&self) -> anyhow::Result<()> {
        let users = self.users;
        let duties = Digest::of(self.people.duties()?.as_bytes());
        let path = |name: &str| self.path(name).display().to_string();
        let mut text = format!(
            "host = \"demo-host\"\nenvironment = \"demo\"\ncgroup_root = \"{}\"\nrun_dir = \"{}\"\n\
             state_dir = \"{}\"\nkeys_dir = \"{}\"\n\n[enrolled]\nduties_sha256 = \"{duties}\"\n\n\
             [operators]\ngids = [{}]\nuids = [0]\n\n[proxy]\nport = {PROXY_PORT}\nworkers = 2\n",
            self.cgroups().display(),
            path("run"),
            path("state"),
            path("keys"),
            users.operators_group(),
        );
        for role in Role::ALL {
            let (uid, cgroup) = (users.role(role), daemons::cgroup(role));
            text += &format!("\n[role.{role}]\nuid = {uid}\ngid = {uid}\ncgroup = \"{cgroup}\"\n");
        }
        Ok(fs::write(self.config(), text)?)
    }

    /// What the daemons and services have written, for failures.
    #[must_use]
    pub fn logs(&self) -> String {
        let all = self.daemons.values().chain(self.services.values());
        let texts = all.map(|process| (process.name().to_owned(), process.log()));
        texts.filter(|(_, log)| !log.is_empty()).map(|(name, log)| format!("--- {name}\n{log}\n")).collect()
    }

    /// Ends everything and waits until nothing is left on the machine.
    pub fn end(mut self) {
        self.services.clear();
        self.daemons.clear();
        self.place.give_back();
    }
}

/// A path as an argument.
fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A directory with this owner, group and mode.
fn give(path: &Path, uid: Option<u32>, gid: Option<u32>, mode: u32) -> anyhow::Result<()> {
    place::directory(path, 0o700)?;
    std::os::unix::fs::chown(path, uid, gid)?;
    // After chown, which takes set-id bits away.
    place::directory(path, mode)
}

fn require_root() -> anyhow::Result<()> {
    anyhow::ensure!(
        rustix::process::geteuid().is_root(),
        "this needs root: it makes cgroups and network namespaces, loads BPF programs, and runs daemons as other users"
    );
    Ok(())
}
