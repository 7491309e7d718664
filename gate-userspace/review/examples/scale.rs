//! What a comparison costs: `cargo run --release -p gate-review --example scale`. Prints milliseconds; asserts nothing.

use gate_review::{Page, Question, Side, diff, what_can, who_can};
use gate_tables::{Cell, Tables};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

fn main() {
    println!("services  rules  cells      compare  diff  cells changed  written  who-can  what-can");
    for (services, rules) in [(100, 1_000), (1_000, 10_000), (1_000, 50_000)] {
        let (Some(old), Some(new)) = (tables(services, rules, 0), tables(services, rules, 1)) else {
            return println!("the tables of this program are no tables");
        };
        let cells: usize = old.access.iter().map(|line| line.sources.len()).sum();
        let nobody = |_: &Cell| Vec::new();
        let side = |tables| Side { tables, forbids: &nobody };
        let (compare, _) = timed(|| gate_tables::compare(&old, &new));
        let (whole, found) = timed(|| diff(&side(&old), &side(&new)));
        let (written, _) = timed(|| {
            let mut page = Page::default();
            found.write(true, &mut page);
            page.to_markdown()
        });
        let (who, _) = timed(|| who_can(&new, Question::Action("s1:all", None)));
        let (what, _) = timed(|| what_can(&new, "s1"));
        let changed = found.counts.giving() + found.counts.taking();
        println!(
            "{services:>8}  {rules:>5}  {cells:>9}  {compare:>7}  {whole:>4}  {changed:>13}  {written:>7}  {who:>7}  \
                  {what:>8}"
        );
    }
}

fn timed<T>(what: impl FnOnce() -> T) -> (u128, T) {
    let start = Instant::now();
    let result = what();
    (start.elapsed().as_millis(), result)
}

/// Destination, route, rules.
type Line<'a> = (usize, &'a str, Vec<usize>);

/// Each rule is about one service's three routes and forty sources; one rule in fifty is another with each `seed`.
fn tables(services: usize, rules: usize, seed: usize) -> Option<Tables> {
    let mut names: Vec<String> = (0..services).map(|n| format!("s{n}")).collect();
    names.sort();
    let routes = |name: &str| -> Vec<Value> {
        ["get", "list", "put"]
            .map(|route| json!({ "action": format!("{name}.{route}"), "method": "GET", "path": format!("/{route}") }))
            .into()
    };
    let service = |(number, name): (usize, &String)| {
        json!({
            "id": number + 1, "name": name, "owner": "t", "cgroup": format!("{name}.service"), "observe": false,
            "ports": [{ "id": 1, "name": "p", "transport": "tcp", "number": 10_000 + number, "protocol": "http",
                        "routes": routes(name) }],
        })
    };
    let rule = |number: usize| {
        let condition = json!({ "sha256": format!("{:064}", number % 7), "total": true });
        let rule = json!({ "id": format!("r{number:06}"), "effect": "permit", "reason": "r", "ticket": "t", "place": "a.cedar:1" });
        match (rule, number % 5) {
            (Value::Object(mut fields), 0) => {
                fields.insert("condition".into(), condition);
                Value::Object(fields)
            }
            (rule, _) => rule,
        }
    };
    let mut cells: BTreeMap<(usize, &str, usize), Vec<usize>> = BTreeMap::new();
    for number in 0..rules {
        let moved = if number % 50 == 0 { seed } else { 0 };
        let (destination, route) = (number % services, ["get", "list", "put"].into_iter().nth(number / services % 3)?);
        for source in 0..40 {
            let source = (number * 7 + source * 3 + moved) % services;
            cells.entry((destination + 1, route, source + 1)).or_default().push(number);
        }
    }
    let mut lines: BTreeMap<Line<'_>, BTreeSet<usize>> = BTreeMap::new();
    for ((destination, route, source), mut permits) in cells {
        permits.dedup();
        lines.entry((destination, route, permits)).or_default().insert(source);
    }
    let line = |((destination, route, permits), sources): (&Line<'_>, &BTreeSet<usize>)| {
        let name = names.get(destination - 1)?;
        Some(json!({
            "destination": destination, "port": 1, "action": format!("{name}.{route}"), "permits": permits, "sources": sources,
        }))
    };
    let access: Option<Vec<Value>> = lines.iter().map(line).collect();
    let tables = json!({
        "format": gate_tables::FORMAT, "environment": "bench", "retired": {}, "reach": [], "access": access?,
        "services": names.iter().enumerate().map(service).collect::<Vec<_>>(),
        "rules": (0..rules).map(rule).collect::<Vec<_>>(),
    });
    Tables::from_bytes(&serde_json::to_vec(&tables).ok()?).map_err(|error| println!("{error}")).ok()
}
