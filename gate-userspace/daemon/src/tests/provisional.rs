//! Bundles that go back by themselves, and operators who go back: several roles, one clock, a duty that only counts.

use crate::admin::Administrators;
use crate::queue::Queue;
use crate::{Context, Duty, Reporter, Reports};
use gate_bundle::*;
use gate_host::{Clock, HostConfig, ManualClock, PublicKeys, Role as Process, public_key_line};
use gate_ipc::messages::{AdminReply, AdminRequest};
use gate_record::Event;
use gate_statements::{BundleDigest, Confirmation, Signed as Statement};
use gate_tables::{Service, ServiceId, Tables};
use ssh_key::{HashAlg, LineEnding, PrivateKey, SshSig, private::Ed25519Keypair};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::LocalSet;

const NOW: u64 = 1_800_000_000;
const SECOND: u64 = 1_000_000_000;

fn run<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, test)
}

fn person(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn authz_key() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[50; 32])
}

fn duties() -> String {
    let line = |seed| person(seed).public_key().to_openssh().unwrap();
    format!(
        "mode = \"team\"\napprovals = 1\n[person.alice]\nkeys = [\"{}\"]\nmay = [\"author\"]\n[person.bob]\nkeys = \
         [\"{}\"]\nmay = [\"approve\"]\n[person.carol]\nkeys = [\"{}\"]\nmay = [\"operate\"]\n",
        line(1),
        line(2),
        line(3)
    )
}

fn sign(seed: u8, namespace: &str, message: &[u8]) -> String {
    SshSig::sign(&person(seed), namespace, HashAlg::Sha512, message).unwrap().to_pem(LineEnding::LF).unwrap()
}

/// A signed bundle that changes no access.
fn bundle(previous: Option<&Bundle>, words: &str) -> Bundle {
    let service = |id, name: &str| Service {
        id: ServiceId(id),
        name: name.into(),
        owner: "team".into(),
        cgroup: format!("{name}.service"),
        observe: false,
        ports: vec![],
        ..Service::default()
    };
    let tables = Tables {
        format: gate_tables::FORMAT,
        environment: "test".into(),
        services: vec![service(1, "orders"), service(2, "web")],
        retired: BTreeMap::new(),
        reach: vec![],
        access: vec![],
        rules: vec![],
        ..Tables::default()
    };
    let files = BTreeMap::from([
        (SERVICES.to_owned(), b"environment = \"test\"\n".to_vec()),
        (DUTIES.to_owned(), duties().into_bytes()),
        ("policy/shop.cedar".to_owned(), format!("// {words}\n").into_bytes()),
        (TABLES.to_owned(), tables.to_bytes().unwrap()),
    ]);
    let draft = Draft {
        environment: "test".into(),
        previous: previous.map(|previous| (previous.manifest().version(), previous.digest())),
        git_commit: None,
        created: NOW,
        not_after: NOW + 3_600,
    };
    let bundle = Bundle::unsigned(draft, files).unwrap();
    let [author, approver] = [(Role::Author, 1), (Role::Approver, 2)]
        .map(|(role, seed)| sign(seed, signing_namespace(role), bundle.manifest_bytes()));
    bundle.with_signature(&author).unwrap().with_signature(&approver).unwrap()
}

fn confirmation(bundle: &Bundle) -> Statement<Confirmation> {
    let stated =
        Confirmation { bundle: digest(bundle), environment: "test".into(), version: bundle.manifest().version() };
    Statement::sign(&stated, &authz_key()).unwrap()
}

fn digest(bundle: &Bundle) -> BundleDigest {
    BundleDigest(*bundle.digest().as_bytes())
}

/// What the role has in force; activation fails while it is told to.
#[derive(Default)]
struct Counting {
    version: Cell<u64>,
    fails: Cell<bool>,
    staged: RefCell<Vec<u64>>,
}

impl Duty for Counting {
    async fn stage(&self, candidate: &Admitted) -> Result<Option<Statement<Confirmation>>, Vec<String>> {
        self.staged.borrow_mut().push(candidate.version());
        Ok(None)
    }

    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        if self.fails.get() {
            return Err(vec!["the map is full".into()]);
        }
        self.version.set(bundle.version());
        Ok(())
    }

    fn status(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

struct Running {
    duty: Rc<Counting>,
    admin: Rc<Administrators<Counting>>,
    reports: Reports,
    task: tokio::task::JoinHandle<()>,
}

/// One host whose roles come and go.
struct Place {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap(), clock: ManualClock::at(NOW * 1_000, 100 * SECOND) };
        let keys = place.directory.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        for (name, seed) in [("authn", 51), ("authz", 50), ("audit", 52)] {
            let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
            std::fs::write(keys.join(format!("{name}.pub")), public_key_line(&key) + "\n").unwrap();
        }
        place
    }

    fn config(&self) -> HostConfig {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let roles = ["loader", "net", "proxy", "authn", "authz", "audit"].iter().enumerate().map(|(index, role)| {
            format!("[role.{role}]\nuid = {0}\ngid = {0}\ncgroup = \"gate-{role}\"\n", 61_700 + index)
        });
        let text = format!(
            "host = \"h1\"\nenvironment = \"test\"\ncgroup_root = \"/sys/fs/cgroup\"\nrun_dir = \"{}\"\nstate_dir = \
             \"{}\"\nkeys_dir = \"{}\"\n[enrolled]\nduties_sha256 = \"{}\"\n[operators]\ngids = []\nuids = [0]\n[proxy]\n\
             port = 15001\n{}",
            path("run"),
            path("state"),
            path("keys"),
            Digest::of(duties().as_bytes()),
            roles.collect::<String>()
        );
        HostConfig::parse(&text).unwrap()
    }

    /// A role that starts in this boot.
    async fn start(&self, role: Process, boot: &str) -> Running {
        let config = self.config();
        let directory = config.state_dir(role);
        let clock = Clock::manual(Arc::clone(&self.clock));
        let trust = EnrolledRoot {
            environment: "test".into(),
            duties_sha256: Digest::from_bytes(config.enrolled().duties_sha256),
        };
        let now = Uptime { boot: boot.into(), ns: clock.boottime_ns() };
        let store = Store::open(&directory.join("bundles"), trust, "test", Limits::default(), &now).unwrap();
        let owner = rustix::process::geteuid().as_raw();
        let queue = Queue::new(clock.clone());
        let context = Context {
            role,
            public_keys: Arc::new(PublicKeys::load(config.keys_dir(), owner).unwrap()),
            config: Arc::new(config),
            clock,
            reporter: Reporter::new(Arc::clone(&queue)),
            binary: String::new(),
        };
        let duty = Rc::new(Counting::default());
        let admin = Rc::new(Administrators::new(context, Rc::clone(&duty), store, boot.into(), String::new()));
        admin.restore().await;
        let task = tokio::task::spawn_local(Rc::clone(&admin).keep_deadlines());
        Running { duty, admin, reports: Reports::new(&queue), task }
    }

    /// Time passes for the clocks of the roles, and for whoever sleeps.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance_ms(1_000);
            tokio::time::sleep(std::time::Duration::from_millis(1_001)).await;
        }
    }

    fn until(&self, seconds: u64) -> u64 {
        Clock::manual(Arc::clone(&self.clock)).boottime_ns() + seconds * SECOND
    }
}

impl Running {
    async fn ask(&self, request: AdminRequest) -> Result<AdminReply, Vec<String>> {
        self.admin.answer(0, request, Vec::new()).await.unwrap_or_else(|misuse| Err(vec![misuse.found]))
    }

    async fn stage(&self, bundle: &Bundle) -> Result<AdminReply, Vec<String>> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bundle.to_tar()).unwrap();
        let request = AdminRequest::Stage { confirmation: Some(confirmation(bundle)) };
        self.admin.answer(0, request, vec![file.into()]).await.unwrap_or_else(|misuse| Err(vec![misuse.found]))
    }

    async fn load(&self, bundle: &Bundle) {
        self.stage(bundle).await.unwrap();
        self.ask(AdminRequest::Activate { bundle: digest(bundle) }).await.unwrap();
    }

    async fn load_until(&self, bundle: &Bundle, until_boottime_ns: u64) -> Result<AdminReply, Vec<String>> {
        self.stage(bundle).await.unwrap();
        self.ask(AdminRequest::ActivateUntil { bundle: digest(bundle), until_boottime_ns }).await
    }

    /// It ends, as a process does. What it was in the middle of is lost.
    async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// The steps in the record so far.
    async fn steps(&mut self) -> Vec<String> {
        let batch = self.reports.next().await;
        let event = |report: &Vec<u8>| match super::event(report) {
            Event::Bundle { step, candidate_version, .. } => Some(format!("{step} {candidate_version}")),
            _ => None,
        };
        batch.reports().iter().filter_map(event).collect()
    }
}

fn refused(result: Result<AdminReply, Vec<String>>) -> String {
    result.unwrap_err().join("\n")
}

const ROLES: [Process; 3] = [Process::Authn, Process::Proxy, Process::Net];

async fn two_loaded(place: &Place, until: u64) -> (Vec<Running>, Bundle, Bundle) {
    let first = bundle(None, "first");
    let second = bundle(Some(&first), "second");
    let mut roles = Vec::new();
    for role in ROLES {
        let role = place.start(role, "boot").await;
        role.load(&first).await;
        role.load_until(&second, until).await.unwrap();
        assert_eq!(role.duty.version.get(), 2);
        roles.push(role);
    }
    (roles, first, second)
}

#[test]
fn every_role_goes_back_at_the_same_deadline_by_itself() {
    run(async {
        let place = Place::new();
        let (mut roles, ..) = two_loaded(&place, place.until(60)).await;
        place.pass(59).await;
        assert!(roles.iter().all(|role| role.duty.version.get() == 2), "not before its time");
        place.pass(1).await;
        assert!(roles.iter().all(|role| role.duty.version.get() == 1), "and at its time");
        let steps = roles[0].steps().await;
        assert_eq!(steps, ["staged 1", "activated 1", "staged 2", "provisional 2", "expired 2", "restored 1"]);
    });
}

#[test]
fn what_is_confirmed_in_time_stays_in_every_role() {
    run(async {
        let place = Place::new();
        let (mut roles, first, second) = two_loaded(&place, place.until(60)).await;
        let wrong = refused(roles[0].ask(AdminRequest::Confirm { bundle: digest(&first) }).await);
        assert!(wrong.contains("is not provisional here"), "{wrong}");
        for role in &roles {
            role.ask(AdminRequest::Confirm { bundle: digest(&second) }).await.unwrap();
        }
        place.pass(90).await;
        assert!(roles.iter().all(|role| role.duty.version.get() == 2));
        assert!(roles[0].steps().await.contains(&"confirmed 2".to_owned()));
    });
}

#[test]
fn what_is_abandoned_goes_back_at_once() {
    run(async {
        let place = Place::new();
        let (mut roles, first, second) = two_loaded(&place, place.until(60)).await;
        let wrong = refused(roles[0].ask(AdminRequest::Abandon { bundle: digest(&first) }).await);
        assert!(wrong.contains("is not provisional here"), "{wrong}");
        match roles[0].ask(AdminRequest::Abandon { bundle: digest(&second) }).await.unwrap() {
            AdminReply::Activated { version: 1 } => {}
            other => panic!("{other:?}"),
        }
        assert_eq!((roles[0].duty.version.get(), roles[1].duty.version.get()), (1, 2), "each is asked for itself");
        roles[0].load(&second).await;
        assert_eq!(roles[0].duty.version.get(), 2);
        let steps = roles[0].steps().await;
        assert_eq!(steps[3..], ["provisional 2", "refused 2", "expired 2", "restored 1", "staged 2", "activated 2"]);
    });
}

/// The process does not wait for its own timer: an operator's request after the deadline finds it gone.
#[test]
fn nothing_is_confirmed_after_the_deadline() {
    run(async {
        let place = Place::new();
        let (roles, _, second) = two_loaded(&place, place.until(60)).await;
        place.clock.advance_ms(60_000);
        for role in &roles {
            let late = refused(role.ask(AdminRequest::Confirm { bundle: digest(&second) }).await);
            assert!(late.contains("is not provisional here; in force is"), "{late}");
            assert_eq!(role.duty.version.get(), 1);
        }
    });
}

#[test]
fn a_role_that_was_restarted_goes_back_with_the_others() {
    run(async {
        let place = Place::new();
        let (mut roles, ..) = two_loaded(&place, place.until(60)).await;
        place.pass(10).await;
        roles.pop().unwrap().end().await;
        let again = place.start(Process::Net, "boot").await;
        assert_eq!(again.duty.version.get(), 2, "before the deadline it has what the others have");
        place.pass(50).await;
        assert_eq!((again.duty.version.get(), roles[0].duty.version.get()), (1, 1));
    });
}

#[test]
fn a_role_that_was_away_at_the_deadline_and_one_of_another_boot_have_gone_back() {
    run(async {
        for (away, boot) in [(60, "boot"), (1, "another boot")] {
            let place = Place::new();
            let (mut roles, ..) = two_loaded(&place, place.until(60)).await;
            roles.pop().unwrap().end().await;
            place.pass(away).await;
            let mut again = place.start(Process::Net, boot).await;
            assert_eq!(again.duty.version.get(), 1, "gate-authz's word for it is still there");
            assert_eq!(again.steps().await, ["expired 2", "restored 1"]);
        }
    });
}

/// gate-net could fail to fill its maps: it goes on trying, and says so once.
#[test]
fn who_cannot_go_back_tries_again_until_it_can() {
    run(async {
        let place = Place::new();
        let (mut roles, ..) = two_loaded(&place, place.until(60)).await;
        roles[0].duty.fails.set(true);
        place.pass(70).await;
        assert_eq!(roles[0].duty.version.get(), 2);
        roles[0].duty.fails.set(false);
        place.pass(2).await;
        assert_eq!(roles[0].duty.version.get(), 1);
        let steps = roles[0].steps().await;
        assert_eq!(steps[3..], ["provisional 2", "expired 2", "refused 1", "restored 1"]);
    });
}

#[test]
fn provisional_is_refused_where_the_way_back_is_not_open() {
    run(async {
        let place = Place::new();
        let role = place.start(Process::Net, "boot").await;
        let (first, until) = (bundle(None, "first"), place.until(60));
        let none = refused(role.load_until(&first, until).await);
        assert!(none.contains("there is nothing to go back to; load it without --confirm"), "{none}");
        role.load(&first).await;
        let second = bundle(Some(&first), "second");
        for (until, away) in [(place.until(601), "601 s away"), (place.until(0), "less than 0")] {
            let far = refused(role.load_until(&second, until).await);
            assert!(far.contains(away), "{far}");
        }
        let same = refused(role.load_until(&first, until).await);
        assert!(same.contains("is in force already, and not provisionally"), "{same}");
        remove_confirmations(&place.config().state_dir(Process::Net));
        let blind = refused(role.load_until(&second, until).await);
        assert!(blind.contains("could not go back to the one in force: gate-authz has not confirmed"), "{blind}");
        assert_eq!(role.duty.version.get(), 1);
    });
}

fn remove_confirmations(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "confirmation") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn a_provisional_bundle_is_not_confirmed_by_loading_it_again() {
    run(async {
        let place = Place::new();
        let (roles, _, second) = two_loaded(&place, place.until(60)).await;
        let again = refused(roles[0].stage(&second).await);
        assert!(again.contains("is provisional here: confirm it with gatectl bundle confirm"), "{again}");
        let again = refused(roles[0].ask(AdminRequest::Activate { bundle: digest(&second) }).await);
        assert!(again.contains("is not staged"), "{again}");
        place.pass(60).await;
        assert_eq!(roles[0].duty.version.get(), 1);
    });
}

fn revert(from: &Bundle, to: &Bundle, seed: u8) -> AdminRequest {
    let said = Reverting {
        environment: "test".into(),
        version: from.manifest().version(),
        bundle: from.digest(),
        predecessor: to.digest(),
        not_after: NOW + 3_600,
    };
    let signature = sign(seed, REVERT_NAMESPACE, &Revert::line(&said).unwrap());
    let statement = String::from_utf8(Revert::signed(said, &signature).unwrap().to_bytes()).unwrap();
    AdminRequest::StageRevert { statement }
}

#[test]
fn an_operator_goes_back_and_every_start_after_it_does() {
    run(async {
        let place = Place::new();
        let mut role = place.start(Process::Net, "boot").await;
        let first = bundle(None, "first");
        let second = bundle(Some(&first), "second");
        role.load(&first).await;
        role.load(&second).await;
        let alice = refused(role.ask(revert(&second, &first, 1)).await);
        assert!(alice.contains("alice signed to go back and is not allowed to operate"), "{alice}");
        match role.ask(revert(&second, &first, 3)).await.unwrap() {
            AdminReply::Staged { bundle, version: 1, .. } => assert_eq!(bundle, digest(&first)),
            other => panic!("{other:?}"),
        }
        assert_eq!(role.duty.version.get(), 2, "staging changes nothing");
        role.ask(AdminRequest::Activate { bundle: digest(&first) }).await.unwrap();
        assert_eq!(role.duty.version.get(), 1);
        assert_eq!(role.steps().await[4..], ["refused 2", "staged 1", "reverted 1"]);
        role.end().await;
        let again = place.start(Process::Net, "another boot").await;
        assert_eq!(again.duty.version.get(), 1, "gate-authz's word for it is still there");
        let reverted = refused(again.stage(&second).await);
        assert!(reverted.contains("was reverted; the next one is 3"), "{reverted}");
    });
}

#[test]
fn going_back_is_not_provisional() {
    run(async {
        let place = Place::new();
        let role = place.start(Process::Net, "boot").await;
        let first = bundle(None, "first");
        let second = bundle(Some(&first), "second");
        role.load(&first).await;
        role.load(&second).await;
        role.ask(revert(&second, &first, 3)).await.unwrap();
        let until_boottime_ns = place.until(60);
        let refused =
            refused(role.ask(AdminRequest::ActivateUntil { bundle: digest(&first), until_boottime_ns }).await);
        assert!(refused.contains("going back is not provisional"), "{refused}");
        assert_eq!(role.duty.version.get(), 2);
    });
}
