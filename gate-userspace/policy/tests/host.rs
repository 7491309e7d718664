//! The example of a host with PostgreSQL, Redis, a container and a job: it compiles, and its cases hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use gate_policy::{Compiled, PolicySource, compile, run_cases};
use gate_tables::Via;
use std::path::Path;

fn compiled() -> Compiled {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/host");
    compile(&PolicySource::from_dir(&directory).unwrap(), None).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn every_case_holds() {
    let results = run_cases(&compiled());
    assert_eq!(results.len(), 15);
    for result in results {
        assert!(result.passed(), "{result}");
    }
}

#[test]
fn the_kernel_lets_through_what_the_rules_name_and_nothing_else() {
    let tables = compiled().tables;
    let name = |id| tables.service(id).map_or("host", |service| &service.name);
    let reach: Vec<_> = tables.reach.iter().map(|line| (name(line.source), name(line.destination), line.via)).collect();
    assert_eq!(
        reach,
        [
            ("host", "web", Via::Proxy),
            ("monitor", "web", Via::Proxy),
            ("report", "postgres", Via::Direct),
            ("report", "web", Via::Proxy),
            ("web", "postgres", Via::Direct),
            ("web", "redis", Via::Direct),
        ]
    );
}

#[test]
fn no_rule_is_idle() {
    assert_eq!(compiled().remarks(), []);
}
