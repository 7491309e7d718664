//! People sign for the services of some owners only: what they would try to sign for besides.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod support;

use gate_bundle::*;
use gate_tables::{ServiceId, Tables};
use support::shop::{self, BATCH, LEDGER, about, with};
use support::*;

const WEBBER: u8 = 11;
const ORDERER: u8 = 12;
const CLERK: u8 = 13;

/// As [`duties`], and people with scopes: webber writes and approves for team-web, orderer for team-orders, clerk for
/// team-orders and team-ledger.
fn scoped() -> String {
    let person = |name: &str, seed, owners: &str| {
        format!("[person.{name}]\nkeys = [\"{}\"]\nmay = [\"author\", \"approve\"]\nowners = [{owners}]\n", line(seed))
    };
    let people = [
        person("webber", WEBBER, "\"team-web\""),
        person("orderer", ORDERER, "\"team-orders\""),
        person("clerk", CLERK, "\"team-orders\", \"team-ledger\""),
    ];
    duties(1) + &people.concat()
}

fn in_force() -> (Admitted, EnrolledRoot) {
    let (duties, trust) = (scoped(), root(&scoped()));
    let bundle = signed(&shop::bundle(&duties, &shop::tables(), None), &[AUTHOR, APPROVER]);
    (expect_admitted(admit(&bundle, None, &trust, ENVIRONMENT, NOW)), trust)
}

/// What becomes of these tables with an author and an approver: `None` when they are admitted, or what is out of scope.
fn try_with(tables: &Tables, signers: &[(Role, u8)]) -> Option<Vec<String>> {
    let (first, trust) = in_force();
    let bundle = signed(&shop::bundle(&scoped(), tables, Some(&first)), signers);
    if admit(&bundle, Some(&first), &trust, ENVIRONMENT, NOW).is_ok() {
        return None;
    }
    let out_of_scope = |reason: Reason| match reason {
        Reason::OutOfScope { person, role, beyond, .. } => Some(format!("{person} as {role}: {}", beyond.join(", "))),
        _ => None,
    };
    Some(refused(&bundle, Some(&first), &trust).into_iter().filter_map(out_of_scope).collect())
}

fn by(author: u8, approver: u8) -> [(Role, u8); 2] {
    [(Role::Author, author), (Role::Approver, approver)]
}

fn batch_reads_orders() -> Tables {
    with(|tables| about(tables, Some("orders.get")).sources = vec![shop::WEB, BATCH])
}

#[test]
fn who_gives_access_to_a_service_signs_for_its_owner() {
    let tables = batch_reads_orders();
    assert_eq!(try_with(&tables, &by(ALICE, BOB)), None);
    assert_eq!(try_with(&tables, &by(ALICE, ORDERER)), None);
    assert_eq!(try_with(&tables, &by(ORDERER, CLERK)), None);
    let refused = try_with(&tables, &by(ALICE, WEBBER)).unwrap();
    assert_eq!(refused, ["webber as approver: orders of team-orders"]);
    // Who wrote it has to do with one end of it.
    assert_eq!(try_with(&tables, &by(WEBBER, ORDERER)).unwrap(), ["webber as author: batch -> orders.get"]);
    let host = with(|tables| about(tables, Some("orders.get")).sources.insert(0, ServiceId(0)));
    assert_eq!(try_with(&host, &by(WEBBER, ORDERER)).unwrap(), ["webber as author: host -> orders.get"]);
}

#[test]
fn a_team_asks_for_access_and_the_owner_gives_it() {
    let without = with(|tables| tables.access.retain(|line| line.action.as_deref() != Some("orders.create")));
    let (first, trust) = in_force();
    let removal = signed(&shop::bundle(&scoped(), &without, Some(&first)), &[AUTHOR]);
    let second = expect_admitted(admit(&removal, Some(&first), &trust, ENVIRONMENT, NOW));
    let asked = signed(&shop::bundle(&scoped(), &shop::tables(), Some(&second)), &by(WEBBER, ORDERER));
    let third = expect_admitted(admit(&asked, Some(&second), &trust, ENVIRONMENT, NOW));
    assert_eq!(third.signers().quorum, Quorum::Full);
    let own = signed(&shop::bundle(&scoped(), &shop::tables(), Some(&second)), &by(ORDERER, WEBBER));
    let reasons = refused(&own, Some(&second), &trust);
    let told = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let expected = "the signature of webber as approver does not count: it is for services of team-web only (owners in \
                    duties.toml), and the bundle changes orders of team-orders";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn of_two_services_the_approver_signs_for_both() {
    let tables = with(|tables| {
        about(tables, Some("orders.get")).sources = vec![shop::WEB, BATCH];
        about(tables, None).sources.push(BATCH);
    });
    assert_eq!(try_with(&tables, &by(ALICE, CLERK)), None);
    let refused = try_with(&tables, &by(ALICE, ORDERER)).unwrap();
    assert_eq!(refused, ["orderer as approver: ledger of team-ledger"]);
}

#[test]
fn nobody_takes_a_service_over_by_naming_himself_its_owner() {
    let mine = |tables: &mut Tables| tables.services[2].owner = "team-web".into();
    for tables in [
        with(mine),
        with(|tables| {
            mine(tables);
            about(tables, Some("orders.get")).sources = vec![shop::WEB, BATCH];
        }),
    ] {
        let refused = try_with(&tables, &by(WEBBER, BOB)).unwrap();
        assert!(refused[0].starts_with("webber as author: orders of team-orders and team-web"), "{refused:?}");
        let refused = try_with(&tables, &by(ALICE, WEBBER)).unwrap();
        assert_eq!(refused, ["webber as approver: orders of team-orders and team-web"]);
        // Nor does who gives it away decide for who receives it.
        assert!(try_with(&tables, &by(ALICE, ORDERER)).is_some());
        assert_eq!(try_with(&tables, &by(ALICE, BOB)), None);
    }
}

#[test]
fn a_declaration_is_of_its_owner() {
    let changes: [fn(&mut Tables); 4] = [
        |tables| tables.services[2].cgroup = "else.service".into(),
        |tables| tables.services[2].observe = true,
        |tables| tables.services[2].ports[0].routes[1] = shop::route("orders.get", "GET", "/orders/{id}"),
        |tables| {
            let orders = &mut tables.services[2];
            orders.name = "orders2".into();
            for route in &mut orders.ports[0].routes {
                route.action = route.action.replace("orders.", "orders2.");
            }
        },
    ];
    for change in changes {
        let tables = with(|tables| {
            tables.access.retain(|line| line.destination == LEDGER);
            change(tables);
        });
        assert_eq!(try_with(&tables, &by(ORDERER, CLERK)), None);
        assert!(try_with(&tables, &by(WEBBER, CLERK)).unwrap()[0].contains("of team-orders"));
        assert!(try_with(&tables, &by(ORDERER, WEBBER)).unwrap()[0].contains("of team-orders"));
    }
    let claimed = with(|tables| {
        tables.services[0].name = "mail".into();
        tables.services[0].owner = "team-web".into();
        tables.access.retain(|line| !line.sources.contains(&BATCH));
        let mail = tables.services.remove(0);
        tables.services.insert(1, mail);
    });
    // batch is gone, mail is new: each is for its own owner to say.
    assert_eq!(try_with(&claimed, &by(ALICE, WEBBER)).unwrap(), ["webber as approver: batch of team-batch"]);
}

#[test]
fn who_signs_for_some_takes_away_only_what_is_theirs() {
    let no_writing = with(|tables| tables.access.retain(|line| line.action.as_deref() != Some("orders.create")));
    for one in [WEBBER, ORDERER, CLERK] {
        assert_eq!(try_with(&no_writing, &[(Role::Author, one)]), None);
        assert_eq!(try_with(&no_writing, &[(Role::Approver, one)]), None);
    }
    let no_batch = with(|tables| tables.access.retain(|line| line.sources != [BATCH]));
    assert_eq!(try_with(&no_batch, &[(Role::Approver, ORDERER)]), None);
    let refused = try_with(&no_batch, &[(Role::Author, WEBBER)]).unwrap();
    assert_eq!(refused, ["webber as author: batch -> orders.list"]);
    // Somebody else's signature beside it is enough.
    assert_eq!(try_with(&no_batch, &by(WEBBER, ORDERER)), None);
    let no_route = with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        tables.services[2].ports[0].routes.remove(0);
    });
    assert_eq!(try_with(&no_route, &[(Role::Author, WEBBER)]).unwrap(), ["webber as author: orders of team-orders"]);
}

#[test]
fn p61_the_duties_and_the_first_bundle_are_not_for_people_with_a_scope() {
    let (first, trust) = in_force();
    let other = format!("{}# a remark\n", scoped());
    for (signers, who) in [(by(CLERK, BOB), "clerk"), (by(ALICE, CLERK), "clerk")] {
        let bundle = signed(&shop::bundle(&other, &batch_reads_orders(), Some(&first)), &signers);
        let told = Refused(refused(&bundle, Some(&first), &trust)).to_string();
        assert!(told.contains(who) && told.contains("the bundle changes policy/duties.toml"), "{told}");
        let bundle = signed(&shop::bundle(&scoped(), &shop::tables(), None), &signers);
        let told = Refused(refused(&bundle, None, &trust)).to_string();
        assert!(told.contains(who) && told.contains("the first of its chain"), "{told}");
    }
    let bundle = signed(&shop::bundle(&other, &batch_reads_orders(), Some(&first)), &by(ALICE, BOB));
    expect_admitted(admit(&bundle, Some(&first), &trust, ENVIRONMENT, NOW));
}

struct Refused(Vec<Reason>);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|reason| writeln!(f, "{reason}"))
    }
}

#[test]
fn scopes_are_written_once_and_leave_people_for_the_duties() {
    let told = |text: &str| {
        let problems = Duties::parse(text.as_bytes()).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let owners = |list: &str| scoped().replace("owners = [\"team-web\"]", &format!("owners = {list}"));
    assert!(told(&owners("[]")).contains("owners of webber: found a list of 0; write a list of owners"));
    assert!(told(&owners("\"team-web\"")).contains("owners of webber: found \"team-web\"; write a list"));
    assert!(told(&owners("[\"\"]")).contains("write the owner of a service"));
    assert!(told(&owners("[\"a\", \"a\"]")).contains("\"a\" is there twice"));
    let auditor = scoped().replace("may = [\"audit\"]", "may = [\"audit\"]\nowners = [\"team-web\"]");
    assert!(told(&auditor).contains("dave has owners and signs nothing"));
    // Enough people for each change, and none for the next duties.
    let all = duties(1).replace("\"approve\"]\n", "\"approve\"]\nowners = [\"team-web\"]\n");
    let expected = "approvals is 1, and at most 0 without owners, which a change of duties.toml needs, may approve";
    assert!(told(&all).contains(expected), "{}", told(&all));
}
