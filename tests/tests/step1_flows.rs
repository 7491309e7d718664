//! The demo's step 1.

#[test]
fn step1_flows_are_restricted_by_service() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::FLOWS])
}
