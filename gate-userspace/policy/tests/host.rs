//! The example of a host with PostgreSQL, Redis, a container and a job: it compiles, and its cases hold.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use gate_policy::{Compiled, PolicySource, compile, run_cases};
use gate_tables::{Parties, Via};
use std::path::Path;

fn compiled() -> Compiled {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/host");
    compile(&PolicySource::from_dir(&directory).unwrap(), None).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn every_case_holds() {
    let results = run_cases(&compiled());
    assert_eq!(results.len(), 29);
    for result in results {
        assert!(result.passed(), "{result}");
    }
}

#[test]
fn inside_the_host_the_kernel_lets_through_what_the_rules_name_and_nothing_else() {
    let tables = compiled().tables;
    let parties = Parties::new(&tables);
    let lines = tables.reach.iter().filter(|line| tables.service(line.destination).is_some());
    let name = |id| parties.get(id).unwrap().name();
    let mut reach: Vec<_> = lines.map(|line| (name(line.source), name(line.destination), line.via)).collect();
    reach.sort_unstable();
    assert_eq!(
        reach,
        [
            ("host", "web", Via::Proxy),
            ("internet", "nginx", Via::Direct),
            ("log", "nginx", Via::Direct),
            ("monitor", "web", Via::Proxy),
            ("nginx", "web", Via::Proxy),
            ("office", "nginx", Via::Direct),
            ("payment-provider", "nginx", Via::Direct),
            ("report", "postgres", Via::Direct),
            ("report", "web", Via::Proxy),
            ("resolver", "nginx", Via::Direct),
            ("time", "nginx", Via::Direct),
            ("web", "postgres", Via::Direct),
            ("web", "redis", Via::Direct),
            ("world", "nginx", Via::Direct),
        ]
    );
}

#[test]
fn no_rule_is_idle_and_what_leaves_the_host_is_remarked() {
    let compiled = compiled();
    assert_eq!(compiled.remarks(), []);
    let unserved: Vec<String> = compiled.unserved().iter().map(ToString::to_string).collect();
    for rule in ["visitors-come-to-nginx", "web-takes-payments", "base-services-resolve-names"] {
        let said = |remark: &String| remark.contains(rule) && remark.contains("which this version denies");
        assert!(unserved.iter().any(said), "{rule}: {unserved:#?}");
    }
    assert!(!unserved.iter().any(|remark| remark.contains("clients-query-postgres")), "{unserved:#?}");
}

#[test]
fn what_every_host_needs_is_the_same_file() {
    let read = |name: &str| {
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        std::fs::read_to_string(policies.join(name)).unwrap()
    };
    assert_eq!(read("base.cedar"), read("host/base.cedar"));
}
