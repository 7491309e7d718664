//! The demo's step 5.

#[test]
fn step5_the_proxy_reaches_only_what_it_was_granted() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::GRANTS])
}
