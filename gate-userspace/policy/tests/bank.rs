//! The example of a bank: users' roles, how and when they authenticated, opening hours, and what no role may hold together.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed")]

use gate_policy::{Compiled, PolicySource, compile, run_cases};
use std::collections::BTreeSet;
use std::path::Path;

fn compiled() -> Compiled {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/bank");
    compile(&PolicySource::from_dir(&directory).unwrap(), None).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn every_case_holds() {
    let results = run_cases(&compiled());
    assert_eq!(results.len(), 23);
    for result in results {
        assert!(result.passed(), "{result}");
    }
}

#[test]
fn the_tables_tell_which_roles_a_rule_can_hold_for() {
    let tables = compiled().tables;
    let roles = |id: &str| {
        let rule = tables.rules.iter().find(|rule| rule.id == id).unwrap();
        rule.condition.as_ref().and_then(|condition| condition.roles.clone())
    };
    let only = |names: &[&str]| Some(names.iter().map(ToString::to_string).collect::<BTreeSet<_>>());
    assert_eq!(roles("tellers-enter-payments"), only(&["teller"]));
    assert_eq!(roles("supervisors-release-payments"), only(&["supervisor"]));
    assert_eq!(roles("branches-and-auditors-look"), None, "every role");
    assert_eq!(roles("customers-see-their-own"), None, "customers have no roles");
}
