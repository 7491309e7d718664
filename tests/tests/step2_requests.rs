//! The demo's step 2.

#[test]
fn step2_requests_go_through_the_proxy() -> anyhow::Result<()> {
    gate_tests::test(&[gate_tests::steps::REQUESTS])
}
