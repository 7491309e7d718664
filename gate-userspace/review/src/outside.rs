//! Tests of what is not a service: networks, the world, hosts by their labels, issuers, and what may not be overlooked.

use crate::testing::{TestLine, TestRule, permit, rule, shop};
use crate::{NodeKind, Page, Question, ServiceMap, Side, describe_grants, diff, what_can, who_can};
use gate_tables::{
    Algorithm, Cell, Channel, Field, HostPattern, HostSection, Issuer, Listener, Network, ParameterKind, Port, PortId,
    Posture, Prefix, Protocol, Roles, Selector, ServiceId, Tables, Transport, compare,
};

/// What somebody writes otherwise.
type Change<'c> = &'c dyn Fn(&mut Tables);

const LAN: u32 = 5;
const PROD: u32 = 6;
const WORLD: u32 = ServiceId::WORLD.0;

fn network(id: u32, name: &str, blocks: &[&str], environment: Option<&str>) -> Network {
    Network {
        id: ServiceId(id),
        name: name.into(),
        owner: "team-net".into(),
        environment: environment.map(str::to_owned),
        addresses: blocks.iter().map(|block| Prefix::parse(block).unwrap()).collect(),
        ports: vec![Port {
            id: PortId(1),
            name: "udp-53".into(),
            transport: Transport::Udp,
            number: 53,
            ..Port::default()
        }],
    }
}

fn issuer(name: &str) -> Issuer {
    Issuer {
        name: name.into(),
        url: "https://login.example".into(),
        audiences: vec!["shop".into()],
        algorithms: vec![Algorithm::ES256],
        keys: "https://login.example/keys".into(),
        claims: vec![],
        roles: None,
    }
}

fn on(role: &str) -> Selector {
    Selector::from([("role".to_owned(), [role.to_owned()].into())])
}

/// The shop with lan, prod (of another environment) and an issuer.
fn outside(rules: &[TestRule], access: &[TestLine<'_>]) -> Tables {
    let mut tables = shop(rules, &[]);
    tables.networks =
        vec![network(LAN, "lan", &["10.0.0.0/8"], None), network(PROD, "prod", &["172.16.0.0/12"], Some("production"))];
    tables.issuers = vec![issuer("customers")];
    tables.labels = Selector::from([("role".to_owned(), ["data", "web"].map(str::to_owned).into())]);
    tables.host.posture = Posture::Deny;
    tables.host.failsafe = vec![Listener { transport: Transport::Tcp, number: 22 }];
    tables.access = access
        .iter()
        .map(|(destination, port, action, permits, forbids, sources)| gate_tables::Access {
            destination: ServiceId(*destination),
            port: PortId(*port),
            action: action.map(str::to_owned),
            permits: permits.clone(),
            forbids: forbids.clone(),
            sources: sources.iter().copied().map(ServiceId).collect(),
        })
        .collect();
    tables.access.sort();
    Tables::from_bytes(&tables.to_bytes().unwrap()).unwrap()
}

fn between(old: &Tables, new: &Tables) -> crate::Diff {
    let none = |_: &Cell| Vec::new();
    diff(&Side { tables: old, forbids: &none }, &Side { tables: new, forbids: &none })
}

fn lines(diff: &crate::Diff) -> Vec<String> {
    diff.declarations.iter().map(|declared| declared.line().to_terminal()).collect()
}

fn first(diff: &crate::Diff) -> Vec<String> {
    diff.first.iter().map(|notice| notice.line().to_terminal()).collect()
}

#[test]
fn everything_that_is_declared_is_told_in_words() {
    let mut old = outside(&[], &[]);
    old.host.sections.push(HostSection {
        name: "data".into(),
        on: on("data"),
        posture: Posture::Deny,
        failsafe: vec![],
    });
    let host = |name: &str| HostPattern::parse(name).unwrap();
    let field = |name: &str| Field { name: name.into(), kind: ParameterKind::Int };
    let changes: &[(Change<'_>, &str)] = &[
        (&|t| t.services[0].uid = Some(7), "takes away: service batch is only of the user: 7"),
        (&|t| t.services[0].exe = Some("/x".into()), "takes away: service batch is only the executable: /x"),
        (&|t| t.services[0].groups = vec!["a".into()], "may give: service batch groups: a, was none"),
        (&|t| t.services[0].on = on("web"), "may give: service batch runs on hosts of: role=web, was every host"),
        (
            &|t| t.services[2].ports[0].channel = Channel::Admin,
            "may give: port orders:api listens: tcp/8080 http for admin, was tcp/8080 http",
        ),
        (
            &|t| t.services[2].ports[0].issuer = Some("customers".into()),
            "may give: port orders:api listens: tcp/8080 http, users by customers, was tcp/8080 http",
        ),
        (
            &|t| t.services[2].ports[0].protocol = Protocol::Grpc,
            "may give: port orders:api listens: tcp/8080 grpc, was tcp/8080 http",
        ),
        (
            &|t| t.services[1].ports[0].transport = Transport::Udp,
            "may give: port ledger:journal listens: udp/9000, was tcp/9000",
        ),
        (
            &|t| t.services[2].ports[0].routes[0].hosts = vec![host("*.a.example")],
            "takes away: route orders.get is for fewer hosts: *.a.example, was any",
        ),
        (
            &|t| t.services[2].ports[0].routes[0].headers = vec![field("x-n")],
            "may give: route orders.get matches: GET /orders/{id:int}, headers x-n: int, was GET /orders/{id:int}",
        ),
        (
            &|t| t.services[2].ports[0].routes[0].query = vec![field("n")],
            "may give: route orders.get matches: GET /orders/{id:int}, query n: int, was GET /orders/{id:int}",
        ),
        (&|t| t.labels.clear(), "may give: the labels are others: every host, was role=data|web"),
        (
            &|t| t.host.posture = Posture::Open,
            "may give: [host] is: open: processes of no service are not governed, was governed, failsafe tcp/22",
        ),
        (&|t| t.host.failsafe.clear(), "takes away: [host] is: governed, failsafe none, was governed, failsafe tcp/22"),
        (
            &|t| t.host.sections.clear(),
            "may give: section data of [host] is gone: hosts of role=data: governed, failsafe none; these hosts have what [host] says",
        ),
        (
            &|t| t.host.sections[0].posture = Posture::Open,
            "may give: section data of [host] is: hosts of role=data: open: processes of no service are not governed, was hosts of role=data: governed, failsafe none",
        ),
        (
            &|t| t.issuers.push(issuer("staff")),
            "may give: issuer staff is new: url https://login.example, keys https://login.example/keys, ES256",
        ),
        (
            &|t| t.issuers[0].keys = "/keys".into(),
            "may give: issuer customers keys: /keys, was https://login.example/keys",
        ),
        (&|t| t.issuers[0].audiences.push("x".into()), "may give: issuer customers audiences: shop x, was shop"),
        (
            &|t| t.issuers[0].algorithms = vec![Algorithm::EdDSA],
            "may give: issuer customers algorithms: EdDSA, was ES256",
        ),
        (
            &|t| t.issuers[0].roles = Some(Roles { claim: "role".into(), values: vec!["a".into()] }),
            "may give: issuer customers roles: a of role, was none",
        ),
        (&|t| t.issuers.clear(), "may give: issuer customers is gone: https://login.example"),
        (
            &|t| t.networks[0].addresses = vec![Prefix::parse("10.0.0.0/9").unwrap()],
            "may give: network lan addresses: 10.0.0.0/9, was 10.0.0.0/8",
        ),
        (&|t| t.networks[0].environment = Some("x".into()), "may give: network lan environment: x, was none"),
        (&|t| t.networks[0].ports.clear(), "may give: network lan ports: none, was udp/53"),
        (&|t| t.networks[0].owner = "x".into(), "may give: network lan owner: x, was team-net"),
        (&|t| t.networks[0].id = ServiceId(9), "may give: network lan number in the kernel: 9, was 5"),
        (
            &|t| drop(t.networks.remove(0)),
            "may give: network lan is gone: 10.0.0.0/8, owner team-net, environment none, ports udp/53; its addresses are of the network around it, or of the world",
        ),
    ];
    for (change, expected) in changes {
        let mut new = old.clone();
        change(&mut new);
        let told = lines(&between(&old, &new));
        assert_eq!(told, [*expected]);
        // In the other direction nothing is left to the words of the comparison, either.
        let back = between(&new, &old);
        assert!(back.declarations.iter().all(|declared| !declared.of.is_empty()), "{:?}", back.declarations);
        let difference = compare(&new, &old);
        let gives = back.declarations.iter().any(|declared| declared.gives);
        assert_eq!(gives, !difference.declarations.is_empty(), "{expected}");
    }
}

#[test]
fn what_nobody_may_overlook_stands_first() {
    let old = outside(&[permit("a")], &[]);
    let notices = |change: &dyn Fn(&mut Tables)| {
        let mut new = old.clone();
        change(&mut new);
        first(&between(&old, &new))
    };
    let blocks = |text: &[&str]| text.iter().map(|block| Prefix::parse(block).unwrap()).collect::<Vec<_>>();
    let cases: &[(Change<'_>, &[&str])] = &[
        (
            &|t| t.networks[0].addresses = blocks(&["0.0.0.0/0", "::/0"]),
            &["a network holds every address that no other has: lan: 0.0.0.0/0 ::/0"],
        ),
        (
            &|t| t.networks[0].addresses = blocks(&["10.0.0.0/8", "11.0.0.0/8"]),
            &["a network has addresses that it had not: lan: 10.0.0.0/8 11.0.0.0/8, was 10.0.0.0/8"],
        ),
        (&|t| t.networks[0].addresses = blocks(&["10.0.0.0/9"]), &[]),
        (
            &|t| t.networks.push(network(7, "rest", &["::/0"], None)),
            &["a network holds every address that no other has: rest: ::/0"],
        ),
        (&|t| t.host.posture = Posture::Open, &["processes of no service are no longer governed: [host]"]),
        (
            &|t| {
                t.host.sections.push(HostSection {
                    name: "data".into(),
                    on: on("data"),
                    posture: Posture::Open,
                    failsafe: vec![],
                })
            },
            &[
                "some hosts are no longer governed: section data of [host] is open: processes of no service are not governed",
            ],
        ),
        (&|t| t.services[0].observe = true, &["is only observed, nothing is denied to it: batch"]),
        (&|t| drop(t.services.remove(0)), &["is gone, its processes are of no service and its ports anybody's: batch"]),
        (
            &|t| t.issuers.push(issuer("staff")),
            &["a new issuer vouches for users: staff: https://login.example, keys https://login.example/keys"],
        ),
        (
            &|t| t.issuers[0].keys = "/k".into(),
            &[
                "an issuer, or where its keys are, is another: customers: https://login.example, keys /k; was https://login.example, keys https://login.example/keys",
            ],
        ),
        (&|t| t.environment = "x".into(), &["the environment is another: x, was demo"]),
    ];
    for (change, expected) in cases {
        assert_eq!(notices(change), *expected);
    }
    let access = [(2, 1, None, vec![0], vec![], vec![PROD, WORLD]), (PROD, 1, None, vec![0], vec![], vec![4])];
    let told = first(&between(&old, &outside(&[permit("a")], &access)));
    assert_eq!(
        told,
        [
            "reach across environments: ledger and network prod of production: prod -> ledger:journal",
            "reach across environments: web and network prod of production: web -> prod:udp-53",
            "every address of no network may ask: world -> ledger:journal",
        ]
    );
    assert!(first(&between(&outside(&[permit("a")], &access), &old)).is_empty(), "what is taken away is no danger");
}

#[test]
fn networks_and_the_world_are_asked_about_by_name() {
    let tables = outside(
        &[permit("a"), rule("b", "permit", Some((1, true)))],
        &[
            (2, 1, None, vec![0], vec![], vec![LAN, WORLD]),
            (LAN, 1, None, vec![0], vec![], vec![0, 4]),
            (3, 1, Some("orders.get"), vec![1], vec![], vec![WORLD]),
        ],
    );
    let text = |grants: Vec<crate::Grant>| {
        let mut page = Page::default();
        page.items(describe_grants(&grants).into_iter().map(|item| item.line.into()).collect());
        page.to_terminal()
    };
    let who = |question| text(who_can(&tables, question).unwrap());
    assert_eq!(who(Question::Connect("lan:udp/53")), "  host, web -> lan:udp-53 (udp/53)\n");
    assert_eq!(who(Question::Connect("lan")), "  host, web -> lan:udp-53 (udp/53)\n");
    assert_eq!(who(Question::Connect("ledger")), "  lan, world -> ledger:journal (tcp/9000)\n");
    let world = text(what_can(&tables, "world").unwrap());
    assert_eq!(world, "  world -> ledger:journal (tcp/9000)\n  world -> orders.get (tcp/8080 http), on a condition\n");
    assert_eq!(text(what_can(&tables, "lan").unwrap()), "  lan -> ledger:journal (tcp/9000)\n");
    assert!(what_can(&tables, "lna").unwrap_err().to_string().contains("did you mean \"lan\"?"));
}

#[test]
fn what_is_outside_has_its_own_shape() {
    let access = [
        (2, 1, None, vec![0], vec![], vec![LAN, WORLD]),
        (PROD, 1, None, vec![0], vec![], vec![0, 4]),
        (3, 1, Some("orders.get"), vec![0], vec![], vec![WORLD]),
    ];
    let mut tables = outside(&[permit("a")], &access);
    tables.services[2].ports[0].protocol = Protocol::Grpc;
    let map = ServiceMap::of(&tables);
    let kinds: Vec<_> = map.nodes.iter().map(|node| (node.name.as_str(), node.kind)).collect();
    assert_eq!(kinds[0], ("host", NodeKind::Host));
    assert!(kinds.contains(&("lan", NodeKind::Network)) && kinds.contains(&("world", NodeKind::World)));
    let svg = map.to_svg().unwrap();
    for part in [
        ">udp/53<",
        ">api tcp/8080 grpc<",
        ">172.16.0.0/12<",
        ">environment production, not demo<",
        ">outside this host<",
        ">of no network<",
    ] {
        assert!(svg.contains(part), "{part} is not in {svg}");
    }
    assert_eq!(svg.matches("class=\"node outside\"").count(), 3);
    let dot = map.to_dot();
    assert!(dot.contains("label=\"lan\\nteam-net\\n10.0.0.0/8\", shape=ellipse, peripheries=2]"), "{dot}");
    // A network that only one of two policies has came or went; the world never does.
    let fewer = outside(&[permit("a")], &[]);
    let gone = ServiceMap::against(&tables, &fewer);
    assert!(gone.nodes.iter().any(|node| node.kind == NodeKind::World && node.state == crate::State::Same));
}

#[test]
fn a_group_of_routes_is_asked_about_as_one() {
    let mut tables = outside(
        &[permit("a")],
        &[(3, 1, Some("orders.get"), vec![0], vec![], vec![4]), (3, 1, Some("orders.new"), vec![0], vec![], vec![1])],
    );
    tables.services[2].ports[0].routes[0].groups = vec!["read".into()];
    tables.services[2].ports[0].routes[1].groups = vec!["read".into()];
    let ask = |group, resource| who_can(&tables, Question::Action(group, resource));
    let actions = |group| ask(group, None).unwrap().into_iter().map(|grant| grant.target.name()).collect::<Vec<_>>();
    assert_eq!(actions("orders:read"), ["orders.get"]);
    assert_eq!(actions("orders:all"), ["orders.get", "orders.new"]);
    assert!(ask("orders:raed", None).unwrap_err().to_string().contains("did you mean \"read\"?"));
    assert!(ask("orders:read", Some("web")).unwrap_err().to_string().contains("is asked of \"orders\" alone"));
    let mut moved = tables.clone();
    moved.services[2].ports[0].routes[0].groups.clear();
    let told = lines(&between(&tables, &moved));
    assert_eq!(told, ["may give: route orders.get matches: GET /orders/{id:int}, was GET /orders/{id:int}, in read"]);
}
