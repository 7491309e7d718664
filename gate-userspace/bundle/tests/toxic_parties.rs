//! Toxic combinations of groups, roles, networks and the world, and reach across environments.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use gate_tables::{
    Access, Algorithm, Claim, ClaimKind, Condition, Issuer, Network, Port, PortId, Prefix, Roles, Rule, ServiceId,
    Tables,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use support::shop::{self, BATCH, LEDGER, ORDERS, WEB, line};
use support::*;

const PROD: ServiceId = ServiceId(5);
const PART: ServiceId = ServiceId(6);
const HOST: ServiceId = ServiceId::HOST;
const WORLD: ServiceId = ServiceId::WORLD;
const EVERYBODY: [(Role, u8); 2] = [AUTHOR, APPROVER];

/// The shop with the network prod of another environment, a part of it, and roles of users.
fn tables(change: impl FnOnce(&mut Tables)) -> Tables {
    let network = |id, name: &str, block: &str, environment: Option<&str>| Network {
        id,
        name: name.into(),
        owner: "team-net".into(),
        environment: environment.map(str::to_owned),
        addresses: vec![Prefix::parse(block).unwrap()],
        ports: vec![Port { id: PortId(1), name: "tcp-5432".into(), number: 5432, ..Port::default() }],
    };
    let values = ["boss", "clerk"].map(str::to_owned).to_vec();
    let customers = Issuer {
        name: "customers".into(),
        url: "https://login.example".into(),
        audiences: vec!["shop".into()],
        algorithms: vec![Algorithm::ES256],
        keys: "/keys.json".into(),
        claims: vec![Claim { name: "role".into(), kind: ClaimKind::String, optional: false }],
        roles: Some(Roles { claim: "role".into(), values }),
    };
    let mut tables = shop::tables();
    tables.access.clear();
    tables.networks =
        vec![network(PART, "part", "10.1.0.0/16", None), network(PROD, "prod", "10.0.0.0/8", Some("production"))];
    tables.issuers = vec![customers];
    tables.services[2].ports[0].issuer = Some("customers".into());
    for (service, groups) in [(0, &["a"][..]), (3, &["a", "b"])] {
        tables.services[service].groups = groups.iter().map(|group| (*group).to_owned()).collect();
    }
    change(&mut tables);
    tables.access.sort();
    tables.reach.clear();
    tables
}

fn rule(id: &str, roles: Option<&[&str]>) -> Rule {
    let roles = roles.map(|roles| roles.iter().map(|role| (*role).to_owned()).collect());
    let condition = Some(Condition { sha256: "a".repeat(64), total: true, roles }).filter(|c| c.roles.is_some());
    let text = |text: &str| text.to_owned();
    Rule {
        id: text(id),
        effect: text("permit"),
        reason: text("r"),
        ticket: text("T"),
        place: text("a.cedar:1"),
        condition,
    }
}

fn toxic(holder: &str) -> String {
    format!(
        "[[toxic]]\nid = \"both\"\nreason = \"not both\"\nactions = [\"orders.create\", \"orders.list\"]\nholder = \
         \"{holder}\"\n"
    )
}

fn exception(of: &str, holder: &str) -> String {
    format!(
        "[[exception]]\n{of}\nholder = \"{holder}\"\nowner = \"team-risk\"\nticket = \"RISK-7\"\nuntil = 2027-01-20\n"
    )
}

const REACH: &str = "reach = \"prod\"\nreason = \"the yearly report\"";
/// After the last second of 2027-01-20.
const LATE: u64 = 1_800_489_600;

fn judged(more: &str, tables: &Tables, previous: Option<&Admitted>, now: u64) -> Result<Admitted, Vec<String>> {
    let duties = duties(1) + more;
    let draft = Draft { not_after: now + 1, ..draft(previous) };
    let bundle = Bundle::unsigned(draft, shop::bundle(&duties, tables, previous).files().clone()).unwrap();
    match admit(&signed(&bundle, &EVERYBODY), previous, &root(&duties), ENVIRONMENT, now) {
        Ok(Admission::Admitted(admitted)) => Ok(admitted),
        Ok(Admission::AlreadyActive) => panic!("it is new"),
        Err(refusal) => Err(refusal.reasons().iter().map(ToString::to_string).collect()),
    }
}

fn told(more: &str, tables: &Tables) -> Vec<String> {
    judged(more, tables, None, NOW).err().unwrap_or_default()
}

fn both(create: &[ServiceId], list: &[ServiceId]) -> Tables {
    tables(|t| {
        t.access.push(line(ORDERS, Some("orders.create"), [&[1], &[]], create));
        t.access.push(line(ORDERS, Some("orders.list"), [&[0], &[]], list));
    })
}

#[test]
fn services_of_one_group_are_one_hand() {
    let apart = both(&[BATCH], &[WEB]);
    let found = told(&toxic("group"), &apart);
    let expected = "toxic combination \"both\" (not both): group a holds orders.create (batch by b-web-writes), orders.list \
                    (web by a-web-reads); take one away";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    assert!(told(&(toxic("group") + &exception("toxic = \"both\"", "a")), &apart).is_empty());
    assert!(told(&toxic("service"), &apart).is_empty());
    // In two groups, or in none, nobody of one group holds both.
    let alone = tables(|t| {
        t.services[0].groups.clear();
        t.access.clone_from(&apart.access);
    });
    assert!(told(&toxic("group"), &alone).is_empty());
    assert_eq!(told(&toxic("group"), &both(&[WEB], &[WEB])).len(), 2, "of a, and of b");
}

#[test]
fn a_service_leaves_its_group_only_with_everybody() {
    let first = judged(&toxic("group"), &both(&[BATCH], &[LEDGER]), None, NOW).unwrap();
    let left = tables(|t| {
        t.services[0].groups.clear();
        t.access.push(line(ORDERS, Some("orders.create"), [&[1], &[]], &[BATCH]));
    });
    let one = signed(&shop::bundle(&(duties(1) + &toxic("group")), &left, Some(&first)), &[AUTHOR]);
    let refused = admit(&one, Some(&first), &root("any"), ENVIRONMENT, NOW).unwrap_err().to_string();
    assert!(refused.contains("the groups of service batch is []"), "{refused}");
}

#[test]
fn networks_the_world_and_the_host_are_hands() {
    for (who, name) in [(WORLD, "service world"), (PART, "network part"), (HOST, "service host"), (WEB, "service web")]
    {
        let found = told(
            &(toxic("service") + &exception(REACH, "orders") + &exception(&REACH.replace("prod", "part"), "orders")),
            &both(&[who], &[who]),
        );
        assert!(found[0].contains(&format!(": {name} holds orders.create")), "{found:?}");
        let holder = name.split(' ').next_back().unwrap();
        let excepted = told(&(toxic("service") + &exception("toxic = \"both\"", holder)), &both(&[who], &[who]));
        assert!(excepted.iter().all(|one| !one.contains("toxic")), "{excepted:?}");
    }
    let owner = told(&toxic("owner"), &both(&[PART], &[PROD]));
    assert!(
        owner[0].contains(": owner team-net holds orders.create (part by b-web-writes), orders.list (prod"),
        "{owner:?}"
    );
}

/// Rules that may hold for roles: 0 for all, 1 for clerks, 2 for bosses, 3 for both, 4 for nobody.
fn of_roles(create: &[u32], list: &[u32]) -> Tables {
    tables(|t| {
        let roles: [Option<&[&str]>; 5] =
            [None, Some(&["clerk"]), Some(&["boss"]), Some(&["boss", "clerk"]), Some(&[])];
        t.rules = roles.iter().enumerate().map(|(n, roles)| rule(&format!("r{n}"), *roles)).collect();
        for (action, rules, source) in [("orders.create", create, BATCH), ("orders.list", list, WEB)] {
            t.access.extend((!rules.is_empty()).then(|| line(ORDERS, Some(action), [rules, &[]], &[source])));
        }
    })
}

#[test]
fn a_role_holds_what_rules_may_give_its_users() {
    let found = told(&toxic("role"), &of_roles(&[1], &[0, 2]));
    let expected = "toxic combination \"both\" (not both): role customers:clerk holds orders.create (through batch by r1), \
                    orders.list (through web by r0); take one away";
    assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    assert!(
        told(&(toxic("role") + &exception("toxic = \"both\"", "customers:clerk")), &of_roles(&[1], &[0])).is_empty()
    );
    assert!(told(&toxic("role"), &of_roles(&[1], &[2])).is_empty());
    assert!(told(&toxic("role"), &of_roles(&[0], &[4])).is_empty());
    // Without an issuer there are no users.
    let mut nobody = of_roles(&[0], &[0]);
    nobody.services[2].ports[0].issuer = None;
    assert!(told(&toxic("role"), &nobody).is_empty());
    assert_eq!(told(&toxic("role"), &of_roles(&[0], &[0])).len(), 2, "boss and clerk");
}

/// What joins services here with the networks.
fn joined(lines: &[Access]) -> Tables {
    tables(|t| t.access.extend_from_slice(lines))
}

#[test]
fn reach_across_environments_is_refused_in_both_directions() {
    let out = joined(&[line(PROD, None, [&[0], &[]], &[WEB])]);
    let expected = "reach across environments: web of \"demo\" and network prod of \"production\" are joined by connect \
                    prod:tcp-5432 (web by a-web-reads); take it away, or have an [[exception]] with reach = \"prod\" and \
                    holder = \"web\" in policy/duties.toml";
    assert_eq!(told("", &out), [expected]);
    let inward = joined(&[line(ORDERS, Some("orders.list"), [&[0], &[]], &[PROD])]);
    assert!(
        told("", &inward)[0]
            .contains("orders of \"demo\" and network prod of \"production\" are joined by orders.list (prod")
    );
    let host = joined(&[line(PROD, None, [&[0], &[]], &[HOST])]);
    assert!(told("", &host)[0].contains("host of \"demo\" and network prod"));
    // A part of production that says nothing is production.
    let part = joined(&[line(PART, None, [&[0], &[]], &[WEB])]);
    assert!(told("", &part)[0].contains("web of \"demo\" and network part of \"production\""));
    for (network, environment) in [(0, Some("demo")), (1, None), (1, Some("demo"))] {
        let own = tables(|t| {
            t.networks[network].environment = environment.map(str::to_owned);
            t.access.push(line(PART, None, [&[0], &[]], &[WEB]));
        });
        assert!(told("", &own).is_empty(), "{environment:?}");
    }
    assert!(told("", &joined(&[line(LEDGER, None, [&[0], &[]], &[WEB])])).is_empty());
}

#[test]
fn an_exception_of_reach_is_for_one_holder_until_its_day() {
    let out = joined(&[line(PROD, None, [&[0], &[]], &[WEB])]);
    let first = judged(&exception(REACH, "web"), &out, None, NOW).unwrap();
    for (of, holder) in
        [(REACH, "batch"), (&REACH.replace("prod", "part"), "web"), (&REACH.replace("prod", "prdo"), "web")]
    {
        let found = told(&exception(of, holder), &out);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("are joined by") && found[1].contains("fits nobody"), "{found:?}");
    }
    let more = joined(&[line(PROD, None, [&[0], &[]], &[WEB]), line(LEDGER, None, [&[0], &[]], &[WEB])]);
    assert!(judged(&exception(REACH, "web"), &more, Some(&first), NOW).is_ok());
    let late = judged(&exception(REACH, "web"), &more, Some(&first), LATE).unwrap_err();
    assert_eq!(
        late,
        [
            "policy/duties.toml: the exception of reach \"prod\" for web ended on 2027-01-20 (team-risk, RISK-7); take access \
          away, or agree on another day"
        ]
    );
    // An addition without the exception is refused, however many signed; what only takes away never is.
    assert!(judged("", &more, Some(&first), NOW).is_err());
    assert!(judged(&exception(REACH, "web"), &joined(&[]), Some(&first), LATE).is_ok());
    let second = judged(&exception(REACH, "web"), &more, Some(&first), NOW).unwrap();
    assert!(judged(&exception(REACH, "web"), &out, Some(&second), LATE).is_ok());
}

#[test]
fn an_exception_is_of_one_thing_and_says_why() {
    let problem = |text: &str| {
        let problems = Duties::parse((duties(1) + &toxic("role") + text).as_bytes()).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (of, expected) in [
        ("", "an exception is of one thing: write toxic = \"ID\" or reach = \"NETWORK\""),
        ("reach = \"prod\"\ntoxic = \"both\"\nreason = \"r\"", "an exception is of one thing"),
        ("reach = \"prod\"", "reason of the exception is missing; write reason = "),
        ("reach = 1\nreason = \"r\"", "reach of the exception is 1; write"),
        ("toxic = \"both\"\nreason = \"r\"", "reason is of an exception with reach"),
    ] {
        let found = problem(&exception(of, "web"));
        assert!(found.contains(expected), "{expected:?} is not in {found}");
    }
    let twice = problem(&(exception(REACH, "web") + &exception(REACH, "web")));
    assert!(twice.contains("the exception of reach \"prod\" for \"web\" is there twice"), "{twice}");
}

const PARTIES: [ServiceId; 7] = [HOST, LEDGER, WEB, BATCH, PROD, PART, WORLD];

/// Names as the tables above have them.
fn name(id: ServiceId) -> &'static str {
    [
        (HOST, "host"),
        (LEDGER, "ledger"),
        (WEB, "web"),
        (BATCH, "batch"),
        (PROD, "prod"),
        (PART, "part"),
        (WORLD, "world"),
        (ORDERS, "orders"),
    ]
    .into_iter()
    .find(|(other, _)| *other == id)
    .unwrap()
    .1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Who is refused is who is found by trying every party, group, owner, role and pair.
    #[test]
    fn everybody_who_holds_too_much_is_found(
        cells in prop::collection::vec((0..4usize, 0..PARTIES.len(), 0..5u32), 0..14),
        holder in prop::sample::select(vec!["service", "group", "owner", "role"]),
        (part, prod) in (0..3usize, 0..3usize),
    ) {
        let environments = [None, Some("demo"), Some("production")];
        let targets = [(ORDERS, Some("orders.create")), (ORDERS, Some("orders.list")), (PROD, None), (PART, None)];
        let cells: BTreeSet<(usize, usize, u32)> = cells.into_iter().filter(|(t, s, _)| *t < 2 || *s < 4).collect();
        let mut tables = of_roles(&[], &[]);
        tables.networks[0].environment = environments[part].map(str::to_owned);
        tables.networks[1].environment = environments[prod].map(str::to_owned);
        for (target, source) in cells.iter().map(|(t, s, _)| (*t, *s)).collect::<BTreeSet<_>>() {
            let rules: Vec<u32> = cells.iter().filter(|(t, s, _)| (*t, *s) == (target, source)).map(|(.., r)| *r).collect();
            tables.access.push(line(targets[target].0, targets[target].1, [&rules, &[]], &[PARTIES[source]]));
        }
        tables.access.sort();
        let mut expected = BTreeSet::new();
        let groups = |id| -> &[&str] {
            match id {
                WEB => &["a", "b"],
                BATCH => &["a"],
                _ => &[],
            }
        };
        let owner = |id| match id {
            WEB => "team-web", BATCH => "team-batch", LEDGER => "team-ledger", PROD | PART => "team-net",
            HOST => "host", _ => "world",
        };
        let has = |target: usize, fits: &dyn Fn(ServiceId, u32) -> bool| cells.iter().any(|(t, s, r)| *t == target && fits(PARTIES[*s], *r));
        let mut try_hand = |name: String, fits: &dyn Fn(ServiceId, u32) -> bool| {
            if has(0, fits) && has(1, fits) {
                expected.insert(name);
            }
        };
        match holder {
            "service" => PARTIES.iter().for_each(|id| {
                let kind = if [PROD, PART].contains(id) { "network" } else { "service" };
                try_hand(format!("{kind} {} holds", name(*id)), &|source, _| source == *id);
            }),
            "group" => ["a", "b"].iter().for_each(|group| try_hand(format!("group {group} holds"), &|source, _| groups(source).contains(group))),
            "owner" => PARTIES.iter().for_each(|id| try_hand(format!("owner {} holds", owner(*id)), &|source, _| owner(source) == owner(*id))),
            _ => [("boss", [0, 2, 3]), ("clerk", [0, 1, 3])].iter().for_each(|(role, rules)| {
                try_hand(format!("role customers:{role} holds"), &|_, rule| rules.contains(&rule));
            }),
        }
        let environment = |id| match id {
            PART => environments[part].or(environments[prod]),
            PROD => environments[prod],
            _ => None,
        };
        for (target, source, _) in &cells {
            for (network, other) in [(targets[*target].0, PARTIES[*source]), (PARTIES[*source], targets[*target].0)] {
                if environment(network).is_some_and(|environment| environment != "demo") {
                    expected.insert(format!("{} of \"demo\" and network {} of", name(other), name(network)));
                }
            }
        }
        let found = told(&toxic(holder), &tables);
        prop_assert_eq!(found.len(), expected.len(), "{:?} {:?}", found, expected);
        for words in &expected {
            prop_assert!(found.iter().any(|one| one.contains(words.as_str())), "{words} is not in {found:?}");
        }
    }
}
