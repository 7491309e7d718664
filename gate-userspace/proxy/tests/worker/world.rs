//! A worker with everything around it.

use crate::backend::Backend;
use crate::client::Client;
use crate::roles::{Roles, Socket};
use gate_host::{Clock, ManualClock};
use gate_ipc::messages::{AuthnRequest, AuthzRequest, NetRequest};
use gate_proxy::policy::Policy;
use gate_proxy::record::Record;
use gate_proxy::serve::serve;
use gate_proxy::upstream::{Dial, Dialing};
use gate_proxy::worker::{Parts, Worker};
use gate_record::{Event, Outcome};
use gate_tables::{FORMAT, PathPattern, Port, PortId, Protocol, Route, Service, ServiceId, Tables, Transport};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};

const NOW_MS: u64 = 1_700_000_000_000;
/// Long enough for a frame to be answered.
const ASK: Duration = Duration::from_secs(2);

pub const ORDERS: ServiceId = ServiceId(7);

pub struct World {
    pub roles: Rc<Roles>,
    pub backend: Rc<Backend>,
    pub kernel: Rc<Kernel>,
    pub log: Rc<Log>,
    pub worker: Rc<Worker>,
    pub address: SocketAddr,
    pub authn: Option<Socket>,
    pub authz: Option<Socket>,
    pub net: Option<Socket>,
    policy: watch::Sender<Arc<Policy>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    directory: tempfile::TempDir,
}

/// Stands in for what the kernel does with connections to backends.
pub struct Kernel {
    pub backend: Cell<SocketAddr>,
    pub refuses: Cell<bool>,
    pub dialed: RefCell<Vec<(ServiceId, SocketAddr)>>,
}

struct KernelDial(Rc<Kernel>);

impl Dial for KernelDial {
    fn dial(&self, source: ServiceId, destination: SocketAddr) -> Dialing {
        self.0.dialed.borrow_mut().push((source, destination));
        let kernel = Rc::clone(&self.0);
        Box::pin(async move {
            if kernel.refuses.get() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            TcpStream::connect(kernel.backend.get()).await
        })
    }
}

/// Everything that was reported.
pub struct Log {
    pub events: RefCell<Vec<Event>>,
    pub full: Cell<bool>,
}

impl Record for Log {
    fn report(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn accepts(&self) -> bool {
        !self.full.get()
    }
}

/// An enforcement, as the tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enforced {
    pub request: String,
    pub status: u16,
    pub outcome: Outcome,
    pub source: String,
    pub decision: Option<String>,
    pub why: String,
    pub request_id: String,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW_MS, 0);
        let roles = Roles::new(Arc::clone(&clock), NOW_MS);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = Backend::start().await;
        let kernel = Rc::new(Kernel {
            backend: Cell::new(backend.address),
            refuses: Cell::new(false),
            dialed: RefCell::default(),
        });
        let log = Rc::new(Log { events: RefCell::default(), full: Cell::new(false) });
        let path = |name: &str| directory.path().join(name);
        let (policy, policies) = watch::channel(Arc::new(policy(1, address.port(), ROUTES)));
        let worker = Worker::new(Parts {
            policy: policies,
            authn: gate_ipc::Client::new(&path("authn.sock"), None, ASK),
            authz: gate_ipc::Client::new(&path("authz.sock"), None, ASK),
            net: gate_ipc::Client::new(&path("net.sock"), None, ASK),
            dial: Box::new(KernelDial(Rc::clone(&kernel))),
            record: Rc::<Log>::clone(&log),
            clock: Clock::manual(clock),
            counters: Arc::default(),
            seed: 0xfeed,
        });
        let (stop, stopped) = watch::channel(false);
        let serving = spawn_local(serve(Rc::clone(&worker), listener, stopped));
        let mut world = Self {
            roles,
            backend,
            kernel,
            log,
            worker,
            address,
            authn: None,
            authz: None,
            net: None,
            policy,
            stop,
            serving,
            directory,
        };
        world.start_roles();
        world
    }

    /// Starts the roles that do not run.
    pub fn start_roles(&mut self) {
        let path = |name: &str| -> PathBuf { self.directory.path().join(name) };
        let roles = Rc::clone(&self.roles);
        self.authn.get_or_insert_with(|| {
            Socket::serve(path("authn.sock"), move |request: AuthnRequest, fds| roles.authn(request, fds))
        });
        let roles = Rc::clone(&self.roles);
        self.authz.get_or_insert_with(|| {
            Socket::serve(path("authz.sock"), move |request: AuthzRequest, _| roles.authz(request))
        });
        let roles = Rc::clone(&self.roles);
        self.net
            .get_or_insert_with(|| Socket::serve(path("net.sock"), move |request: NetRequest, _| roles.net(request)));
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Puts a bundle into force for the proxy alone.
    pub fn switch_proxy(&self, version: u64, routes: &[(&str, &str, &str)]) {
        self.policy.send_replace(Arc::new(policy(version, self.address.port(), routes)));
    }

    /// Puts a bundle with this port into force everywhere.
    pub fn switch_to(&self, version: u64, port: Port) {
        self.roles.version.set(version);
        let port = Port { number: self.address.port(), ..port };
        self.policy.send_replace(Arc::new(of_port(version, port)));
    }

    /// Puts a bundle into force everywhere.
    pub fn switch(&self, version: u64, routes: &[(&str, &str, &str)]) {
        self.roles.version.set(version);
        self.switch_proxy(version, routes);
    }

    /// Tells the worker to stop; the future is over when it has.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
    }

    pub fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    pub fn enforced(&self) -> Vec<Enforced> {
        let events = self.log.events.borrow();
        let enforced = events.iter().filter_map(|event| match event.clone() {
            Event::Enforcement { request_id, decision, source, request, status, outcome, why, .. } => {
                Some(Enforced { request, status, outcome, source, decision, why, request_id })
            }
            _ => None,
        });
        enforced.collect()
    }

    /// What was found of peers that were turned away.
    pub fn rejected(&self) -> Vec<String> {
        let events = self.log.events.borrow();
        let rejected = events.iter().filter_map(|event| match event {
            Event::Rejected { found, .. } => Some(found.clone()),
            _ => None,
        });
        rejected.collect()
    }

    /// Waits until something is the case.
    pub async fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        for _ in 0..5_000 {
            if is(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("never: {what}");
    }
}

pub const ROUTES: &[(&str, &str, &str)] = &[
    ("orders.cancelOrder", "DELETE", "/orders/{id:int}"),
    ("orders.createOrder", "POST", "/orders"),
    ("orders.getOrder", "GET", "/orders/{id:int}"),
    ("orders.headOrder", "HEAD", "/orders/{id:int}"),
    ("orders.search", "GET", "/search/{text}"),
];

fn policy(version: u64, number: u16, routes: &[(&str, &str, &str)]) -> Policy {
    let routes = routes.iter().map(|(action, method, path)| Route {
        action: (*action).into(),
        method: (*method).into(),
        path: PathPattern::parse(path).unwrap(),
        ..Route::default()
    });
    let port = Port {
        id: PortId(1),
        name: "api".into(),
        transport: Transport::Tcp,
        number,
        protocol: Protocol::Http,
        routes: routes.collect(),
        ..Port::default()
    };
    of_port(version, port)
}

fn of_port(version: u64, port: Port) -> Policy {
    let orders = Service {
        id: ORDERS,
        name: "orders".into(),
        owner: "team-orders".into(),
        cgroup: "orders.service".into(),
        observe: false,
        ports: vec![port],
        ..Service::default()
    };
    let tables = Tables {
        format: FORMAT,
        environment: "test".into(),
        services: vec![orders],
        retired: Default::default(),
        reach: vec![],
        access: vec![],
        rules: vec![],
        ..Tables::default()
    };
    Policy::new(version, &tables).unwrap()
}
