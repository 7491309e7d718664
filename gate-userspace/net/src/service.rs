//! The duty: bundles into the kernel, grants into the kernel, gate-proxy's listener into the kernel.

use crate::{
    Capacity, Clocks, Entries, GrantCheck, Maps, MapsError, addresses, cgroups, describe, events, explain::explain,
    in_force::InForce, listener, maps::using, reserved::ReservedPorts,
};
use gate_common::{
    event::Counter,
    maps::{Active, GrantKey, GrantValue, RuleKey, ServiceKey},
};
use gate_daemon::{Admitted, Call, Context, Duty, Handler, Misuse, Question};
use gate_ipc::{
    CgroupRoot,
    messages::{NetReply, NetRequest, Refused},
};
use gate_record::{Event, Outcome};
use gate_statements::{Assertion, Grant, Signed};
use gate_tables::Tables;
use rustix::thread::{MembarrierCommand, membarrier};
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    io,
    os::fd::OwnedFd,
    rc::Rc,
};
use tokio::task::JoinHandle;

/// gate-net at work.
pub struct Service {
    context: Context,
    prefix: String,
    maps: RefCell<Maps>,
    events: RefCell<Option<aya::maps::RingBuf<aya::maps::MapData>>>,
    reserved: RefCell<ReservedPorts>,
    in_force: RefCell<Option<InForce>>,
    /// When the times of the copy in force were converted.
    converted: Cell<Clocks>,
    loader: Value,
    listener: Cell<bool>,
}

impl Service {
    /// Takes the maps, and opens what the sandbox would refuse later.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub fn new(context: Context, maps: Maps) -> Result<Self, String> {
        let config = &context.config;
        let root = CgroupRoot::resolve(config.cgroup_root()).map_err(|error| error.to_string())?;
        let events = Maps::open_events(&config.bpffs_dir()).map_err(|error| error.to_string())?;
        let reserved = ReservedPorts::open().map_err(|error| error.to_string())?;
        let path = config.run_dir().join("loader.json");
        let loader = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let loader = serde_json::from_slice(&loader).map_err(|error| format!("{}: {error}", path.display()))?;
        let converted = Cell::new(clocks(&context));
        Ok(Self {
            converted,
            prefix: root.prefix().to_owned(),
            context,
            maps: RefCell::new(maps),
            events: RefCell::new(Some(events)),
            reserved: RefCell::new(reserved),
            in_force: RefCell::new(None),
            loader,
            listener: Cell::new(false),
        })
    }

    /// Begins to report what the kernel judges. Call once.
    ///
    /// # Errors
    /// When it was called before.
    pub fn watch(self: Rc<Self>) -> io::Result<Vec<JoinHandle<()>>> {
        let events = self.events.take().ok_or_else(|| io::Error::other("events are watched already"))?;
        let object = self.loader.get("object").and_then(Value::as_str).map(str::to_owned);
        let sandbox = "gate-loader has exited; its programs are attached and pinned".into();
        let labels = self.context.config.labels().clone();
        self.report(Event::Start { binary: self.context.binary.clone(), sandbox, object, labels });
        events::watch(self, events)
    }

    pub(crate) fn report(&self, event: Event) {
        self.context.reporter.report(event);
    }

    /// Something that ought not to happen, for the record.
    pub(crate) fn note(&self, found: &str) {
        self.report(Event::Mismatch { found: found.into() });
    }

    pub(crate) fn with_maps<T>(&self, read: impl FnOnce(&Maps) -> T) -> T {
        read(&self.maps.borrow())
    }

    pub(crate) fn with_tables<T>(&self, read: impl FnOnce(Option<&Tables>) -> T) -> T {
        read(self.in_force.borrow().as_ref().map(InForce::tables))
    }

    fn version(&self) -> u64 {
        self.in_force.borrow().as_ref().map_or(0, InForce::version)
    }

    fn here(&self, bundle: &Admitted) -> Result<InForce, Vec<String>> {
        InForce::new(bundle, self.context.config.labels())
    }

    fn compile(&self, tables: &Tables, copy: u8) -> Result<Entries, Vec<String>> {
        let (hidden, capacity) = (self.context.config.proxy().port, Capacity::of_maps(&self.prefix));
        Entries::compile(tables, copy, hidden, capacity, clocks(&self.context))
    }

    /// Fills the copy that is not in force, and puts it into force.
    fn flip(&self, bundle: &InForce) -> Result<(), Vec<String>> {
        let said = |error: MapsError| vec![error.to_string()];
        let mut maps = self.maps.borrow_mut();
        let copy = 1 - maps.active().map_err(said)?.copy();
        let now = clocks(&self.context);
        let entries = self.compile(bundle.tables(), copy)?;
        // A program that began before the last flip may still read the copy that is about to be written: wait until
        // every CPU has left what it was in (this is synchronize_rcu()).
        membarrier(MembarrierCommand::Global).map_err(|error| vec![format!("membarrier: {error}")])?;
        fill(&mut maps, &entries, copy).map_err(said)?;
        self.write_local(&mut maps)?;
        let ports = entries.destinations.iter().map(|(port, _)| *port);
        let reserved = self.reserved.borrow_mut().set(ports);
        reserved.map_err(|error| vec![format!("reserving the declared ports: {error}")])?;
        // New identities before the flip: they are denied under the old table. Old ones after it: nobody is let go while
        // the bundle that governs him is in force.
        let before = cgroups::snapshot(&maps);
        let root = self.context.config.cgroup_root();
        let known = maps.services_of(1 - copy);
        let until_then = cgroups::until_the_flip(&maps, &self.prefix, &entries.cgroups, &known);
        let mut declared = cgroups::write(&mut maps, root, &self.prefix, &until_then).map_err(said)?;
        // A gate-proxy that lags would go on with what the old bundle granted. Under the new one it asks anew.
        if maps.active().map_err(said)?.version() != bundle.version() {
            maps.remove_grants().map_err(said)?;
        }
        self.converted.set(now);
        maps.set_active(Active::new(bundle.version(), copy)).map_err(said)?;
        if until_then != entries.cgroups {
            declared = cgroups::write(&mut maps, root, &self.prefix, &entries.cgroups).map_err(said)?;
        }
        cgroups::remove_old(&mut maps, &before, &declared);
        Ok(())
    }

    fn write_local(&self, maps: &mut Maps) -> Result<(), Vec<String>> {
        let found = addresses::of_host().map_err(|error| vec![format!("the host's addresses: {error}")])?;
        let old: Vec<_> = maps.local.keys().filter_map(Result::ok).filter(|key| !found.contains(key)).collect();
        let write = |maps: &mut Maps| {
            for address in &found {
                maps.local.insert(address, 1_u64.to_ne_bytes(), 0)?;
            }
            for address in old {
                maps.local.remove(&address)?;
            }
            Ok(())
        };
        write(maps).map_err(|error| vec![using("LOCAL")(error).to_string()])
    }

    /// A grant into the kernel, if both signatures and the own table allow it.
    fn grant(&self, assertion: &Signed<Assertion>, grant: &Signed<Grant>) -> Result<Grant, Vec<String>> {
        let bundle = self.in_force.borrow();
        let bundle = bundle.as_ref().ok_or_else(|| vec!["no bundle is in force".to_owned()])?;
        let now_ms = self.context.clock.unix_ms();
        let check = GrantCheck {
            authn: self.context.public_keys.authn(),
            authz: self.context.public_keys.authz(),
            environment: self.context.config.environment(),
            version: bundle.version(),
            tables: bundle.tables(),
            now_ms,
        };
        let checked = check.check(assertion, grant);
        let (source_name, outcome) = match &checked {
            Ok((assertion, _)) => (assertion.source_name.clone(), Ok(())),
            Err(refusal) => (String::new(), Err(refusal.to_string())),
        };
        let Ok((assertion, grant)) = checked else {
            let why = outcome.err().unwrap_or_default();
            self.report(refused_grant(&why));
            return Err(vec![why]);
        };
        let until_ms = grant.until_ms.min(assertion.expires_ms);
        let until = self.context.clock.boottime_ns() + until_ms.saturating_sub(now_ms) * 1_000_000;
        let key = GrantKey { source: grant.source.0, destination: grant.destination.0 }.to_bytes();
        let mut maps = self.maps.borrow_mut();
        let standing = maps.grants.get(&key, 0).map_or(0, |value| GrantValue::from_bytes(&value).until);
        let value = GrantValue { until: until.max(standing) }.to_bytes();
        if let Err(error) = maps.grants.insert(key, value, 0) {
            let why = using("GRANTS")(error).to_string();
            self.report(refused_grant(&why));
            return Err(vec![why]);
        }
        self.report(Event::Grant {
            session: grant.session.to_string(),
            decision: grant.decision.to_string(),
            source: source_name,
            destination: describe::service_name(Some(bundle.tables()), grant.destination.0),
            until_ms,
            outcome: Outcome::Allow,
            why: String::new(),
        });
        Ok(Grant { until_ms, ..grant })
    }

    /// Rules hold by the wall clock, the kernel goes by the boot clock. When the wall clock was moved, the tables are filled
    /// anew: the flip has every flow judged again.
    pub(crate) fn follow_the_clock(&self) {
        let moved = clocks(&self.context).moved_ms(self.converted.get());
        let bundle = self.in_force.borrow();
        let Some(bundle) = bundle.as_ref().filter(|_| moved >= MOVED_MS) else { return };
        if bundle.tables().reach.iter().all(|line| line.times.is_always()) {
            return;
        }
        match self.flip(bundle) {
            Ok(()) => {
                self.note(&format!("the wall clock was moved by {moved} ms; rules with times were converted again"))
            }
            Err(reasons) => self.note(&format!("the wall clock was moved by {moved} ms: {}", reasons.join("; "))),
        }
    }

    pub(crate) fn remove_ended_grants(&self) {
        let now = self.context.clock.boottime_ns();
        let mut maps = self.maps.borrow_mut();
        let ended: Vec<_> = maps
            .grants
            .iter()
            .filter_map(Result::ok)
            .filter(|(_, value)| GrantValue::from_bytes(value).until <= now)
            .map(|(key, _)| key)
            .collect();
        for key in ended {
            let _ = maps.grants.remove(&key);
        }
    }

    fn register(&self, mut descriptors: Vec<OwnedFd>) -> Result<(), Vec<String>> {
        let descriptor = match (descriptors.pop(), descriptors.is_empty()) {
            (Some(descriptor), true) => descriptor,
            _ => return Err(vec!["exactly one descriptor, the listener, goes with this request".into()]),
        };
        let listener = listener::check(descriptor, self.context.config.proxy().port).map_err(|why| vec![why])?;
        self.maps.borrow_mut().set_listener(&listener).map_err(|error| vec![error.to_string()])?;
        self.listener.set(true);
        // The descriptor is closed here; the map holds the socket as long as gate-proxy does.
        Ok(())
    }

    fn refuse(&self, reasons: Vec<String>) -> NetReply {
        NetReply::Refused(Refused { by: self.context.name(), reasons })
    }
}

/// From how far on the wall clock was set, and did not merely drift.
const MOVED_MS: u64 = 200;

fn clocks(context: &Context) -> Clocks {
    Clocks { unix_ms: context.clock.unix_ms(), boottime_ns: context.clock.boottime_ns() }
}

fn refused_grant(why: &str) -> Event {
    Event::Grant {
        session: String::new(),
        decision: String::new(),
        source: String::new(),
        destination: String::new(),
        until_ms: 0,
        outcome: Outcome::Deny,
        why: why.into(),
    }
}

/// Replaces everything in one copy.
fn fill(maps: &mut Maps, entries: &Entries, copy: u8) -> Result<(), MapsError> {
    let old: Vec<_> =
        maps.rules.keys().filter_map(Result::ok).filter(|key| RuleKey::from_bytes(key).copy == copy).collect();
    for key in old {
        maps.rules.remove(&key).map_err(using("RULES"))?;
    }
    let old: Vec<_> = maps
        .services
        .keys()
        .filter_map(Result::ok)
        .filter(|key| ServiceKey::from_bytes(key).copy == u32::from(copy))
        .collect();
    for key in old {
        maps.services.remove(&key).map_err(using("SERVICES"))?;
    }
    maps.set_destinations(copy, &entries.destinations)?;
    for (key, value) in &entries.rules {
        maps.rules.insert(key.to_bytes(), value.to_bytes(), 0).map_err(using("RULES"))?;
    }
    for (key, value) in &entries.services {
        maps.services.insert(key.to_bytes(), value.to_bytes(), 0).map_err(using("SERVICES"))?;
    }
    Ok(())
}

impl Duty for Service {
    async fn stage(&self, candidate: &Admitted) -> Result<Option<Signed<gate_statements::Confirmation>>, Vec<String>> {
        self.compile(self.here(candidate)?.tables(), 0)?;
        Ok(None)
    }

    async fn activate(&self, bundle: &Admitted) -> Result<(), Vec<String>> {
        let bundle = self.here(bundle)?;
        self.flip(&bundle)?;
        *self.in_force.borrow_mut() = Some(bundle);
        Ok(())
    }

    fn status(&self) -> Value {
        let maps = self.maps.borrow();
        let active = maps.active().unwrap_or(Active(0));
        let counters = maps.counters().unwrap_or_default();
        let counter = |counter: Counter| counters.get(counter as usize).copied().unwrap_or(0);
        json!({
            "version": self.version(),
            "kernel": { "version": active.version(), "copy": active.copy() },
            "loader": self.loader,
            "listener": self.listener.get(),
            "live_grants": maps.grants.keys().count(),
            "flow_tags": maps.tags.keys().count(),
            "cgroups": maps.cgroups.keys().count(),
            "packets_dropped": counter(Counter::PacketsDropped),
            "connects_refused": counter(Counter::ConnectsRefused),
            "events_lost": counter(Counter::EventsLost),
            "events_suppressed": counter(Counter::EventsSuppressed),
            "faults": counter(Counter::Faults),
        })
    }

    async fn explain(&self, question: &Question) -> Result<Value, Vec<String>> {
        self.with_tables(|tables| explain(tables, question, self.context.clock.unix_ms() / 1_000))
    }
}

impl Handler for Service {
    type Request = NetRequest;
    type Reply = NetReply;
    const DESCRIPTORS: usize = 1;

    async fn handle(&self, call: Call<'_, NetRequest>) -> Result<NetReply, Misuse> {
        Ok(match call.request {
            NetRequest::RegisterListener => match self.register(call.descriptors) {
                Ok(()) => NetReply::Registered,
                Err(reasons) => self.refuse(reasons),
            },
            NetRequest::PresentGrant { .. } if !call.descriptors.is_empty() => {
                return Err(Misuse { found: "a grant came with a descriptor; it takes none".into() });
            }
            NetRequest::PresentGrant { assertion, grant } => match self.grant(&assertion, &grant) {
                Ok(grant) => NetReply::Granted { until_ms: grant.until_ms },
                Err(reasons) => self.refuse(reasons),
            },
        })
    }
}
