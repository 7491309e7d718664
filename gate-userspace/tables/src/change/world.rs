//! Whatever is said to only take away lets nothing through that was denied before: tried on every process, address and
//! request of a small world, by a model that is written down without the code under test.

mod model;

use super::*;
use crate::{
    Access, Condition, FORMAT, HostPattern, HostSection, Issuer, Listener, Network, Parties, Party, PathPattern, Port,
    PortId, Posture, Prefix, Protocol, Reach, Route, Rule, Selector, Service, ServiceId, Times, Transport, Via,
};
use model::allowed;
use proptest::prelude::*;
use std::collections::BTreeMap;

const DB: ServiceId = ServiceId(1);
const ORDERS: ServiceId = ServiceId(2);
const WEB: ServiceId = ServiceId(3);
const LAN: ServiceId = ServiceId(4);
const OFFICE: ServiceId = ServiceId(5);

const SOURCES: [ServiceId; 5] = [ServiceId::HOST, WEB, LAN, OFFICE, ServiceId::WORLD];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.1.0.1", "10.2.0.1", "192.0.2.1", "fd00::1"];
const HOSTS: [&str; 3] = ["a.example", "b.a.example", "c.example"];
const LABELS: [&str; 2] = ["data", "web"];
/// Ports of db, of orders, and of nobody.
const LOCAL: [u16; 4] = [5432, 8080, 22, 4000];

/// A process: its cgroup, its user, its executable.
type Process = (&'static str, u32, &'static str);
const PROCESSES: [Process; 5] = [
    ("web.service", 7, "/web"),
    ("web.service", 8, "/web"),
    ("web.service", 7, "/else"),
    ("orders.service", 7, "/orders"),
    ("else.service", 7, "/web"),
];

/// Everything that somebody may write otherwise; each number is one of a few values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Policy {
    lan: usize,
    office: usize,
    office_environment: bool,
    uid: Option<u32>,
    exe: bool,
    observe: bool,
    groups: usize,
    web_on: usize,
    posture: Posture,
    failsafe: usize,
    section: usize,
    hosts: usize,
    list_is_there: bool,
    header: bool,
    issuer: usize,
    keys: usize,
    channel: bool,
    udp: bool,
    /// For each source and each of the five targets: no rule, always, or on a condition.
    cells: Vec<u8>,
}

const TARGETS: usize = 5;

fn policy() -> impl Strategy<Value = Policy> {
    let small = || 0..3usize;
    let one =
        (small(), small(), any::<bool>(), prop::option::of(7..9u32), any::<bool>(), any::<bool>(), small(), small());
    let two = (any::<bool>(), small(), small(), 0..4usize, any::<bool>(), any::<bool>(), small(), 0..2usize);
    let cells = prop::collection::vec(0..3u8, SOURCES.len() * TARGETS);
    (one, two, any::<bool>(), any::<bool>(), cells).prop_map(|(one, two, channel, udp, cells)| {
        let (lan, office, office_environment, uid, exe, observe, groups, web_on) = one;
        let (deny, failsafe, section, hosts, list_is_there, header, issuer, keys) = two;
        let posture = if deny { Posture::Deny } else { Posture::Open };
        Policy {
            lan,
            office,
            office_environment,
            uid,
            exe,
            observe,
            groups,
            web_on,
            posture,
            failsafe,
            section,
            hosts,
            list_is_there,
            header,
            issuer,
            keys,
            channel,
            udp,
            cells,
        }
    })
}

/// Two policies of which the second has mostly what the first has.
fn pair() -> impl Strategy<Value = (Policy, Policy)> {
    (policy(), policy(), prop::collection::vec(prop::bool::weighted(0.12), 18), prop::bool::weighted(0.8)).prop_map(
        |(old, other, take, fewer)| {
            let mut new = old.clone();
            let mut take = take.into_iter();
            macro_rules! maybe {
                ($($field:ident)*) => { $(if take.next() == Some(true) { new.$field = other.$field.clone(); })* };
            }
            maybe!(lan office office_environment uid exe observe groups web_on posture failsafe section hosts
                   list_is_there header issuer keys channel udp);
            // Mostly rules that are gone, so that removals are among the pairs.
            for (cell, random) in new.cells.iter_mut().zip(&other.cells) {
                *cell = if !fewer {
                    *random
                } else if *random == 2 {
                    0
                } else {
                    *cell
                };
            }
            (old, new)
        },
    )
}

fn blocks(text: &[&str]) -> Vec<Prefix> {
    text.iter().map(|block| Prefix::parse(block).unwrap()).collect()
}

fn on(which: usize) -> Selector {
    match which {
        0 => Selector::new(),
        which => Selector::from([("role".to_owned(), [LABELS[which - 1].to_owned()].into())]),
    }
}

fn listeners(which: usize) -> Vec<Listener> {
    [22, 4000].into_iter().take(which).map(|number| Listener { transport: Transport::Tcp, number }).collect()
}

fn route(name: &str, path: &str) -> Route {
    let (action, path) = (format!("orders.{name}"), PathPattern::parse(path).unwrap());
    Route { action, method: "GET".into(), path, ..Route::default() }
}

impl Policy {
    fn networks(&self) -> Vec<Network> {
        let network = |id, name: &str, addresses, ports| Network {
            id,
            name: name.into(),
            owner: "net".into(),
            addresses: blocks(addresses),
            ports,
            environment: None,
        };
        let https = vec![Port { id: PortId(1), name: "tcp-443".into(), number: 443, ..Port::default() }];
        let lan: &[&str] = [&["10.0.0.0/8"][..], &["10.0.0.0/8", "fd00::/8"], &["0.0.0.0/0"]][self.lan];
        let office: &[&str] = [&["10.1.0.0/16"][..], &["10.2.0.0/16"], &["10.1.0.0/16", "10.2.0.0/16"]][self.office];
        let mut office = network(OFFICE, "office", office, https.clone());
        office.environment = self.office_environment.then(|| "prod".to_owned());
        vec![network(LAN, "lan", lan, https), office]
    }

    fn services(&self) -> Vec<Service> {
        let service = |id, name: &str, ports| Service {
            id,
            name: name.into(),
            owner: "team".into(),
            cgroup: format!("{name}.service"),
            ports,
            ..Service::default()
        };
        let transport = if self.udp { Transport::Udp } else { Transport::Tcp };
        let main = Port { id: PortId(1), name: "main".into(), number: 5432, transport, ..Port::default() };
        let host = |name: &&str| HostPattern::parse(name).unwrap();
        let mut get = route("get", "/get");
        get.hosts = [&[][..], &["*.a.example", "a.example"], &["a.example"], &["b.a.example"]][self.hosts]
            .iter()
            .map(host)
            .collect();
        if self.header {
            get.headers = vec![crate::Field { name: "x".into(), kind: crate::ParameterKind::Int }];
        }
        let list = self.list_is_there.then(|| route("list", "/list"));
        let api = Port {
            id: PortId(1),
            name: "api".into(),
            number: 8080,
            protocol: Protocol::Http,
            channel: if self.channel { crate::Channel::Admin } else { crate::Channel::Traffic },
            issuer: ["one", "two"].get(self.issuer).map(|name| (*name).to_owned()),
            routes: std::iter::once(get).chain(list).collect(),
            ..Port::default()
        };
        let mut web = service(WEB, "web", vec![]);
        (web.uid, web.exe, web.observe) = (self.uid, self.exe.then(|| "/web".to_owned()), self.observe);
        web.groups = ["a", "b"].iter().take(self.groups).map(|name| (*name).to_owned()).collect();
        web.on = on(self.web_on);
        vec![service(DB, "db", vec![main]), service(ORDERS, "orders", vec![api]), web]
    }

    fn tables(&self) -> Tables {
        let rule = |id: &str, condition: Option<char>| Rule {
            id: id.into(),
            effect: "permit".into(),
            reason: "r".into(),
            ticket: "T".into(),
            place: "a.cedar:1".into(),
            condition: condition.map(|digit| Condition {
                sha256: digit.to_string().repeat(64),
                total: true,
                roles: None,
            }),
        };
        let issuer = |name: &str| Issuer {
            name: name.into(),
            url: "https://i.example".into(),
            audiences: vec!["a".into()],
            algorithms: vec![crate::Algorithm::ES256],
            keys: format!("/keys/{}", self.keys),
            claims: vec![],
            roles: None,
        };
        let section = HostSection {
            name: "data".into(),
            on: on(1),
            failsafe: listeners(1),
            posture: if self.section == 1 { Posture::Deny } else { Posture::Open },
        };
        let mut tables = Tables {
            format: FORMAT,
            environment: "demo".into(),
            labels: Selector::from([("role".to_owned(), LABELS.map(ToOwned::to_owned).into())]),
            issuers: vec![issuer("one"), issuer("two")],
            networks: self.networks(),
            services: self.services(),
            rules: vec![rule("a", None), rule("b", Some('b'))],
            ..Tables::default()
        };
        tables.host.posture = self.posture;
        tables.host.failsafe = listeners(self.failsafe);
        tables.host.sections.extend((self.section > 0).then_some(section));
        let targets =
            [(DB, None), (LAN, None), (OFFICE, None), (ORDERS, Some("orders.get")), (ORDERS, Some("orders.list"))];
        let mut cells = self.cells.iter();
        for ((destination, action), source) in
            targets.into_iter().flat_map(|target| SOURCES.map(|source| (target, source)))
        {
            let rule = match cells.next() {
                Some(1) => 0,
                // The kernel asks no conditions.
                Some(2) if action.is_some() => 1,
                _ => continue,
            };
            if action == Some("orders.list") && !self.list_is_there {
                continue;
            }
            let line = Access {
                destination,
                port: PortId(1),
                action: action.map(str::to_owned),
                permits: vec![rule],
                forbids: vec![],
                sources: vec![source],
            };
            tables.access.push(line);
        }
        tables.access.sort();
        let mut reach: BTreeMap<_, Reach> = BTreeMap::new();
        for line in &tables.access {
            let (source, destination, rule) = (line.sources[0], line.destination, line.permits[0]);
            let via = if line.action.is_some() { Via::Proxy } else { Via::Direct };
            let line = Reach { source, destination, port: line.port, via, rule, times: Times::default() };
            reach.entry((source, destination)).or_insert(line);
        }
        tables.reach = reach.into_values().collect();
        Tables::from_bytes(&tables.to_bytes().unwrap()).unwrap()
    }
}

fn everywhere(tables: &Tables) -> Vec<BTreeSet<String>> {
    let hosts = [None, Some("data"), Some("web")];
    hosts.into_iter().flat_map(|role| [false, true].map(|holds| allowed(tables, role, holds))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_said_to_take_away_lets_nothing_new_through((old, new) in pair()) {
        let (before, after) = (old.tables(), new.tables());
        let difference = compare(&before, &after);
        if difference.only_removes() {
            for (was, is) in everywhere(&before).iter().zip(&everywhere(&after)) {
                let new: Vec<_> = is.difference(was).collect();
                prop_assert!(new.is_empty(), "{new:?} after {:?}", difference.withdrawn);
            }
        }
        if before == after {
            prop_assert_eq!(difference, Difference::default());
        }
    }
}

/// A world in which everybody may everything, and how it is narrowed and widened.
fn open() -> Policy {
    Policy {
        lan: 1,
        office: 2,
        office_environment: false,
        uid: None,
        exe: false,
        observe: false,
        groups: 2,
        web_on: 0,
        posture: Posture::Open,
        failsafe: 0,
        section: 0,
        hosts: 0,
        list_is_there: true,
        header: false,
        issuer: 2,
        keys: 0,
        channel: false,
        udp: false,
        cells: vec![1; SOURCES.len() * TARGETS],
    }
}

fn changed(change: impl Fn(&mut Policy)) -> (Policy, Difference) {
    let mut new = open();
    change(&mut new);
    let difference = compare(&open().tables(), &new.tables());
    (new, difference)
}

#[test]
fn what_narrows_is_a_withdrawal_and_its_reverse_is_none() {
    for (change, words, of) in [
        (
            &(|p: &mut Policy| p.uid = Some(7)) as &dyn Fn(&mut Policy),
            "service web is only of the user 7, and was of any",
            "web",
        ),
        (&|p| p.exe = true, "service web is only /web, and was any executable", "web"),
        (&|p| p.hosts = 1, "route orders.get is for *.a.example a.example only", "orders"),
        (&|p| p.list_is_there = false, "route orders.list is gone", "orders"),
        (&|p| p.posture = Posture::Deny, "[host] is Deny with no failsafe port, and was Open", ""),
    ] {
        let (new, difference) = changed(change);
        assert_eq!(difference.withdrawn, [words]);
        assert_eq!(difference.narrowed, BTreeSet::from([of.to_owned()]));
        assert!(difference.only_removes() && difference.takes_away(), "{difference:?}");
        let reverse = compare(&new.tables(), &open().tables());
        assert!(!reverse.only_removes() && reverse.redeclared.contains(of), "{words}: {reverse:?}");
    }
    let (narrow, _) = changed(|p| p.hosts = 1);
    let narrower = Policy { hosts: 3, ..narrow.clone() };
    let difference = compare(&narrow.tables(), &narrower.tables());
    assert_eq!(difference.withdrawn, ["route orders.get is for b.a.example only"], "below *.a.example");
    assert!(difference.only_removes());
    let deny = |failsafe| Policy { posture: Posture::Deny, failsafe, ..open() };
    let less = compare(&deny(2).tables(), &deny(1).tables());
    assert_eq!(less.withdrawn, ["[host] is Deny with tcp/22 failsafe, and was Deny with tcp/22 tcp/4000 failsafe"]);
    assert!(less.only_removes() && !compare(&deny(1).tables(), &deny(2).tables()).only_removes());
}

#[test]
fn what_may_give_is_declared_with_who_answers_for_it() {
    for (change, words, of) in [
        (&(|p: &mut Policy| p.lan = 2) as &dyn Fn(&mut Policy), "network lan is number 4", "lan"),
        (&|p| p.office = 0, "network office is number 5 of net: 10.1.0.0/16 with tcp/443, and was", "office"),
        (&|p| p.office_environment = true, "network office is number 5 of net of prod: ", "office"),
        (&|p| p.groups = 1, "the groups of service web is [\"a\"], and was [\"a\", \"b\"]", "web"),
        (&|p| p.web_on = 1, "the hosts of service web is ", "web"),
        (&|p| p.observe = true, "observe of service web is true", "web"),
        (&|p| p.section = 2, "section data of [host] is new", ""),
        (&|p| p.failsafe = 1, "[host] is Open with tcp/22 failsafe, and was Open", ""),
        (&|p| p.header = true, "route orders.get is GET /get, headers x:Int", "orders"),
        (&|p| p.issuer = 0, "port orders:api is tcp/8080 http for traffic, users by one, number 1, and was", "orders"),
        (&|p| p.channel = true, "port orders:api is tcp/8080 http for admin, no users", "orders"),
        (&|p| p.udp = true, "port db:main is udp/5432 plain", "db"),
        (&|p| p.keys = 1, "issuer one is ", ""),
    ] {
        let (_, difference) = changed(change);
        assert!(difference.declarations.iter().any(|said| said.starts_with(words)), "{words:?}: {difference:?}");
        assert!(difference.redeclared.contains(of) && !difference.only_removes(), "{words}");
    }
}

#[test]
fn parties_have_names_of_their_own() {
    let tables = open().tables();
    let parties = Parties::new(&tables);
    let names: Vec<&str> = parties.iter().map(|(_, party)| Party::name(party)).collect();
    assert_eq!(names, ["host", "db", "orders", "web", "lan", "office", "world"]);
}
