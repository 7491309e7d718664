//! Whatever the tables and whoever signs: what one person put into force allows nothing that was denied before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use gate_tables::{Access, Condition, Protocol, Service, ServiceId, Tables};
use proptest::prelude::*;
use support::shop::{self, BATCH, LEDGER, ORDERS, WEB};
use support::*;

const SOURCES: [ServiceId; 3] = [ServiceId(0), WEB, BATCH];
const TARGETS: [(ServiceId, Option<&str>); 4] =
    [(ORDERS, Some("orders.create")), (ORDERS, Some("orders.get")), (ORDERS, Some("orders.list")), (LEDGER, None)];
const REQUESTS: [(&str, &str); 4] =
    [("POST", "/orders"), ("GET", "/orders/7"), ("GET", "/orders"), ("GET", "/orders/else")];

/// What a condition answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Holds,
    Not,
    Fails,
}

/// For each cell the rules that speak of it, by number: permits 0 to 3 (0 has no condition, 3 may fail), forbids 4, 5.
type Cells = Vec<Vec<u32>>;

/// What else somebody changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twist {
    None,
    Observe,
    Enforce,
    WiderRoute,
    OtherCgroup,
    OtherPort,
    SmuggledReach,
    ServiceGone,
    RouteGone,
}

fn tables(cells: &Cells, observed: bool, twist: Twist) -> Tables {
    let mut tables = shop::tables();
    tables.rules.truncate(6);
    for (number, rule) in tables.rules.iter_mut().enumerate() {
        rule.effect = if number < 4 { "permit" } else { "forbid" }.into();
        rule.condition = (number != 0).then(|| Condition {
            sha256: number.to_string().repeat(64),
            total: number != 3 && number != 5,
            roles: None,
        });
    }
    let keys = TARGETS.iter().flat_map(|(service, action)| SOURCES.iter().map(move |source| (service, action, source)));
    let line = |((destination, action, source), rules): ((&ServiceId, &Option<&str>, &ServiceId), &Vec<u32>)| {
        let part = |permits: bool| rules.iter().copied().filter(|rule| (*rule < 4) == permits).collect::<Vec<_>>();
        let (permits, forbids) = (part(true), part(false));
        let mut line = shop::line(*destination, *action, [&permits, &forbids], &[*source]);
        // The kernel asks no conditions.
        line.permits.retain(|rule| line.action.is_some() || *rule == 0);
        line.forbids.retain(|_| line.action.is_some());
        (!line.permits.is_empty()).then_some(line)
    };
    tables.access = keys.zip(cells).filter_map(line).collect();
    tables.services[3].observe = observed;
    match twist {
        Twist::None | Twist::SmuggledReach => {}
        Twist::Observe => tables.services[0].observe = true,
        Twist::Enforce => tables.services[3].observe = false,
        Twist::WiderRoute => tables.services[2].ports[0].routes[1] = shop::route("orders.get", "GET", "/orders/{id}"),
        Twist::OtherCgroup => tables.services[0].cgroup = "else.service".into(),
        Twist::OtherPort => tables.services[1].ports[0].number = 5433,
        Twist::ServiceGone => {
            tables.access.retain(|line| line.sources != [BATCH]);
            let gone = tables.services.remove(0);
            tables.retired.insert(gone.name, gone.id);
        }
        Twist::RouteGone => {
            tables.access.retain(|line| line.action.as_deref() != Some("orders.get"));
            tables.services[2].ports[0].routes.remove(1);
        }
    }
    let mut tables = shop::finish(tables);
    if twist == Twist::SmuggledReach {
        let mut all = tables.clone();
        all.access = vec![shop::line(LEDGER, None, [&[0], &[]], &SOURCES)];
        let more = shop::reach(&all).into_iter().filter(|line| tables.reach(line.source, LEDGER, line.port).is_none());
        tables.reach.extend(more.collect::<Vec<_>>());
        tables.reach.sort_by_key(|line| (line.source, line.destination, line.port));
    }
    tables
}

/// What happens to a request of a process in that cgroup to that port, written down without the code under test.
fn allowed(tables: &Tables, cgroup: &str, port: u16, request: (&str, &str), answers: &[Answer]) -> bool {
    let host = cgroup.is_empty();
    let source = tables.services.iter().find(|service| service.cgroup == cgroup);
    if !host && source.is_none_or(|service| service.observe) {
        return true;
    }
    let source = source.map_or(ServiceId(0), |service| service.id);
    let listens = |service: &&Service| service.ports.first().is_some_and(|declared| declared.number == port);
    let Some(destination) = tables.services.iter().find(listens) else { return true };
    let declared = &destination.ports[0];
    if declared.protocol == Protocol::Plain {
        return tables.reach(source, destination.id, declared.id).is_some();
    }
    let (method, path) = request;
    let takes = |route: &&gate_tables::Route| route.method == method && route.path.matches(path).is_some();
    let Some(route) = declared.routes.iter().find(takes) else { return false };
    let about = |line: &&Access| line.sources.contains(&source) && line.action.as_ref() == Some(&route.action);
    let Some(line) = tables.access.iter().find(about) else { return false };
    let answer = |rule: &u32| if *rule == 0 { Answer::Holds } else { answers[*rule as usize] };
    let fails = line.permits.iter().chain(&line.forbids).any(|rule| answer(rule) == Answer::Fails);
    let holds = |rules: &[u32]| rules.iter().any(|rule| answer(rule) == Answer::Holds);
    !fails && holds(&line.permits) && !holds(&line.forbids)
}

fn cells() -> impl Strategy<Value = Cells> {
    let rules = prop::collection::btree_set(0_u32..6, 0..4).prop_map(|set| set.into_iter().collect());
    prop::collection::vec(rules, TARGETS.len() * SOURCES.len())
}

/// Mostly fewer rules than before, so that removals are among the pairs.
fn pair() -> impl Strategy<Value = (Cells, Cells)> {
    let dropped = prop::collection::vec(0_u8..8, TARGETS.len() * SOURCES.len() * 3);
    (cells(), dropped, any::<bool>(), cells()).prop_map(|(old, dropped, related, other)| {
        if !related {
            return (old, other);
        }
        let mut chance = dropped.into_iter().cycle();
        let mut keep = |_: &u32| chance.next().unwrap() > 0;
        let new = old.iter().map(|rules| rules.iter().copied().filter(&mut keep).collect()).collect();
        (old, new)
    })
}

fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        6 => Just(Twist::None),
        1 => Just(Twist::Observe),
        1 => Just(Twist::Enforce),
        1 => Just(Twist::WiderRoute),
        1 => Just(Twist::OtherCgroup),
        1 => Just(Twist::OtherPort),
        1 => Just(Twist::SmuggledReach),
        1 => Just(Twist::ServiceGone),
        1 => Just(Twist::RouteGone),
    ]
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let may_fail = prop_oneof![Just(Answer::Holds), Just(Answer::Not), Just(Answer::Fails)];
    let total = prop_oneof![Just(Answer::Holds), Just(Answer::Not)];
    (prop::collection::vec(total, 6), prop::collection::vec(may_fail, 2)).prop_map(|(mut all, fails)| {
        (all[3], all[5]) = (fails[0], fails[1]);
        all
    })
}

fn signers() -> impl Strategy<Value = Vec<(Role, u8)>> {
    let role = prop_oneof![Just(Role::Author), Just(Role::Approver)];
    let seed = prop_oneof![6 => Just(ALICE), 4 => Just(BOB), 4 => Just(CAROL), 1 => Just(DAVE), 1 => Just(STRANGER)];
    prop::collection::vec((role, seed), 1..4).prop_map(|mut all| {
        all.sort_by_key(|(role, seed)| (*role == Role::Approver, *seed));
        all.dedup();
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_one_person_put_into_force_gives_nothing(
        (old, new) in pair(),
        observed in any::<bool>(),
        twist in twist(),
        signers in signers(),
        samples in prop::collection::vec(answers(), 12),
    ) {
        let (old, new) = (tables(&old, observed, Twist::None), tables(&new, observed, twist));
        let twisted = twist == Twist::SmuggledReach;
        if twisted && Tables::from_bytes(&new.to_bytes().unwrap()).is_err() {
            return Ok(());
        }
        let duties = duties(1);
        let trust = root(&duties);
        let first = signed(&shop::bundle(&duties, &old, None), &[AUTHOR, APPROVER]);
        let first = expect_admitted(admit(&first, None, &trust, ENVIRONMENT, NOW));
        let bundle = signed(&shop::bundle(&duties, &new, Some(&first)), &signers);
        let Ok(Admission::Admitted(admitted)) = admit(&bundle, Some(&first), &trust, ENVIRONMENT, NOW) else {
            return Ok(());
        };
        let people = |role| signers.iter().filter(move |(signed, _)| *signed == role).map(|(_, seed)| *seed);
        let full = people(Role::Author).count() == 1
            && people(Role::Approver).any(|seed| !people(Role::Author).any(|author| author == seed));
        prop_assert_eq!(admitted.signers().quorum == Quorum::Full, full);
        if full {
            return Ok(());
        }
        for answers in &samples {
            for cgroup in ["", "web.service", "batch.service", "else.service"] {
                for (port, request) in REQUESTS.into_iter().map(|request| (8080, request)).chain([(5432, ("", "")), (5433, ("", ""))]) {
                    let (was, is) = (
                        allowed(&old, cgroup, port, request, answers),
                        allowed(&new, cgroup, port, request, answers),
                    );
                    prop_assert!(!is || was, "{cgroup:?} -> {port} {request:?} with {answers:?}");
                }
            }
        }
    }
}
