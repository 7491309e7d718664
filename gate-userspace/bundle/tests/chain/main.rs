//! Four people, six processes with a store each, and everything that happens to bundles between them: proposed, signed,
//! approved, staged, activated, tried for a while, confirmed, reverted, discarded, replayed, too late, from another
//! branch, and processes that end anywhere, hosts that boot again.
//!
//! Whatever the order: no store has a bundle in force that the duties before it did not ask for, by a model that is
//! written down here without the code under test; and no store goes back but at a deadline that was set for it, or by
//! the word of an operator where that only takes access away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which fail by panicking"
)]

mod stories;
#[path = "../support/mod.rs"]
mod support;
mod world;

use gate_bundle::*;
use gate_tables::Tables;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use stories::{DUTIES_OF, ENROLLED, Policy, Rule, Step, story};
use support::shop::{self, BATCH, LEDGER, WEB, line};
use support::*;
use world::World;

const STORES: usize = 6;
const PEOPLE: u8 = 4;
/// How long after its making a bundle may be activated.
const LIFE: u64 = 100;
/// After that no new story begins.
const LONGEST: Duration = Duration::from_secs(12);

fn tables(cells: u8) -> Tables {
    let mut tables = shop::tables();
    let all = [
        line(shop::ORDERS, Some("orders.get"), [&[0], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.list"), [&[0], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.create"), [&[1], &[]], &[WEB]),
        line(shop::ORDERS, Some("orders.list"), [&[4], &[]], &[BATCH]),
        line(LEDGER, None, [&[5], &[]], &[WEB]),
        line(LEDGER, None, [&[4], &[]], &[BATCH]),
    ];
    tables.access = (0..).zip(all).filter(|(bit, _)| cells & (1 << bit) != 0).map(|(_, line)| line).collect();
    shop::finish(tables)
}

fn duties_text(number: usize) -> String {
    let Rule { authors, approvers, approvals, operators } = DUTIES_OF[number];
    let person = |person: u8| {
        let duty = |bits: u8, word: &'static str| (bits & (1 << person) != 0).then_some(word);
        let duties = [duty(authors, "\"author\""), duty(approvers, "\"approve\""), duty(operators, "\"operate\"")];
        let may: Vec<&str> = duties.into_iter().flatten().collect();
        let may = if may.is_empty() { vec!["\"audit\""] } else { may };
        format!("[person.p{person}]\nkeys = [\"{}\"]\nmay = [{}]\n", line_of(person), may.join(", "))
    };
    let people: String = (0..PEOPLE).map(person).collect();
    format!("mode = \"team\"\napprovals = {approvals}\n{people}")
}

fn line_of(person: u8) -> String {
    support::line(person + 1)
}

/// Who signed as what, by the keys.
fn signers_of(bundle: &Bundle) -> Vec<(u8, Role)> {
    let person = |key: &Key| (0..PEOPLE).find(|person| Key::parse(&line_of(*person)).unwrap() == *key).unwrap();
    bundle.signatures().iter().map(|signed| (person(&signed.key), signed.role)).collect()
}

/// The rule, as design §7 says it, for bits and numbers.
fn allowed(before: Option<Policy>, after: Policy, signatures: &[(u8, Role)]) -> bool {
    let rule = DUTIES_OF[before.map_or(ENROLLED, |before| before.duties)];
    let as_role = |role| signatures.iter().filter(move |(_, signed)| *signed == role).map(|(person, _)| *person);
    let may = |bits: u8, person: u8| bits & (1 << person) != 0;
    let sound = as_role(Role::Author).all(|person| may(rule.authors, person))
        && as_role(Role::Approver).all(|person| may(rule.approvers, person));
    let authors: Vec<u8> = as_role(Role::Author).collect();
    let others = as_role(Role::Approver).filter(|person| !authors.contains(person)).count();
    let removal = before.is_some_and(|before| {
        let (was, is) = (before.cells, after.cells);
        is & !was == 0 && is != was && before.duties == after.duties
    });
    let needed = if removal { !signatures.is_empty() } else { authors.len() == 1 && others >= rule.approvals };
    sound && needed
}

fn enrolled() -> EnrolledRoot {
    root(&duties_text(ENROLLED))
}

fn open(dir: &std::path::Path, now: &Uptime) -> Store {
    Store::open(dir, enrolled(), ENVIRONMENT, Limits::default(), now).unwrap()
}

/// So many seconds after that boot.
fn at(boot: u64, seconds: u64) -> Uptime {
    Uptime { boot: boot.to_string(), ns: clock(seconds).ns }
}

#[test]
fn no_store_has_a_bundle_in_force_without_the_people_that_its_predecessor_asks_for() {
    let (activated, removals) = (Cell::new(0), Cell::new(0));
    let (deadlines, reverts) = (Cell::new(0), Cell::new(0));
    let (start, all) = (Instant::now(), Cell::new(true));
    let mut runner = TestRunner::new(Config::with_cases(64));
    let run = runner.run(&story(), |story| {
        if start.elapsed() > LONGEST {
            all.set(false);
            return Ok(());
        }
        let mut world = World::new();
        for step in &story {
            world.step(step);
            world.check()?;
        }
        for process in &world.processes {
            let (at_deadline, by_word) = process.model.backs;
            deadlines.set(deadlines.get() + at_deadline);
            reverts.set(reverts.get() + by_word);
            let current = process.store.as_ref().unwrap().current();
            activated.set(activated.get() + current.map_or(0, Admitted::version));
            let by_one = current.is_some_and(|current| current.signers().quorum == Quorum::RemovalByOne);
            removals.set(removals.get() + u64::from(by_one));
        }
        Ok(())
    });
    run.unwrap();
    // Stories that get nowhere prove nothing.
    let somewhere = activated.get() > 100 && removals.get() > 5 && deadlines.get() > 5 && reverts.get() > 5;
    let told = (activated.get(), removals.get(), deadlines.get(), reverts.get());
    assert!(somewhere || !all.get(), "{told:?} activated, by one, back at a deadline, reverted");
}

#[test]
fn the_model_tells_removals_from_additions() {
    let policy = |cells, duties| Policy { cells, duties };
    let author = [(0, Role::Author)];
    let both = [(0, Role::Author), (2, Role::Approver)];
    assert!(!allowed(None, policy(1, ENROLLED), &author));
    assert!(allowed(None, policy(1, ENROLLED), &both));
    assert!(allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &author));
    assert!(allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &[(3, Role::Approver)]));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(1, ENROLLED), &[(3, Role::Author)]));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(5, ENROLLED), &author));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(1, 0), &author));
    assert!(!allowed(Some(policy(3, ENROLLED)), policy(3, ENROLLED), &author));
}
