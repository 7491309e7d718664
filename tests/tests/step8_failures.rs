//! The demo's step 8.

#[test]
fn step8_each_process_killed_in_turn() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::FAILURES])
}
