//! Removing needs one, adding needs two: what people would try to pass off as a removal.

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
use support::shop::{self, BATCH, LEDGER, ORDERS, WEB, about, with};
use support::*;

/// The shop in force, with its author's and all approvers' signatures.
fn in_force() -> (Admitted, EnrolledRoot) {
    let duties = duties(2);
    let trust = root(&duties);
    let bundle = signed(&shop::bundle(&duties, &shop::tables(), None), &[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    (expect_admitted(admit(&bundle, None, &trust, ENVIRONMENT, NOW)), trust)
}

/// What is said when one person alone signs these tables, as author and as approver.
fn one_is_not_enough(tables: &Tables) -> Vec<String> {
    let (first, trust) = in_force();
    let bundle = shop::bundle(&duties(2), tables, Some(&first));
    let because = |signature| {
        let reasons = refused(&signed(&bundle, &[signature]), Some(&first), &trust);
        let because = reasons.iter().find_map(|reason| match reason {
            Reason::OneIsNotEnough { because } => Some(because.clone()),
            _ => None,
        });
        because.unwrap_or_else(|| panic!("{reasons:?}"))
    };
    let told = because(AUTHOR);
    assert_eq!(told, because((Role::Approver, CAROL)));
    // Everybody together may do it.
    let everybody = signed(&bundle, &[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    let admitted = expect_admitted(admit(&everybody, Some(&first), &trust, ENVIRONMENT, NOW));
    assert_eq!(admitted.signers().quorum, Quorum::Full);
    told.iter().map(ToString::to_string).collect()
}

fn without_writing() -> Tables {
    with(|tables| tables.access.retain(|line| line.action.as_deref() != Some("orders.create")))
}

#[test]
fn one_person_takes_access_away() {
    let (first, trust) = in_force();
    let bundle = shop::bundle(&duties(2), &without_writing(), Some(&first));
    assert_eq!(Change::of(&bundle, Some(first.bundle())).to_string(), "only removes access: one signature is enough");
    let by = |signatures: &[(Role, u8)]| {
        let admitted = admit_tar_now(&signed(&bundle, signatures).to_tar(), Some(&first), &trust);
        let signers = expect_admitted(admitted).signers().clone();
        let approvers: Vec<String> = signers.approvers.into_iter().map(|signer| signer.person).collect();
        (signers.quorum, signers.author.map(|signer| signer.person), approvers.join(" "))
    };
    let one = Quorum::RemovalByOne;
    assert_eq!(by(&[AUTHOR]), (one, Some("alice".into()), String::new()));
    assert_eq!(by(&[(Role::Approver, CAROL)]), (one, None, "carol".into()));
    assert_eq!(by(&[AUTHOR, APPROVER]), (one, Some("alice".into()), "bob".into()));
    let all = by(&[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    assert_eq!(all, (Quorum::Full, Some("alice".into()), "bob carol".into()));
}

#[test]
fn nobody_and_people_who_may_not_sign_are_not_one() {
    let (first, trust) = in_force();
    let bundle = shop::bundle(&duties(2), &without_writing(), Some(&first));
    assert_eq!(refused(&bundle, Some(&first), &trust), [Reason::NobodySigned]);
    // dave audits, carol does not author, and the stranger is nobody; each beside a sound signature, too.
    for signature in [(Role::Approver, DAVE), (Role::Author, CAROL), (Role::Author, STRANGER)] {
        let alone = refused(&signed(&bundle, &[signature]), Some(&first), &trust);
        assert!(alone.contains(&Reason::NobodySigned), "{alone:?}");
        assert_eq!(refused(&signed(&bundle, &[AUTHOR, signature]), Some(&first), &trust).len(), 1);
    }
    let two = refused(&signed(&bundle, &[AUTHOR, (Role::Author, BOB)]), Some(&first), &trust);
    assert_eq!(two, [Reason::SeveralAuthors { people: vec!["alice".into(), "bob".into()] }]);
}

#[test]
fn the_first_bundle_of_a_chain_needs_everybody_whatever_is_in_it() {
    let (duties, nothing) = (duties(2), with(|tables| tables.access.clear()));
    let bundle = shop::bundle(&duties, &nothing, None);
    let reasons = refused(&signed(&bundle, &[AUTHOR, APPROVER]), None, &root(&duties));
    let first = Reason::OneIsNotEnough { because: vec![Because::First] };
    assert_eq!(reasons, [Reason::MissingApprovals { needed: 2, counted: 1 }, first]);
}

#[test]
fn a_removal_that_also_gives_is_told_by_what_it_gives() {
    let tables = with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        about(tables, None).sources.push(BATCH);
    });
    assert_eq!(one_is_not_enough(&tables), ["it gives batch -> ledger:main by f-web-books"]);
}

#[test]
fn the_first_gains_are_named_and_the_others_counted() {
    let (host, tables) = (ServiceId(0), shop::tables());
    let all = with(|changed| {
        for line in &mut changed.access {
            line.sources.insert(0, host);
        }
        changed.access.retain(|line| !line.sources.contains(&BATCH));
    });
    assert_ne!(all, tables);
    assert_eq!(
        one_is_not_enough(&all),
        [
            "it gives host -> ledger:main by f-web-books, host -> orders.create by b-web-writes, c-not-at-night, host -> \
          orders.get by a-web-reads, and 1 more"
        ]
    );
}

#[test]
fn a_wider_route_is_no_removal() {
    let tables = with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        let orders = tables.services.iter_mut().find(|service| service.id == ORDERS).unwrap();
        orders.ports[0].routes[1] = shop::route("orders.get", "GET", "/orders/{*rest}");
    });
    let told = one_is_not_enough(&tables);
    assert_eq!(told, ["it gives route orders.get is GET /orders/{*rest}, and was GET /orders/{id:int}"]);
}

#[test]
fn a_renamed_service_is_no_removal() {
    let tables = with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        tables.services[0].name = "batch2".into();
    });
    let told = one_is_not_enough(&tables);
    assert!(told[0].starts_with("it gives service batch2 is new, service batch is gone, "), "{told:?}");
}

#[test]
fn swapped_ports_are_no_removal() {
    let tables = with(|tables| {
        tables.access.retain(|line| line.action.as_deref() != Some("orders.create"));
        tables.services[1].ports[0].number = 8080;
        tables.services[2].ports[0].number = 5432;
    });
    let told = one_is_not_enough(&tables);
    assert!(told[0].contains("port ledger:main is") && told[0].contains("port orders:api is"), "{told:?}");
}

#[test]
fn a_dropped_forbid_is_no_removal() {
    let tables = with(|tables| {
        tables.access.retain(|line| line.destination != LEDGER);
        about(tables, Some("orders.create")).forbids.clear();
    });
    assert_eq!(one_is_not_enough(&tables), ["it gives web -> orders.create by b-web-writes"]);
}

#[test]
fn a_dropped_permit_that_may_fail_is_no_removal() {
    // Where it failed, it denied what the other permit allows.
    let tables = with(|tables| {
        tables.access.iter_mut().find(|line| line.sources == [BATCH]).unwrap().permits = vec![4];
    });
    assert_eq!(one_is_not_enough(&tables), ["it gives batch -> orders.list by e-batch-lists"]);
}

#[test]
fn a_service_that_is_gone_is_no_removal() {
    let tables = with(|tables| {
        tables.access.iter_mut().for_each(|line| line.sources.retain(|source| *source != BATCH));
        tables.access.retain(|line| !line.sources.is_empty());
        let batch = tables.services.remove(0);
        tables.retired.insert(batch.name, batch.id);
    });
    assert_eq!(one_is_not_enough(&tables), ["it gives service batch is gone"]);
}

#[test]
fn observing_is_no_removal_and_enforcing_is_one() {
    let observed = with(|tables| {
        tables.access.retain(|line| line.destination != LEDGER);
        tables.services[3].observe = true;
    });
    assert_eq!(one_is_not_enough(&observed), ["it gives observe of service web is true, and was false"]);
    let (first, trust) = in_force();
    let bundle = shop::bundle(&duties(2), &observed, Some(&first));
    let everybody = signed(&bundle, &[AUTHOR, APPROVER, (Role::Approver, CAROL)]);
    let second = expect_admitted(admit(&everybody, Some(&first), &trust, ENVIRONMENT, NOW));
    let enforced = with(|tables| tables.access.retain(|line| line.destination != LEDGER));
    let bundle = signed(&shop::bundle(&duties(2), &enforced, Some(&second)), &[AUTHOR]);
    let third = expect_admitted(admit(&bundle, Some(&second), &trust, ENVIRONMENT, NOW));
    assert_eq!(third.signers().quorum, Quorum::RemovalByOne);
}

#[test]
fn nothing_is_no_removal() {
    assert_eq!(one_is_not_enough(&shop::tables()), ["it takes no access away"]);
    // Nor is another reason for a rule.
    let words = with(|tables| tables.rules[0].reason = "because".into());
    assert_eq!(one_is_not_enough(&words), ["it takes no access away"]);
}

#[test]
fn other_duties_are_no_removal() {
    let (first, trust) = in_force();
    // Not even a remark: the bytes decide.
    let remarked = format!("{}# nothing\n", duties(2));
    for (tables, because) in
        [(without_writing(), vec![Because::Duties]), (shop::tables(), vec![Because::TakesNothing, Because::Duties])]
    {
        let bundle = signed(&shop::bundle(&remarked, &tables, Some(&first)), &[AUTHOR, APPROVER]);
        let reasons = refused(&bundle, Some(&first), &trust);
        let missing = Reason::MissingApprovals { needed: 2, counted: 1 };
        assert_eq!(reasons, [missing, Reason::OneIsNotEnough { because }]);
    }
}

#[test]
fn p6b_reach_that_no_rule_gives_is_no_bundle() {
    // What the kernel would enforce says more than what people compare; nobody reads such tables, whoever signed them.
    let mut smuggled = without_writing();
    let mut line = smuggled.reach.iter().find(|line| line.destination == LEDGER).unwrap().clone();
    assert_eq!(line.source, WEB);
    line.source = BATCH;
    smuggled.reach.push(line);
    smuggled.reach.sort_by_key(|line| (line.source, line.destination, line.port));
    let mut files = files(&duties(2));
    files.insert(TABLES.into(), smuggled.to_bytes().unwrap());
    let refused = Bundle::unsigned(draft(None), files).unwrap_err().to_string();
    assert!(refused.contains("source 4 reaches port 5432 of service 2 by rule 5, and no access says so"), "{refused}");
}

#[test]
fn p63_a_removal_is_not_replayed_after_a_later_addition() {
    let (first, trust) = in_force();
    let removal = signed(&shop::bundle(&duties(2), &without_writing(), Some(&first)), &[AUTHOR]);
    let second = expect_admitted(admit(&removal, Some(&first), &trust, ENVIRONMENT, NOW));
    let everybody = [AUTHOR, APPROVER, (Role::Approver, CAROL)];
    let again = signed(&shop::bundle(&duties(2), &shop::tables(), Some(&second)), &everybody);
    let third = expect_admitted(admit(&again, Some(&second), &trust, ENVIRONMENT, NOW));
    let reasons = refused(&removal, Some(&third), &trust);
    let previous = Reason::PreviousDiffers { expected: Some(third.digest()), found: Some(first.digest()) };
    assert_eq!(reasons, [Reason::NotNewer { has: 3, found: 2 }, previous]);
    // Nor does its signature move to the bundle that would be the removal now.
    let now = shop::bundle(&duties(2), &without_writing(), Some(&third));
    let signature = &members(&removal.to_tar()).into_iter().find(|(name, _)| name == "signatures/0.sig").unwrap().1;
    let moved = now.with_signature(std::str::from_utf8(signature).unwrap()).unwrap_err();
    assert!(matches!(moved, Reason::Signature { problem: SignatureProblem::DoesNotMatch { .. }, .. }), "{moved}");
}

#[test]
fn a_store_admits_a_removal_by_one_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), root(&duties(2)), ENVIRONMENT, Limits::default(), &clock(0)).unwrap();
    let mut store = open();
    let everybody = [AUTHOR, APPROVER, (Role::Approver, CAROL)];
    let first = signed(&shop::bundle(&duties(2), &shop::tables(), None), &everybody);
    store.stage(first.to_tar().as_slice(), NOW).unwrap();
    store.activate(first.digest(), NOW).unwrap();
    let removal = signed(&shop::bundle(&duties(2), &without_writing(), store.current()), &[(Role::Approver, CAROL)]);
    store.stage(removal.to_tar().as_slice(), NOW).unwrap();
    store.activate(removal.digest(), NOW).unwrap();
    drop(store);
    assert_eq!(open().current().unwrap().signers().quorum, Quorum::RemovalByOne);
}
