//! The demo's step 3.

#[test]
fn step3_what_no_rule_allows_is_denied() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::DENIALS])
}
