//! The demo's step 4.

#[test]
fn step4_there_is_no_way_around_the_proxy() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::BYPASSES])
}
