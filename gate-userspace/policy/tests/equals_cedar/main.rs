//! The compiled form decides exactly as Cedar's own authorizer over the whole policy, except that any evaluation error
//! denies; its tables reach what Cedar might permit and nothing else; and comparing two tables tells what Cedar allows now
//! and did not allow before.
//!
//! A million random (policy, principal, request) are asked in each run. A failure prints the seed: `GATE_SEED=… cargo test
//! -p gate-policy --test equals_cedar` repeats it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that panics has failed")]

mod check;
mod oracle;
mod pairs;
mod questions;
mod rules;
mod world;

use gate_policy::{Compiled, Diagnostic, PolicySource, compile};
use oracle::{Answers, Oracle, is_valid};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use questions::cells;
use rules::{Rule, any_rule, text};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use world::{Cell, World, any_world};

/// Worlds of one run, each with so many policies.
const WORLDS: u64 = 30;
const POLICIES: usize = 20;
/// Questions that one run asks at the least.
const LEAST: u64 = 1_000_000;

/// What a run did.
#[derive(Debug, Default)]
struct Counts {
    decisions: AtomicU64,
    allowed: AtomicU64,
    erred: AtomicU64,
    comparisons: AtomicU64,
    /// Comparisons that found nothing but removals, though something changed.
    removals: AtomicU64,
}

/// A policy that compiles, and all that Cedar says about it.
struct Judged {
    text: String,
    compiled: Compiled,
    /// In the order of the cells.
    answers: Vec<Answers>,
}

#[test]
fn the_compiled_form_decides_as_cedar() {
    let seed: u64 = std::env::var("GATE_SEED").map_or_else(|_| rand_seed(), |seed| seed.parse().unwrap());
    println!("GATE_SEED={seed}");
    let (cells, counts, next) = (cells(), Counts::default(), AtomicU64::new(0));
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let _stop = Stop(&next);
                loop {
                    let world = next.fetch_add(1, Ordering::Relaxed);
                    if world >= WORLDS {
                        return;
                    }
                    one_world(seed, world, &cells, &counts);
                }
            });
        }
    });
    println!("{counts:?}");
    let enough = |count: &AtomicU64, least: u64| assert!(count.load(Ordering::Relaxed) >= least, "{counts:?}");
    enough(&counts.decisions, LEAST);
    enough(&counts.allowed, LEAST / 20);
    enough(&counts.erred, LEAST / 200);
    enough(&counts.comparisons, WORLDS * (POLICIES as u64 - 1));
    enough(&counts.removals, WORLDS);
}

/// One failure is enough: the other threads end with their world.
struct Stop<'a>(&'a AtomicU64);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(WORLDS, Ordering::Relaxed);
    }
}

fn rand_seed() -> u64 {
    TestRunner::default().rng().next_u64()
}

fn one_world(seed: u64, number: u64, cells: &[Cell], counts: &Counts) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let mut world = draw(&any_world(), &mut runner);
    let mut rules = Vec::new();
    let mut before: Option<Judged> = None;
    for _ in 0..POLICIES {
        (world, rules) = another(world, rules, &mut runner);
        let judged = judge(&world, &mut rules, cells);
        check::policy(&judged, cells, counts);
        if let Some(before) = &before {
            pairs::compare(before, &judged, cells, counts);
        }
        before = Some(judged);
    }
}

fn draw<T: std::fmt::Debug>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// A new policy, or one that differs from the one before it in a rule or in its declarations.
fn another(mut world: World, mut rules: Vec<Rule>, runner: &mut TestRunner) -> (World, Vec<Rule>) {
    let place = |rules: &[Rule], runner: &mut TestRunner| draw(&(0..rules.len().max(1)), runner).min(rules.len());
    match draw(&(0..8u8), runner) {
        0..=1 => rules = draw(&prop::collection::vec(any_rule(), 0..9), runner),
        2 => world = draw(&any_world(), runner),
        3..=4 if !rules.is_empty() => drop(rules.remove(place(&rules, runner))),
        5 if !rules.is_empty() => {
            let place = place(&rules, runner);
            rules[place] = draw(&any_rule(), runner);
        }
        6 => rules.insert(0, Rule { effect: "forbid", ..draw(&any_rule(), runner) }),
        _ => rules.push(draw(&any_rule(), runner)),
    }
    if rules.len() > 9 {
        rules.truncate(5);
    }
    (world, rules)
}

/// Compiles the policy, leaving out rules until it may be compiled: some can never apply, which Cedar's validator says too.
fn judge(world: &World, rules: &mut Vec<Rule>, cells: &[Cell]) -> Judged {
    loop {
        let text = text(rules);
        match compile(&source(world, &text), None) {
            Ok(compiled) => {
                assert!(is_valid(world, &text), "Cedar's validator objects to\n{text}{}", world.toml);
                let again = compile(&source(world, &text), None).unwrap();
                assert_eq!(compiled.tables.to_bytes().unwrap(), again.tables.to_bytes().unwrap());
                let oracle = Oracle::new(world, rules);
                let answers = cells.iter().map(|cell| oracle.answers(cell)).collect();
                return Judged { text: format!("{text}{}", world.toml), compiled, answers };
            }
            Err(errors) => leave_out(world, rules, cells, &errors),
        }
    }
}

/// Each rule that is refused is one that Cedar's validator objects to, one that Cedar never applies to any question, or one
/// that the kernel cannot be told.
fn leave_out(world: &World, rules: &mut Vec<Rule>, cells: &[Cell], errors: &[Diagnostic]) {
    let mut lines: Vec<usize> = errors.iter().filter_map(|error| error.line).collect();
    lines.sort_unstable();
    lines.dedup();
    assert!(!lines.is_empty(), "{errors:?}");
    for error in errors {
        let rule = error.line.and_then(|line| rules.get(line - 1)).unwrap_or_else(|| panic!("{error}"));
        let justified = if error.message.contains("never applies") {
            let scope = Rule { effect: "permit", condition: String::new(), ..rule.clone() };
            let oracle = Oracle::new(world, &[scope]);
            cells.iter().all(|cell| !oracle.answers(cell).possible.allow)
        } else if error.message.contains("policy is impossible") {
            // Cedar looks at every action of the schema, and the compiler at those of the rule's scope.
            let oracle = Oracle::new(world, &[Rule { effect: "permit", ..rule.clone() }]);
            cells.iter().all(|cell| oracle.answers(cell).answers.iter().all(|answer| !answer.allow))
        } else {
            let kernels =
                ["covers Action::\"connect\"", "with a gap between them", "and not for the networks inside it"];
            kernels.iter().any(|message| error.message.contains(message))
                || !is_valid(world, &rule.text(rule.effect, 0, &rule.condition))
        };
        assert!(justified, "Cedar has nothing against {rule:?}\n{error}\n{}", world.toml);
    }
    lines.iter().rev().for_each(|line| drop(rules.remove(line - 1)));
}

fn source(world: &World, rules: &str) -> PolicySource {
    let files = [("services.toml", world.toml.as_str()), ("rules.cedar", rules)];
    PolicySource::from_files(files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))).unwrap()
}
